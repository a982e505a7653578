"""Writes layers/ternary*, layers/gptq_two_bits and layers/ops_of_3_16, which Keras 3.15 cannot.

    KERAS_BACKEND=jax python tests/golden/make_cases_3_16.py [NAME…]        needs Keras 3.16
"""
import sys

import keras
import numpy as np
from keras import layers as L

from golden_case import write

keras.utils.set_random_seed(1)
x = L.Input((7,), name="x")
h = L.TernaryDense(6, activation="relu")(x)
h = L.TernaryDense(5, threshold=0.1, use_bias=False)(h) + L.TernaryDense(5, threshold=0)(h) + L.Dense(5)(x)
model = keras.Model(x, L.TernaryDense(3)(h))
write("ternary_dense", "Weights used by their signs.", model, x=(4, 7))
if not sys.argv[1:] or "ternary_quantized" in sys.argv[1:]:
    model.quantize("ternary", verbose=False)
    write("ternary_quantized", "The same, packed, five weights in a byte.", model, x=(4, 7))

if not sys.argv[1:] or "gptq_two_bits" in sys.argv[1:]:
    x, draw = L.Input((7,), name="x"), np.random.default_rng(2)
    dense = L.Dense(6, dtype="gptq/2/3_from_float32")
    heads = L.EinsumDense("ab,bcd->acd", (2, 5), bias_axes="cd", dtype="gptq/2/-1_from_float32")
    model = keras.Model(x, [dense(x), heads(x)])
    for layer in (dense, heads):
        layer.is_gptq_calibrated = True
        groups = layer.kernel_scale.shape[1]
        layer.quantized_kernel.assign(draw.integers(0, 256, layer.quantized_kernel.shape))
        layer.kernel_scale.assign(draw.uniform(0.1, 0.5, layer.kernel_scale.shape))
        layer.kernel_zero.assign(draw.integers(0, 4, layer.kernel_zero.shape))
        layer.g_idx.assign(np.arange(7) * groups // 7)
    write("gptq_two_bits", "Four weights in a byte.", model, kept=True, x=(4, 7))

x, m, p = L.Input((6,), name="x"), L.Input((3, 3), name="m"), L.Input((4, 6, 12), name="p")
o = keras.ops
outputs = [o.column_stack([x, x[:, :2]]), o.column_stack([x[:, 0], x[:, 1]]), o.matrix_power(m, 3), o.matrix_power(m, 0),
           o.matrix_power(m, -2), *o.top_k(x, 2, is_stable=False), o.average(m, axis=(1,)),
           o.image.reconstruct_patches(p, (2, 3), (8, 18)), o.image.reconstruct_patches(p, (2, 3), (7, 16), padding="same"),
           o.image.reconstruct_patches(p[..., :8], 2, (8, 11), padding="same")]
write("ops_of_3_16", "Operations that Keras 3.16 added.", keras.Model([x, m, p], outputs), x=(2, 6), m=(2, 3, 3), p=(2, 4, 6, 12))
