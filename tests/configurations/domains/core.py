"""Layers of products."""
from keras import layers

from domain import OMIT, Domain, T

DOMAINS = [
    Domain("Dense", layers.Dense,
           dict(units=[1, 3, 5], activation=[OMIT, "relu", "softmax", "gelu", "tanh"], use_bias=[OMIT, True, False],
                kernel_regularizer=[OMIT, "l1", "l2"], bias_regularizer=[OMIT, "l1l2"],
                activity_regularizer=[OMIT, "l2"]),
           [[T(2, 4)], [T(3, 2, 5)], [T(2, 3, 2, 4)]], count=12),
    Domain("Embedding", layers.Embedding, dict(input_dim=[6, 9], output_dim=[1, 4], mask_zero=[OMIT, True]),
           [[T(2, 3, dtype="int32")], [T(3, 4, dtype="int64")], [T(2, 2, 3, dtype="uint8")]]),
]
