"""Layers whose kernels are quantized."""
import keras
from keras import layers, quantizers
from keras.dtype_policies import DTypePolicyMap, QuantizedDTypePolicy

from domain import OMIT, Domain, T

WEIGHTS = {"int8 kernel": (-120, 120), "int8 embeddings": (-120, 120), "kernel_scale": (20, 60), "embeddings_scale": (20, 60),
           "reverse_embeddings_scale": (20, 60), "reverse_embeddings_zero": (-6, 6), "int8 reverse_embeddings": (-120, 120),
           "kernel_zero": (-6, 6), "embeddings_zero": (-6, 6), "zero_point": (0, 15), "g_idx": (0, 1.99),
           "inputs_scale": (0.002, 0.01), "awq_scales": (0.5, 2), "inputs_amax_history": (0, 1), "kernel_amax_history": (0, 1)}
GROUPED = dict(WEIGHTS, kernel_scale=(0.01, 0.1), embeddings_scale=(0.01, 0.1), reverse_embeddings_scale=(0.01, 0.1))
UNSIGNED = dict(GROUPED, kernel=(0, 255), kernel_zero=(0, 15))
FLOAT8 = dict(WEIGHTS, kernel=(-1, 1), kernel_scale=(0.002, 0.01))

ABS_MAX = quantizers.AbsMaxQuantizer()
NARROW = quantizers.AbsMaxQuantizer(value_range=(-100, 90), epsilon=1e-3)
INT8 = [OMIT, quantizers.Int8QuantizationConfig(), quantizers.Int8QuantizationConfig(activation_quantizer=None),
        quantizers.Int8QuantizationConfig(activation_quantizer=NARROW)]
INT4 = [OMIT, quantizers.Int4QuantizationConfig(block_size=None),
        quantizers.Int4QuantizationConfig(activation_quantizer=ABS_MAX, block_size=-1)]


def quantized(name, make, modes, tensors, weights=WEIGHTS, trains=True, count=8, tolerance=None, sources=("float32",), **arguments):
    def call(x, given):
        given = dict(given)
        policy = keras.dtype_policies.get(f"{given.pop('mode')}_from_{given.pop('source')}")
        return make(name="layer", dtype=policy, **given)(x[0])

    weights = dict(weights)

    def built(x, given):
        out = call(x, given)
        layer = out._keras_history.operation
        if hasattr(layer, "g_idx") and hasattr(layer, "kernel_scale"):
            groups = layer.kernel_scale.shape[0 if given["mode"].startswith("int4") else -1]
            weights["g_idx"] = (0, min(groups, 2) - 0.01)
        # What files hold has been calibrated.
        layer.is_gptq_calibrated = layer.is_awq_calibrated = True
        return out

    return Domain(f"{name} quantized", None, dict(mode=modes, source=list(sources), **arguments), tensors, call=built,
                  weights=weights, trains=trains, count=count, tolerance=tolerance)


DENSE = dict(units=[4, 5], use_bias=[True, False], activation=[OMIT, "relu"])
MATRICES = [[T(2, 6)], [T(3, 2, 6)]]
ROWS = [[T(2, 3, dtype="int32")], [T(3, 4, dtype="int32")]]


def heads(x, given):  # without biases: a key's has no gradient but rounding errors
    policies = DTypePolicyMap(default_policy="float32")
    for part in given["parts"]:
        policies[f"layer/{part}"] = QuantizedDTypePolicy("int8", "float32")
    return layers.MultiHeadAttention(2, 3, use_bias=False, name="layer", dtype=policies)(x[0], x[0])


def quantized_equation(name, modes, weights, **more):
    def make(form, **given):
        equation, shape, axes = form
        return layers.EinsumDense(equation, shape, bias_axes=axes, **given)

    forms = [("abc,cd->abd", (None, 5), "d"), ("abc,cde->abde", (None, 2, 3), "de"), ("abc,bcd->ad", 5, None),
             ("...c,cd->...d", 3, "d")]
    return quantized(f"EinsumDense {name}", make, modes, [[T(2, 3, 4)]], weights, form=forms, activation=[OMIT, "tanh"], **more)


def reversible(name, modes, **more):
    """Both ways."""
    def make(**given):
        layer = layers.ReversibleEmbedding(**given)
        return lambda x: layer(layer(x), reverse=True)

    return quantized(name, make, modes, ROWS, input_dim=[6], output_dim=[4, 5], tie_weights=[OMIT, False],
                     logit_soft_cap=[OMIT, 2.0], **more)


# Keras 3.16 has it.
TERNARY = [] if not hasattr(layers, "TernaryDense") else [
    quantized(f"{make.__name__} ternary", make, ["ternary"], MATRICES, {"kernel": (0, 242), "kernel_scale": (0.1, 0.9)}, **DENSE)
    for make in (layers.Dense, layers.TernaryDense)
]

DOMAINS = [
    quantized("Dense int8", layers.Dense, ["int8"], MATRICES, count=12, quantization_config=INT8, **DENSE),
    quantized("Dense int4", layers.Dense, ["int4", "int4/-1"], MATRICES, count=12, quantization_config=INT4, **DENSE),
    quantized("Dense int4 groups", layers.Dense, ["int4/2", "int4/4", "int4/128"], MATRICES, GROUPED, **DENSE),
    quantized("Dense gptq", layers.Dense, ["gptq/4/-1", "gptq/4/3", "gptq/8/4", "gptq/2/3"], MATRICES, UNSIGNED, trains=False,
              **DENSE),
    quantized("Dense awq", layers.Dense, ["awq/4/-1", "awq/4/3"], MATRICES, UNSIGNED, trains=False, **DENSE),
    quantized("Dense float8", layers.Dense, ["float8"], MATRICES, FLOAT8, trains=False, **DENSE),
    quantized("Dense bfloat16", layers.Dense, ["int8", "int4", "int4/2"], MATRICES, GROUPED, sources=["mixed_bfloat16"],
              tolerance=3e-2, **DENSE),
    quantized_equation("int8", ["int8"], WEIGHTS, quantization_config=INT8),
    quantized_equation("int4", ["int4", "int4/-1"], WEIGHTS, quantization_config=INT4),
    quantized_equation("int4 groups", ["int4/2", "int4/128"], GROUPED),
    quantized_equation("gptq", ["gptq/4/-1", "gptq/8/2", "awq/4/2"], UNSIGNED, trains=False),
    quantized_equation("float8", ["float8"], FLOAT8, trains=False),
    quantized("Embedding", layers.Embedding, ["int8", "int4", "int4/-1"], ROWS, input_dim=[6],
              output_dim=[4, 5], quantization_config=[OMIT, quantizers.Int8QuantizationConfig(activation_quantizer=None)]),
    quantized("Embedding int4 groups", layers.Embedding, ["int4/2", "int4/3"], ROWS, GROUPED,
              input_dim=[6], output_dim=[4, 5]),
    reversible("ReversibleEmbedding", ["int8", "int4", "int4/-1"], count=12,
               quantization_config=[OMIT, quantizers.Int8QuantizationConfig(activation_quantizer=None)]),
    reversible("ReversibleEmbedding int4 groups", ["int4/2", "int4/3"], weights=GROUPED),
    Domain("MultiHeadAttention quantized", None,
           dict(parts=[["query"], ["key", "value"], ["query", "key", "value", "attention_output"]]), [[T(2, 4, 3)], [T(3, 2, 5)]],
           call=heads, weights=WEIGHTS, count=6),
] + TERNARY
