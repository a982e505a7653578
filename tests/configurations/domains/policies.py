"""Dtype policies: what a layer stores, what it computes in, what goes in and out. Results of half floats lie apart by some roundings. JAX
makes f32 of float64 and i32 of int64, so these are not here. A key's bias has no gradient but rounding errors."""
import keras
from keras import layers

from domain import OMIT, Domain, T

POLICIES = ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "float32"]
BFLOAT16 = 3e-2  # some units in the last place, which has 8 bits


def policies(name, make, tensors, count=8, trains=True, **arguments):
    return Domain(f"{name} policy", make, dict(dtype=POLICIES, **arguments), tensors, count=count, tolerance=BFLOAT16,
                  trains=trains)


def inputs(*shape):
    return [[T(*shape)], [T(*shape, dtype="float16")], [T(*shape, dtype="bfloat16")], [T(*shape, dtype="int32", low=-3)],
            [T(*shape, dtype="uint8")], [T(*shape, dtype="bool")], [T(*shape, dtype="int8", low=-3)],
            [T(*shape, dtype="int16", low=-3)], [T(*shape, dtype="uint16")]]


def floats(*shape):
    return [[T(*shape)], [T(*shape, dtype="float16")], [T(*shape, dtype="bfloat16")]]


def mixed(*shape):
    """Inputs of two dtypes."""
    return [[T(*shape), T(*shape, dtype="float16")], [T(*shape, dtype="bfloat16"), T(*shape, dtype="float16")],
            [T(*shape, dtype="int32"), T(*shape)]]


CATEGORIES = [[T(3, 4, dtype="int32")], [T(3, 1, dtype="int32")], [T(2, 5, dtype="uint8")]]


def policy_map(x, arguments):
    default, other = arguments["default"], arguments["other"]
    policies = keras.dtype_policies.DTypePolicyMap(default_policy=default)
    policies[arguments["path"]] = keras.dtype_policies.DTypePolicy(other)
    return layers.MultiHeadAttention(2, 3, use_bias=False, name="layer", dtype=policies)(x[0], x[0])


def several(x, arguments):
    """Layers of different policies in a row."""
    y = layers.Dense(4, activation="relu", name="a", dtype=arguments["first"])(x[0])
    y = layers.LayerNormalization(name="b", dtype=arguments["second"])(y)
    return layers.Dense(3, name="c", dtype=arguments["third"])(y)


