"""Writes layers/lengths_*, models whose lengths are free (None), layers/ops_rearrange and layers/ops_projection with real Keras.

    KERAS_BACKEND=jax python tests/golden/make_cases.py [NAME…]
    KERAS_BACKEND=tensorflow python tests/golden/make_cases.py ops_projection      on JAX it is none
"""
import sys

import keras
import numpy as np
from keras import layers as L
from keras import ops as K

from golden_case import write


def sequence(features):
    return L.Input((None, features), name="x")


def image(channels):
    return L.Input((None, None, channels), name="x")


x = sequence(5)
h = L.Bidirectional(L.LSTM(4, return_sequences=True))(x)
write("lengths_recurrent", "Scans of free length.", keras.Model(x, L.Dense(3)(L.LSTM(6, return_sequences=True)(h))),
      x=(2, 7, 5))

x = L.Input((None,), dtype="int32", name="x")
write("lengths_text", "Tokens with a mask.", keras.Model(x, L.Dense(3)(L.GRU(6)(L.Embedding(20, 8, mask_zero=True)(x)))),
      x=(2, 9))

x = sequence(8)
h = L.LayerNormalization()(L.MultiHeadAttention(2, 4)(x, x) + x)
write("lengths_attention", "Attention over all pairs of steps.",
      keras.Model(x, L.GlobalAveragePooling1D()(L.Dense(8, "gelu")(h))), x=(2, 7, 8))

x = sequence(8)
h = L.Conv1D(16, 3, padding="causal", dilation_rate=2, activation="relu")(x)
h = L.MaxPooling1D(2)(L.Conv1D(8, 3, padding="same")(h))
write("lengths_causal", "Convolutions and a pooling that leave steps over.", keras.Model(x, L.Conv1D(4, 3)(h)), x=(2, 13, 8))

x = sequence(8)
h = L.Conv1D(16, 4, padding="same", strides=2, activation="relu")(x)
h = L.AveragePooling1D(3, strides=2, padding="same")(h)
h = L.Conv1D(8, 1, strides=2, padding="same")(h)
write("lengths_same", "Padding that depends on what the length leaves over.",
      keras.Model(x, L.MaxPooling1D(3, strides=3, padding="same")(h)), x=(2, 31, 8))

x = image(3)
h = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
h = L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same")(h))
write("lengths_image", "An image classifier without Flatten.",
      keras.Model(x, L.GlobalAveragePooling2D()(L.SeparableConv2D(6, 3)(h))), x=(2, 17, 12, 3))

x = image(3)
a = L.Conv2D(4, 3, padding="same", activation="relu")(x)
b = L.Conv2D(6, 3, padding="same", activation="relu")(L.MaxPooling2D(2)(a))
h = L.Conv2D(6, 3, padding="same")(L.AveragePooling2D(2)(b))
h = L.Concatenate()([b, L.UpSampling2D(2)(h)])
h = L.Concatenate()([a, L.Conv2DTranspose(4, 3, strides=2, padding="same")(h)])
write("lengths_unet", "Halved twice and doubled twice: sides are multiples of 4.",
      keras.Model(x, L.Conv2D(1, 1, activation="sigmoid")(h)), x=(2, 12, 8, 3))

x, y = L.Input((None, 4), name="x"), L.Input((None, 4), name="y")
write("lengths_shared", "Two inputs that are added are equally long.", keras.Model([x, y], L.Dense(2)(x + y)),
      x=(2, 5, 4), y=(2, 5, 4))

x, y = L.Input((None, 4), name="x"), L.Input((None, 4), name="y")
_, h, c = L.LSTM(6, return_state=True)(x)
write("lengths_two", "An encoder and a decoder, each with a length of its own.",
      keras.Model([x, y], L.Dense(2)(L.LSTM(6, return_sequences=True)(y, initial_state=[h, c]))),
      x=(2, 5, 4), y=(2, 9, 4))

x = sequence(8)
write("lengths_slices", "What is counted from either end.",
      keras.Model(x, [x[:, -1], x[:, 1:-1], x[:, ::-1], x[:, :-2:2], L.ZeroPadding1D(2)(L.Cropping1D(1)(x))]),
      x=(2, 7, 8))

x = L.Input((None, 6, 4), name="x")
h = L.TimeDistributed(keras.Sequential([L.Conv1D(5, 3), L.BatchNormalization(), L.GlobalMaxPooling1D()]))(x)
write("lengths_steps", "A small model in each step.", keras.Model(x, L.TimeDistributed(L.Dense(3, "relu"))(h)), x=(2, 5, 6, 4))

