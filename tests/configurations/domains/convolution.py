"""Convolutions."""
from keras import layers

from domain import OMIT, Domain, T

COMMON = dict(padding=[OMIT, "same", "valid"], data_format=[OMIT, "channels_first", "channels_last"],
              activation=[OMIT, "relu", "tanh"], use_bias=[OMIT, False], bias_regularizer=[OMIT, "l2"],
              activity_regularizer=[OMIT, "l2"])


def images(rank, channels=2, space=(5, 6, 4)):
    space = space[:rank]
    return lambda a: [T(2, channels, *space) if a.get("data_format") == "channels_first" else T(2, *space, channels)]


def windows(rank):
    return dict(kernel_size=[1, 2, tuple([3, 2, 1][:rank])], strides=[OMIT, 1, 2, tuple([2, 1, 3][:rank])],
                dilation_rate=[OMIT, 1, 2, tuple([1, 2, 1][:rank])])


def conv(rank):
    padding = [OMIT, "same", "valid"] + (["causal"] if rank == 1 else [])
    return Domain(f"Conv{rank}D", getattr(layers, f"Conv{rank}D"),
                  {**COMMON, **windows(rank), "filters": [2, 4], "groups": [OMIT, 1, 2], "padding": padding,
                   "kernel_regularizer": [OMIT, "l2"]}, images(rank), count=10)


def transposed(rank):
    return Domain(f"Conv{rank}DTranspose", getattr(layers, f"Conv{rank}DTranspose"),
                  {**COMMON, **windows(rank), "filters": [1, 2], "output_padding": [OMIT, OMIT, 0, 1],
                   "kernel_regularizer": [OMIT, "l2"]}, images(rank, space=[3, 4, 2]), count=14)


def depthwise(rank):
    return Domain(f"DepthwiseConv{rank}D", getattr(layers, f"DepthwiseConv{rank}D"),
                  {**COMMON, **windows(rank), "depth_multiplier": [OMIT, 1, 2], "depthwise_regularizer": [OMIT, "l2"]},
                  images(rank), count=10)


def separable(rank):
    return Domain(f"SeparableConv{rank}D", getattr(layers, f"SeparableConv{rank}D"),
                  {**COMMON, **windows(rank), "filters": [1, 3], "depth_multiplier": [OMIT, 1, 2],
                   "depthwise_regularizer": [OMIT, "l2"], "pointwise_regularizer": [OMIT, "l1"]}, images(rank), count=10)


DOMAINS = [conv(1), conv(2), conv(3), transposed(1), transposed(2), transposed(3), depthwise(1), depthwise(2),
           separable(1), separable(2)]
