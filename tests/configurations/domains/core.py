"""Layers of products."""
from keras import layers

from domain import OMIT, Domain, T


def lora(make, tensors, *arguments):
    """At inference. What files hold has the changes of small rank in it."""
    parts = [f"lora_{of}_{part}" for of in ("kernel", "embeddings") for part in "ab"]
    return Domain(f"{make.__name__} lora", None, dict(lora_rank=[1, 2], lora_alpha=[OMIT, 3]), tensors, count=4, trains=False,
                  weights={part: None for part in parts}, call=lambda x, own: make(*arguments, name="layer", **own)(x[0]))


# Keras 3.16 has it.
TERNARY = [] if not hasattr(layers, "TernaryDense") else [
    Domain("TernaryDense", layers.TernaryDense,
           dict(units=[1, 3, 5], threshold=[OMIT, 0.0, 0.3], activation=[OMIT, "relu", "tanh"], use_bias=[OMIT, True, False],
                kernel_regularizer=[OMIT, "l2"], activity_regularizer=[OMIT, "l2"]),
           [[T(2, 4)], [T(3, 2, 5)], [T(2, 3, 2, 4)]], count=12),
]

ROWS = [[T(2, 3, dtype="int32")], [T(3, 4, dtype="int32")]]


DOMAINS = [
    Domain("Dense", layers.Dense,
           dict(units=[1, 3, 5], activation=[OMIT, "relu", "softmax", "gelu", "tanh"], use_bias=[OMIT, True, False],
                kernel_regularizer=[OMIT, "l1", "l2"], bias_regularizer=[OMIT, "l1l2"],
                activity_regularizer=[OMIT, "l2"]),
           [[T(2, 4)], [T(3, 2, 5)], [T(2, 3, 2, 4)]], count=12),
    Domain("Embedding", layers.Embedding, dict(input_dim=[6, 9], output_dim=[1, 4], mask_zero=[OMIT, True]),
           [[T(2, 3, dtype="int32")], [T(3, 4, dtype="int64")], [T(2, 2, 3, dtype="uint8")]]),
    lora(layers.Dense, [[T(2, 4)], [T(2, 3, 5)]], 3),
    lora(layers.EinsumDense, [[T(2, 4, 3)], [T(2, 3, 5)]], "abc,cd->abd", (None, 4)),
    lora(layers.Embedding, ROWS, 6, 3),
    lora(layers.ReversibleEmbedding, ROWS, 6, 3),
] + TERNARY
