"""Layers of attention."""
from keras import layers

from domain import OMIT, Domain, T

REGULARIZED = dict(kernel_regularizer=[OMIT, "l2"], bias_regularizer=[OMIT, "l2"], activity_regularizer=[OMIT, "l2"])
HEADS = dict(use_bias=[OMIT, False], use_gate=[OMIT, True], flash_attention=[OMIT, False], sliding_window=[OMIT, 1, 2])
CALLED = {"return_attention_scores", "use_causal_mask"}
FLAGS = dict(return_attention_scores=[OMIT, True], use_causal_mask=[OMIT, True])


def heads(make):
    """Inputs: query, value, perhaps key, perhaps a mask."""
    def call(inputs, arguments):
        called = {k: v for k, v in arguments.items() if k in CALLED}
        own = {k: v for k, v in arguments.items() if k not in CALLED | {"masked", "attention_mask", "key"}}
        tensors = list(inputs)
        if arguments.get("attention_mask"):
            called["attention_mask"] = tensors.pop()
        if arguments.get("masked"):
            tensors = [layers.Masking()(tensor) for tensor in tensors]
        return make(name="layer", **own)(*tensors, **called)
    return call


def sides(arguments):
    tensors = [T(2, 3, 4, steps=True), T(2, 4, 5, steps=True)]
    if arguments.get("sliding_window") or arguments.get("use_causal_mask"):
        tensors[1] = T(2, 3, 5, steps=True)
    if arguments.get("key"):
        tensors.append(T(*tensors[1].shape[:2], 6))
    if arguments.get("attention_mask"):
        tensors.append(T(2, 3, tensors[1].shape[1], dtype="bool"))
    return tensors


def without_heads(make):
    def call(inputs, arguments):
        called = {k: v for k, v in arguments.items() if k in CALLED}
        own = {k: v for k, v in arguments.items() if k not in CALLED | {"masked", "key"}}
        tensors = list(inputs)
        if arguments.get("masked"):
            tensors = [layers.Masking()(tensor) for tensor in tensors]
        return make(name="layer", **own)(tensors, **called)
    return call


def pair(arguments):
    tensors = [T(2, 3, 4, steps=True), T(2, 5, 4, steps=True)]
    return tensors + [T(2, 5, 4)] if arguments.get("key") else tensors


def equal_sides(arguments):
    """Those of grouped queries, whose last extents are the same."""
    return [t if t.dtype == "bool" else T(*t.shape[:2], 4, steps=t.steps) for t in sides(arguments)]


OTHERS = dict(masked=[False, True], key=[False, True], **FLAGS)

DROPOUT = dict(dropout=[0.1, 0.5], seed=[1])  # only the inference is compared


DOMAINS = [
    Domain("MultiHeadAttention", None,
           dict(num_heads=[1, 2], key_dim=[3, 4], output_shape=[OMIT, 2], **HEADS, **REGULARIZED, **FLAGS,
                key=[False, True], masked=[False, False, True], attention_mask=[False, True]),
           sides, call=heads(layers.MultiHeadAttention), count=16),
    Domain("MultiHeadAttention axes", None,
           dict(num_heads=[1, 2], key_dim=[3], attention_axes=[OMIT, 1, 2, (1, 2)], output_shape=[OMIT, 3, (2, 3)],
                use_bias=[OMIT, False], return_attention_scores=[OMIT, True]),
           [[T(2, 3, 2, 4), T(2, 3, 2, 5)]], call=heads(layers.MultiHeadAttention)),
    Domain("GroupQueryAttention", None,
           dict(head_dim=[2, 3], num_query_heads=[2, 4], num_key_value_heads=[1, 2], **HEADS, **REGULARIZED, **FLAGS,
                key=[False, True], masked=[False, False, True], attention_mask=[False, True]),
           equal_sides, call=heads(layers.GroupQueryAttention), count=16),
    Domain("Attention", None, dict(use_scale=[OMIT, True], score_mode=[OMIT, "concat", "dot"], **OTHERS), pair,
           call=without_heads(layers.Attention), count=12),
    Domain("Attention rank 4", None, dict(use_scale=[OMIT, True], score_mode=[OMIT, "concat"],
                                          return_attention_scores=[OMIT, True]),
           [[T(2, 3, 2, 4), T(2, 3, 3, 4)]], call=without_heads(layers.Attention), count=4),
    Domain("AdditiveAttention", None, dict(use_scale=[OMIT, False], **OTHERS), pair,
           call=without_heads(layers.AdditiveAttention), count=10),
    Domain("MultiHeadAttention dropout", None, dict(num_heads=[2], key_dim=[3], flash_attention=[OMIT, False], **DROPOUT),
           sides, call=heads(layers.MultiHeadAttention), count=2, trains=False),
    Domain("GroupQueryAttention dropout", None, dict(
        head_dim=[2], num_query_heads=[2], num_key_value_heads=[1], **DROPOUT), equal_sides,
        call=heads(layers.GroupQueryAttention), count=2, trains=False),
    Domain("Attention dropout", None, DROPOUT, pair, call=without_heads(layers.Attention), count=2, trains=False),
    Domain("AdditiveAttention dropout", None, DROPOUT, pair, call=without_heads(layers.AdditiveAttention), count=2,
           trains=False),
]
