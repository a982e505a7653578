"""Activations as layers."""
from keras import layers

from domain import OMIT, Domain, T

NAMES = ["linear", "relu", "relu6", "tanh", "sigmoid", "softmax", "softplus", "softsign", "silu", "selu", "elu", "celu",
         "gelu", "glu", "exponential", "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "leaky_relu",
         "log_sigmoid", "log_softmax", "mish", "soft_shrink", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
         "tanh_shrink", "threshold"]
ANY = [[T(2, 4)], [T(2, 3, 4)], [T(3, 2, 2, 2)]]


def masked_softmax(inputs, arguments):
    # The mask has the shape of what the softmax is of.
    return layers.Softmax(name="layer", **arguments)(inputs[0], mask=inputs[1])


DOMAINS = [
    Domain("Activation", layers.Activation, dict(activation=NAMES), ANY, count=30),
    Domain("ReLU", layers.ReLU, dict(max_value=[OMIT, 0.5, 1.0], negative_slope=[OMIT, 0.25], threshold=[OMIT, 0.4]),
           ANY),
    Domain("LeakyReLU", layers.LeakyReLU, dict(negative_slope=[OMIT, 0.1, 0.0]), ANY),
    Domain("ELU", layers.ELU, dict(alpha=[OMIT, 0.5, 2.0]), ANY),
    Domain("PReLU", layers.PReLU, dict(shared_axes=[OMIT, [1], [2], [1, 2]], alpha_regularizer=[OMIT, "l2"]), ANY),
    Domain("Softmax", layers.Softmax, dict(axis=[OMIT, 1, -1, (1, 2), [-1]]), ANY),
    Domain("Softmax masked", None, dict(axis=[OMIT, 1, (1, 2)]), [[T(2, 3, 4), T(2, 3, 4, dtype="bool")]],
           call=masked_softmax, count=3),
]