DOMAINS = [
    policies("Dense", layers.Dense, inputs(2, 5), count=12, units=[3], activation=["relu", "softmax", "gelu"],
             use_bias=[True, False], kernel_regularizer=[OMIT, "l2"], activity_regularizer=[OMIT, "l2"]),
    policies("EinsumDense", layers.EinsumDense, inputs(2, 3, 4), equation=["abc,cd->abd"], output_shape=[(None, 5)],
             bias_axes=["d", None]),
    policies("Embedding", layers.Embedding, [[T(2, 3, dtype="int32")], [T(2, 3, dtype="uint8")], [T(2, 3, low=0, high=5)],
                                             [T(2, 3, dtype="float16", low=0, high=5)]], input_dim=[6], output_dim=[4]),
    policies("Conv2D", layers.Conv2D, floats(2, 5, 6, 3), filters=[4], kernel_size=[3], padding=["same", "valid"],
             activation=["relu", "tanh"]),
    policies("DepthwiseConv1D", layers.DepthwiseConv1D, floats(2, 7, 3), kernel_size=[3]),
    policies("SeparableConv1D", layers.SeparableConv1D, floats(2, 7, 3), filters=[4], kernel_size=[2]),
    policies("Conv1DTranspose", layers.Conv1DTranspose, floats(2, 5, 3), filters=[4], kernel_size=[2], strides=[1, 2]),
    policies("BatchNormalization", layers.BatchNormalization, floats(3, 4, 5), scale=[True, False]),
    policies("LayerNormalization", layers.LayerNormalization, floats(3, 4, 5), center=[True, False]),
    policies("GroupNormalization", layers.GroupNormalization, floats(3, 4, 6), groups=[2, 3]),
    policies("RMSNormalization", layers.RMSNormalization, floats(3, 4, 6)),
    policies("UnitNormalization", layers.UnitNormalization, floats(3, 4, 6)),
    policies("LSTM", layers.LSTM, floats(2, 4, 3), units=[3], return_sequences=[True, False]),
    policies("GRU", layers.GRU, floats(2, 4, 3), units=[3], reset_after=[True, False]),
    policies("SimpleRNN", layers.SimpleRNN, floats(2, 4, 3), units=[3], return_state=[True, False]),
    Domain("MultiHeadAttention policy", None, dict(dtype=POLICIES, causal=[False, True]), floats(2, 4, 3),
           tolerance=BFLOAT16,
           call=lambda x, a: layers.MultiHeadAttention(2, 3, use_bias=False, name="layer", dtype=a["dtype"])(
               x[0], x[0], use_causal_mask=a["causal"])),
    Domain("Attention policy", None, dict(dtype=POLICIES, causal=[False, True]), floats(2, 4, 3), tolerance=BFLOAT16,
           call=lambda x, a: layers.Attention(use_scale=True, name="layer", dtype=a["dtype"])(
               [x[0], x[0]], use_causal_mask=a["causal"])),
    policies("Add", layers.Add, mixed(2, 5)),
    policies("Concatenate", layers.Concatenate, mixed(2, 5)),
    policies("Dot", layers.Dot, mixed(2, 5), axes=[1]),
    policies("Average", layers.Average, mixed(2, 5)),
    policies("AveragePooling2D", layers.AveragePooling2D, floats(2, 6, 6, 2), pool_size=[2, 4], padding=["same", "valid"]),
    policies("MaxPooling1D", layers.MaxPooling1D, floats(2, 6, 2)),
    policies("GlobalAveragePooling1D", layers.GlobalAveragePooling1D, floats(2, 6, 2)),
    policies("Softmax", layers.Softmax, floats(2, 6)),
    policies("LeakyReLU", layers.LeakyReLU, floats(2, 6)),
    policies("Flatten", layers.Flatten, inputs(2, 3, 2)),
    policies("Rescaling", layers.Rescaling, inputs(2, 3, 2), scale=[0.5], offset=[0.0, 1.0]),
    policies("Normalization", layers.Normalization, floats(2, 3), mean=[1.0], variance=[2.0]),
    # Files have only one dtype of its policy.
    Domain("Discretization policy", layers.Discretization, dict(
        dtype=["float16", "bfloat16", "float32"], bin_boundaries=[[0.0, 0.5, 1.0]], output_mode=["int", "one_hot", "count"]),
        floats(2, 3), trains=False),
    policies("CategoryEncoding", layers.CategoryEncoding, CATEGORIES, num_tokens=[7],
             output_mode=["one_hot", "multi_hot", "count"]),
    Domain("CategoryEncoding weights policy", None, dict(dtype=POLICIES), [[T(2, 3, dtype="int32"), T(2, 3)]],
           tolerance=BFLOAT16, count=5,
           call=lambda x, a: layers.CategoryEncoding(7, "count", name="layer", **a)(x[0], count_weights=x[1])),
    policies("Hashing", layers.Hashing, CATEGORIES, num_bins=[5], output_mode=["one_hot", "multi_hot", "count"]),
    Domain("Hashing integers", layers.Hashing, dict(dtype=["int32", "int64"], num_bins=[5]), CATEGORIES, count=4),
    Domain("HashedCrossing policy", layers.HashedCrossing,
           dict(dtype=[*POLICIES, "int32"], num_bins=[5], output_mode=["int", "one_hot"]),
           [[T(4, 1, dtype="int32"), T(4, 1, dtype="int32")], [T(3, dtype="int32"), T(3, dtype="int32")]], count=10),
    policies("UpSampling2D", layers.UpSampling2D, floats(2, 3, 2, 2), interpolation=["nearest", "bilinear"]),
    Domain("DTypePolicyMap", None,
           dict(default=["float32", "mixed_bfloat16"], other=["bfloat16", "mixed_float16", "float32"],
                path=["layer/query", "layer/.*", "layer/ke?y", "other"]),
           [[T(2, 4, 3)]], call=policy_map, tolerance=BFLOAT16),
    Domain("Policies in a row", None, dict(first=POLICIES, second=POLICIES, third=POLICIES), floats(2, 5), call=several,
           tolerance=BFLOAT16),
]
