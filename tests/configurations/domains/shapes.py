"""Layers that put elements elsewhere, and that make one tensor of several."""
from keras import layers

from domain import OMIT, Domain, T

FORMAT = dict(data_format=[OMIT, "channels_first", "channels_last"])


def ends(rank):
    one = [1, 2, tuple((1, 2) for _ in range(rank)), tuple((i, 1) for i in range(rank))]
    return [OMIT, *one, (1, 2, 0)[:rank]] if rank > 1 else [OMIT, 1, 2, (1, 2), (0, 2)]


def images(rank, space=(6, 5, 7)):
    space = space[:rank]
    return lambda a: [T(2, 2, *space) if a.get("data_format") == "channels_first" else T(2, *space, 2)]


def edges(kind, argument, rank):
    name = f"{kind}{rank}D"
    if name == "Cropping1D":
        return Domain(name, layers.Cropping1D, {argument: ends(1)}, [[T(2, 6, 2)], [T(3, 5, 1)]])
    space = (1, 2, 1) if name == "ZeroPadding3D" else (5, 6, 5)
    return Domain(name, getattr(layers, name), {argument: ends(rank), **FORMAT}, images(rank, space))


def listed(make):
    def call(inputs, arguments):
        masked = arguments.get("masked")
        own = {k: v for k, v in arguments.items() if k != "masked"}
        tensors = [layers.Masking()(t) if masked == "all" or (masked == "first" and i == 0) else t
                   for i, t in enumerate(inputs)]
        y = make(name="layer", **own)(tensors)
        return layers.GlobalAveragePooling1D()(y) if masked and len(y.shape) == 3 else y
    return call


SUMS = [[T(2, 3, 4, steps=True), T(2, 3, 4, steps=True)], [T(2, 3, 4, steps=True), T(2, 3, 4), T(2, 3, 4, steps=True)],
        [T(3, 3, 4), T(3, 1, 4)], [T(2, 4), T(2, 3, 4)], [T(2, 3, 4), T(2, 3, 1)]]
PAIRS = [s for s in SUMS if len(s) == 2]


def merge(name, tensors=SUMS):
    return Domain(name, None, dict(masked=[None, None, "all", "first"]), tensors, call=listed(getattr(layers, name)))


DOMAINS = [
    *[edges(kind, argument, rank) for kind, argument in (("ZeroPadding", "padding"), ("Cropping", "cropping"))
      for rank in (1, 2, 3)],
    Domain("Flatten", layers.Flatten, FORMAT, [[T(2, 3)], [T(2, 3, 4)], [T(2, 3, 2, 4)], [T(3, 2, 2, 2, 3)]]),
    Domain("Reshape", layers.Reshape, dict(target_shape=[(12,), (3, 4), (-1,), (2, -1), (2, 3, 2), (-1, 6, 1)]),
           [[T(2, 12)], [T(2, 3, 4)], [T(3, 2, 6)]]),
    Domain("Permute", layers.Permute, dict(dims=[(1, 2), (2, 1), (1, 2, 3), (3, 1, 2), (2, 3, 1), (3, 2, 1)]),
           [[T(2, 3, 4)], [T(2, 3, 2, 4)], [T(3, 1, 2)], [T(3, 2, 1, 5)]]),
    Domain("RepeatVector", layers.RepeatVector, dict(n=[1, 2, 5]), [[T(2, 3)], [T(3, 4)], [T(2, 1)]]),
    Domain("UpSampling1D", layers.UpSampling1D, dict(size=[OMIT, 1, 3]), [[T(2, 3, 4)], [T(3, 2, 2)], [T(2, 1, 3)]]),
    Domain("UpSampling2D", layers.UpSampling2D,
           dict(size=[OMIT, 1, 3, (2, 3)], interpolation=[OMIT, "nearest", "bilinear"], **FORMAT), images(2), count=8),
    Domain("UpSampling3D", layers.UpSampling3D, dict(size=[OMIT, 1, (1, 2, 2), (2, 1, 1)], **FORMAT),
           [[T(2, 2, 3, 2, 1)], [T(2, 1, 2, 3, 2)]]),
    merge("Add"), merge("Multiply"), merge("Average"), merge("Maximum"), merge("Minimum"), merge("Subtract", PAIRS),
    Domain("Concatenate", None, dict(axis=[OMIT, 1, 2, -1, -2], masked=[None, None, "all", "first"]),
           [[T(2, 3, 4, steps=True), T(2, 3, 4, steps=True)], [T(2, 3, 4), T(2, 3, 1), T(2, 3, 2)],
            [T(2, 1, 4, steps=True), T(2, 3, 4, steps=True)]], call=listed(layers.Concatenate), count=12),
    Domain("Dot", None, dict(axes=[1, 2, (1, 2), (2, 1), -1], normalize=[OMIT, True, False]),
           [[T(2, 3), T(2, 3)], [T(2, 3, 4), T(2, 3, 4)], [T(2, 3, 4), T(2, 4, 3)], [T(2, 3, 4), T(2, 3)],
            [T(2, 2, 3, 4), T(2, 3, 2)]], call=listed(layers.Dot), count=12),
]