frame = L.Input((None, None, 4))
inner = keras.Model(frame, L.GlobalMaxPooling2D()(L.Conv2D(3, 3, strides=2, padding="same")(frame)))
x = L.Input((None, None, None, 4), name="x")
write("lengths_video", "Convolutions in each step, of which all lengths are free.",
      keras.Model(x, L.LSTM(3)(L.TimeDistributed(inner)(x))), x=(2, 3, 5, 6, 4))

x = sequence(8)
h = L.UpSampling1D(3)(L.MaxPooling1D(3)(x)) + x
write("lengths_thirds", "Lengths are multiples of 3; the last step, as a slice.", keras.Model(x, [h, x[:, -1:]]), x=(2, 9, 8))

x, y, z = L.Input((None, 4), name="x"), L.Input((None, 4), name="y"), L.Input((None, 4), name="z")
write("lengths_pairs", "Two of three inputs are equally long.",
      keras.Model([x, y, z], L.Dense(2)(L.MultiHeadAttention(2, 3)(z, L.GRU(4, return_sequences=True)(x + y)))),
      x=(2, 5, 4), y=(2, 5, 4), z=(2, 3, 4))

x = sequence(4)
write("lengths_first", "As many steps as there are, up to a number; steps that have to be there.",
      keras.Model(x, [x[:, :5], x[:, -4:], x[:, 1:6:2], x[:, 2], x[:, -2], K.take(x, [1, 0], axis=1)]), x=(2, 7, 4))

x = sequence(3)
modes = ["edge", "reflect", "symmetric", "wrap"]
write("lengths_copies", "Borders that are copies, steps that go round, differences.",
      keras.Model(x, [K.pad(x, ((0, 0), (3, 2), (0, 0)), mode=mode) for mode in modes]
                  + [K.roll(x, (2, -1), axis=(1, 2)), K.diff(x, n=2, axis=1)]), x=(2, 7, 3))

x = image(4)
write("lengths_blocks", "Images cut into blocks, and blocks put together; sides are even.",
      keras.Model(x, [K.depth_to_space(x, 2), K.space_to_depth(x, 2), K.image.extract_patches(x, (2, 3), strides=(1, 2)),
                      *K.split(x, 2, axis=2)]), x=(2, 4, 6, 4))

x = image(2)
write("lengths_resized", "Images of any size made ones of a fixed size, and twice as large.",
      keras.Model(x, [L.Resizing(4, 6)(x), L.Resizing(3, 5, interpolation="nearest")(x),
                      L.Resizing(4, 3, interpolation="bicubic", antialias=True)(x),
                      L.Resizing(5, 4, interpolation="lanczos3")(x), L.UpSampling2D(2, interpolation="bilinear")(x)]),
      x=(2, 7, 5, 2))

x = L.Input((None,), name="x")
write("lengths_frames", "Sound of any length.",
      keras.Model(x, [K.extract_sequences(x, 4, 3), *K.stft(x, 6, 3, 8), *K.rfft(x, 8)]), x=(2, 21))

x = sequence(3)
scores = x @ K.transpose(x, (0, 2, 1))
write("lengths_diagonals", "Diagonals of matrices of all pairs of steps.",
      keras.Model(x, [K.diagonal(scores, 1, 1, 2), K.trace(scores, -1, 1, 2), K.diagonal(x, 0, 1, 2), K.tril(scores)]),
      x=(2, 5, 3))

x = L.Input((8, 12, 3), batch_size=2, name="x")
patterns = [("b h w c -> b c h w", {}), ("b h w c -> (b h) w c", {}), ("b h w c -> b (c h w)", {}),
            ("b (h p) (w q) c -> b (h w) (p q c)", {"p": 4, "q": 3}), ("b (h1 h) (w1 w) c -> (b h1 w1) h w c", {"h1": 2, "w1": 2})]
write("ops_rearrange", "Axes taken apart and put together.",
      keras.Model(x, [keras.ops.rearrange(x, pattern, **lengths) for pattern, lengths in patterns]), x=(2, 8, 12, 3))

if "ops_projection" in sys.argv:
    x, t = L.Input((6, 7, 3), batch_size=2, name="x"), L.Input((8,), batch_size=2, name="t")
    transform = t * np.array([0.1, 0.1, 0.5, 0.1, 0.1, 0.5, 0.02, 0.02], "float32") + np.array([1, 0, 0, 0, 1, 0, 0, 0], "float32")
    write("ops_projection", "Transforms of images whose last two numbers are not 0.",
          keras.Model([x, t], [keras.ops.image.affine_transform(x, transform, fill_mode=mode, fill_value=1.5)
                               for mode in ("constant", "nearest", "reflect")]), x=(2, 6, 7, 3), t=(2, 8))
