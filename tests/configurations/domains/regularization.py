"""Layers that act in training only, at inference; and in training where nothing is drawn."""
from keras import layers

from domain import OMIT, Domain, T

RATES = dict(rate=[0.0, 0.25, 0.5, 1.0])
NONE = dict(rate=[0.0])
THREE, FOUR, FIVE = [[T(2, 3, 4)]], [[T(2, 3, 2, 4)]], [[T(2, 3, 2, 2, 4)]]
FORMAT = dict(data_format=[OMIT, "channels_first", "channels_last"])


def masked_inert(make):
    def call(inputs, arguments):
        return layers.GlobalAveragePooling1D()(make(name="layer", **arguments)(layers.Masking()(inputs[0])))
    return call


STEPS = [[T(2, 4, 3, steps=True)], [T(3, 5, 2, steps=True)]]

DOMAINS = [
    Domain("Dropout", layers.Dropout, dict(noise_shape=[OMIT, (None, 1, 4), (2, 3, 1)], **RATES), THREE, trains=False),
    Domain("Dropout none", None, dict(noise_shape=[OMIT, (None, 1, None)], **NONE), STEPS,
           call=masked_inert(layers.Dropout), count=4),
    Domain("SpatialDropout1D", layers.SpatialDropout1D, RATES, THREE + [[T(3, 2, 5)]], trains=False),
    Domain("SpatialDropout2D", layers.SpatialDropout2D, dict(**RATES, **FORMAT), FOUR + [[T(3, 2, 3, 2)]], trains=False),
    Domain("SpatialDropout3D", layers.SpatialDropout3D, dict(**RATES, **FORMAT), FIVE + [[T(3, 2, 3, 1, 2)]], trains=False),
    Domain("AlphaDropout", layers.AlphaDropout, dict(noise_shape=[OMIT, (None, 1, 4), (2, 3, 1)], **RATES), THREE,
           trains=False),
    Domain("AlphaDropout none", None, dict(noise_shape=[OMIT, (None, 1, None)], **NONE), STEPS,
           call=masked_inert(layers.AlphaDropout), count=4),
    Domain("GaussianDropout", layers.GaussianDropout, RATES, THREE + FOUR, trains=False),
    Domain("GaussianDropout none", None, dict(**NONE), STEPS,
           call=masked_inert(layers.GaussianDropout), count=2),
    Domain("GaussianNoise", layers.GaussianNoise, dict(stddev=[0.0, 0.25, 0.5, 1.0]), THREE + FOUR,
           trains=False),
    Domain("GaussianNoise none", None, dict(stddev=[0.0]), STEPS,
           call=masked_inert(layers.GaussianNoise), count=2),
    Domain("ActivityRegularization", layers.ActivityRegularization, dict(l1=[OMIT, 0.1, 0.5], l2=[OMIT, 0.2, 0.3]),
           [[T(2, 3)], [T(3, 2, 4)]]),
]
