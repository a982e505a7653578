"""Normalizations."""
from keras import layers

from domain import OMIT, Domain, T

AFFINE = dict(center=[OMIT, False], scale=[OMIT, False], beta_regularizer=[OMIT, "l2"], gamma_regularizer=[OMIT, "l1"])
IMAGES = [[T(2, 4, 3)], [T(3, 2, 3, 4)], [T(2, 5, 2, 2)]]


def masked(make):
    def call(inputs, arguments):
        return make(name="layer", **arguments)(layers.Masking()(inputs[0]))
    return call


WRAPPED = {
    "dense": lambda: layers.Dense(3, name="inner"),
    "conv": lambda: layers.Conv1D(3, 2, use_bias=False, activation="tanh", name="inner"),
    "depthwise": lambda: layers.DepthwiseConv1D(2, depth_multiplier=2, name="inner"),
    "transposed": lambda: layers.Conv1DTranspose(2, 3, strides=2, name="inner"),
    "einsum": lambda: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d", name="inner"),
}


def spectral(inputs, arguments):
    others = {k: v for k, v in arguments.items() if k != "layer"}
    return layers.SpectralNormalization(WRAPPED[arguments["layer"]](), name="layer", **others)(inputs[0])


def spectral_embedding(inputs, arguments):
    return layers.SpectralNormalization(layers.Embedding(6, 3, name="inner"), name="layer", **arguments)(inputs[0])


BATCH = dict(axis=[OMIT, 1, -1, 2], momentum=[OMIT, 0.5, 0.0], epsilon=[OMIT, 0.01], **AFFINE, trainable=[OMIT, False])

DOMAINS = [
    Domain("BatchNormalization", layers.BatchNormalization, BATCH, IMAGES, count=12),
    Domain("BatchNormalization masked", None, {**BATCH, "axis": [OMIT, -1, 2]}, [[T(2, 5, 3, steps=True)]],
           call=masked(layers.BatchNormalization)),
    Domain("BatchNormalization renorm", layers.BatchNormalization,
           {**BATCH, "renorm": [True], "renorm_momentum": [OMIT, 0.5],
            "renorm_clipping": [OMIT, dict(rmax=1.2, rmin=0.9, dmax=0.1), dict(dmax=0.3)]},
           IMAGES, count=10, weights={"moving_stddev": (0.5, 1.5), "renorm_stddev": (0.5, 1.5)}),
    Domain("LayerNormalization", layers.LayerNormalization,
           dict(axis=[OMIT, 1, (1, 2), [-1]], epsilon=[OMIT, 0.01], rms_scaling=[OMIT, True], **AFFINE), IMAGES,
           count=12),
    Domain("GroupNormalization", layers.GroupNormalization,
           dict(groups=[1, 2, -1], axis=[OMIT, 1, 2, -1], epsilon=[OMIT, 0.01], **AFFINE),
           [[T(2, 4, 6)], [T(2, 2, 3, 4)], [T(3, 4, 2, 2)]], count=10),
    Domain("RMSNormalization", layers.RMSNormalization, dict(axis=[OMIT, 1, [1, 2]], epsilon=[OMIT, 0.01]), IMAGES),
    Domain("UnitNormalization", layers.UnitNormalization, dict(axis=[OMIT, 1, [1, 2]]), IMAGES),
    Domain("SpectralNormalization", None, dict(layer=list(WRAPPED), power_iterations=[OMIT, 2, 3]),
           [[T(2, 4, 3)], [T(2, 5, 2)]], call=spectral),
    Domain("SpectralNormalization embedding", None, dict(power_iterations=[OMIT, 2]),
           [[T(2, 4, dtype="int32")], [T(3, 2, low=0, high=6)]], call=spectral_embedding, count=4),
]
