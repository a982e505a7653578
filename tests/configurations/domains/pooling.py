"""Pooling."""
from keras import layers

from domain import OMIT, Domain, T

FORMAT = dict(data_format=[OMIT, "channels_first", "channels_last"])


def images(rank):
    """One with channels last, one with channels first, which keep the other sizes apart."""
    space = [7, 6, 5][:rank]
    return lambda a: [T(2, 2, *space) if a.get("data_format") == "channels_first" else T(2, *space, 2)]


def pool(kind, rank):
    several = tuple([2, 3, 1][:rank])
    return Domain(f"{kind}Pooling{rank}D", getattr(layers, f"{kind}Pooling{rank}D"),
                  dict(pool_size=[2, 3, several], strides=[OMIT, 1, 2, tuple([3, 1, 2][:rank])],
                       padding=[OMIT, "same", "valid"], **FORMAT), images(rank))


def over_all(kind, rank):
    name = f"Global{kind}Pooling{rank}D"
    return Domain(name, getattr(layers, name), dict(keepdims=[OMIT, True, False], **FORMAT),
                  [[T(2, *[4, 3, 2][:rank], 3)], [T(3, 2, *[5, 2, 3][:rank])]])


def adaptive(kind, rank):
    name = f"Adaptive{kind}Pooling{rank}D"
    return Domain(name, getattr(layers, name),
                  dict(output_size=[1, 2, 4, tuple([3, 5, 2][:rank]), tuple([7, 4, 3][:rank]), tuple([9, 2, 5][:rank])],
                       **FORMAT), images(rank))


def masked_average(inputs, arguments):
    return layers.GlobalAveragePooling1D(name="layer", **arguments)(layers.Masking()(inputs[0]))


DOMAINS = [make(kind, rank) for make in (pool, over_all, adaptive) for kind in ("Max", "Average") for rank in (1, 2, 3)]
DOMAINS.append(Domain("GlobalAveragePooling1D masked", None, dict(keepdims=[OMIT, True]),
                      [[T(2, 4, 3, steps=True)], [T(3, 5, 2, steps=True)]], call=masked_average, count=4))
