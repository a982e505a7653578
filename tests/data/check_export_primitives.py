#!/usr/bin/env python3
"""Exports functions of JAX and Keras by python/keratin_export, and compares what Keratin makes of them with what JAX computes.

    KERAS_BACKEND=jax python check_export_primitives.py KERATIN        needs Keras 3.15 and jax
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import layers, ops

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "python" / "keratin_export"))
from keratin_export import Unsupported, export  # noqa: E402

PLACES = np.array([3, 0, 5, 3])
PAIRS = np.array([[0, 3], [5, 1], [2, 2]])
KERNEL = np.linspace(-1, 1, 3 * 4 * 5).reshape(3, 4, 5).astype("float32")


def walk(key):
    """Numbers of keys that are split from step to step."""
    def step(key, _):
        key, own = jax.random.split(key)
        return key, jax.random.normal(own, (4,))
    return jax.lax.scan(step, key, None, 6)[1]


# Of x: f32[N,6,4], normal; n: i32[N,6,4] in -7 … 7.
CASES = {
    "remainder": lambda x, n: jax.lax.rem(x, 0.7 * jnp.ones_like(x)),
    "integer_remainder": lambda x, n: jax.lax.rem(n, jnp.full_like(n, 3)) + n % 4 + n // 3,
    "powers": lambda x, n: x ** 3 + (1 + x * x) ** -2 + jnp.abs(x) ** 1.7,
    "rounding": lambda x, n: jnp.round(3 * x) + jnp.trunc(2 * x) + jnp.ceil(x),
    "hyperbolic": lambda x, n: jnp.sinh(x) + jnp.cosh(x) + jnp.arcsinh(x) + jnp.arctanh(x / 9) + jnp.tan(x / 4),
    "erf_inv": lambda x, n: jax.scipy.special.erfinv(jnp.tanh(x)) + jax.scipy.special.erfc(x),
    "far_tails": lambda x, n: jnp.log(jax.lax.erfc(n * 1.25)) + jnp.log(jax.lax.erfc(x)),
    "arcsinh_of_large": lambda x, n: jnp.arcsinh(x * 1e30) + jnp.arcsinh(x * 1e-6) * 1e6 + jnp.arcsinh(n * 1e3),
    "angles": lambda x, n: jnp.arctan(x) + jnp.arctan(1e3 * x) + jnp.arcsin(n / 7) + jnp.arccos(n / 7) * 2 + jnp.arctan2(x, n)
        + jnp.arctan2(ops.cast(n, "float32"), x) + jnp.arctan2(0 * x, n),
    "arccosh": lambda x, n: jnp.arccosh(1 + x * x) + jnp.isnan(jnp.arccosh(-1e4 - x * x)) + jnp.arccosh(1 + abs(n) * 1e30),
    "bits": lambda x, n: ((n << 2) >> 1) ^ (n & 5) | jax.lax.shift_right_logical(n, jnp.full_like(n, 28)),
    "finite": lambda x, n: jnp.where(jnp.isfinite(x / n), x, 2.0) + jnp.clip(x, -1, 0.5),
    "comparisons": lambda x, n: (x > 0) & (n >= 2) | (x == n) | ~(n < -3) & (n != 1),
    "choices": lambda x, n: jax.lax.select_n(jnp.clip(n, 0, 2), x, 2 * x, 3 * x),
    "take": lambda x, n: jnp.take(x, PLACES, axis=1) + ops.take(x, PLACES, axis=1),
    "take_out_of_range": lambda x, n: jnp.nan_to_num(jnp.take(x, PLACES + 1, axis=1), nan=-1.0),
    "take_along": lambda x, n: jnp.take_along_axis(x, jnp.clip(n, 0, 3), axis=2) + ops.take_along_axis(x, n % 6, axis=1),
    "one_place": lambda x, n: x[:, 2] + x[:, -1] + x[..., 1:2, 3] [:, 0, None],
    "places_of_two_axes": lambda x, n: x[:, PAIRS[:, 0], PAIRS[:, 1]],
    "embedding": lambda x, n: jnp.asarray(KERNEL[:, 0])[jnp.clip(n, 0, 2)],
    "by_place": lambda x, n: x.at[:, 1].set(0.5).at[:, PLACES].add(2.0),
    "by_place_out_of_range": lambda x, n: x.at[:, 9].set(0.5).at[:, jnp.sum(PLACES) - 5].set(2.0).at[:, :, jnp.sum(PLACES) - 8].set(3.0)
        + x.at[:, jnp.sum(PLACES) - 5].set(1.0, mode="clip"),
    "dynamic": lambda x, n: jax.lax.dynamic_update_slice(x, x[:, :2, :2] * 2, (0, jnp.sum(PLACES) % 3, 1))
        + jax.lax.dynamic_slice_in_dim(x, jnp.sum(PLACES) % 2, 1, axis=2),
    "sums": lambda x, n: jnp.cumsum(x, axis=1) + jnp.cumsum(x, axis=2)[..., ::-1] + jax.lax.cumsum(x, 1, reverse=True)
        + jnp.cumprod(x, axis=2),
    "reductions": lambda x, n: jnp.sum(x, (1, 2)) + jnp.prod(x, (1, 2)) + jnp.max(x, (1, 2)) * jnp.min(n, (1, 2))
        + jnp.any(x > 2, (1, 2)) + jnp.all(x > -2, (1, 2)),
    "extremes": lambda x, n: jnp.argmax(x, 1) - jnp.argmin(x, 1) + jnp.argmax(x > 0, 1) + jnp.sort(n > 2, 1)[:, 1],
    "order": lambda x, n: jnp.sort(x, axis=1) + jnp.argsort(x, axis=2) + x[:, :, :1] * jax.lax.top_k(x, 3)[1][..., :1],
    "shapes": lambda x, n: jnp.pad(jnp.concatenate([x[:, ::2], jnp.flip(x, 1)], 1), ((0, 0), (1, 0), (0, 2)),
                                   constant_values=3),
    "stacks": lambda x, n: jnp.concatenate([jax.lax.stack([*jax.lax.unstack(x, -1), x[..., 0]], 1),
                                            ops.stack(ops.unstack(x, axis=1), axis=2), jnp.stack([x[..., 1]], -2)], 1),
    "tiles": lambda x, n: jnp.tile(x, (1, 2, 1)) + jnp.repeat(x, 2, axis=1) + jnp.arange(4.0),
    "products": lambda x, n: jnp.einsum("nij,nkj->nik", x, x) + jnp.einsum("nij,kj->nik", x, np.ones((6, 4), "float32")),
    "halves": lambda x, n: jnp.matmul(x.astype("bfloat16"), jnp.ones((4, 2), "bfloat16")).astype("float32"),
    "convolution": lambda x, n: jax.lax.conv_general_dilated(x, KERNEL, (2,), [(1, 2)], rhs_dilation=(2,),
                                                              dimension_numbers=("NWC", "WIO", "NWC")),
    "transposed_convolution": lambda x, n: jax.lax.conv_transpose(x, KERNEL, (2,), "SAME",
                                                                   dimension_numbers=("NWC", "WIO", "NWC")),
    "pools": lambda x, n: ops.max_pool(x, 2, 1, "same") + ops.average_pool(x, 3, 1, "same"),
    "branches": lambda x, n: jax.lax.cond(jnp.sum(PLACES) > 3, jnp.sin, jnp.cos, x)
        + jax.lax.switch(jnp.sum(PLACES) % 3, [jnp.sin, jnp.cos, jnp.exp], x),
    "loops": lambda x, n: jax.lax.fori_loop(0, 3, lambda i, v: jnp.tanh(v) + i, x)
        + jax.lax.map(jnp.sin, jnp.moveaxis(x, 1, 0)).swapaxes(0, 1),
    "backwards": lambda x, n: jax.lax.scan(lambda s, v: (s * 0.5 + v, s), x[:, 0], jnp.moveaxis(x, 1, 0), reverse=True)[1]
        .swapaxes(0, 1),
    "random": lambda x, n: keras.random.normal((6, 4), seed=7) + keras.random.uniform((6, 4), seed=7) + 0 * x,
    "seeds": lambda x, n: 0 * x + jax.random.normal(jax.random.key(jnp.sum(PLACES)), (6, 4))
        + jax.random.uniform(jax.random.key(-jnp.sum(PLACES)), (6, 4)),
    "keys": lambda x, n: walk(jax.random.key(6)) + jax.random.randint(jax.random.key(3), (6, 4), 0, 9) + 0 * x
        + jax.random.truncated_normal(jax.random.key(4), -1, 1, (6, 4))
        + jax.vmap(lambda key: jax.random.uniform(key, (4,)))(jax.random.split(jax.random.key(5), 6)),
    "own_gradient": lambda x, n: jax.nn.relu6(x) + jax.nn.silu(x) + jax.nn.logsumexp(x, 1, keepdims=True),
    "counted_while": lambda x, n: ops.while_loop(lambda i, v: i < 5, lambda i, v: (i + 1, jnp.tanh(v) + i), (0, x))[1]
        + jax.lax.while_loop(lambda s: s[0] < 40, lambda s: (s[0] * 2, s[1] * 0.9), (jnp.int32(1), x))[1],
    "bounded_while": lambda x, n: ops.while_loop(lambda v: ops.any(ops.abs(v) > 0.5), lambda v: v * 0.7, x, maximum_iterations=10)
        + jax.lax.while_loop(lambda s: (s[0] < 8) & (jnp.sum(s[1]) < 90), lambda s: (s[0] + 1, s[1] + 1), (0, x))[1],
    "sign_bits": lambda x, n: signbit(x) + jnp.signbit(x) + jnp.signbit(0 * x),
    "set_places": lambda x, n: x.at[:, PLACES].set(jnp.cumsum(x, 1)[:, :4]) + x.at[:, PLACES, 1:3].set(n[:, :4, :2] * 1.0)
        + jnp.zeros_like(x).at[jnp.arange(x.shape[0])[:, None], jnp.argsort(x[..., 0], 1)].set(x)
        + jnp.zeros(x.shape, bool).at[:, jnp.asarray([0, 9])].set(True),
    "combined_places": lambda x, n: x.at[:, PLACES].max(x[:, 1:5]) + x.at[:, PLACES].min(n[:, 1:5] * 0.2) + x.at[:, PLACES].mul(x[:, 2:])
        + jnp.moveaxis(ops.segment_max(jnp.moveaxis(x, 1, 0), np.array([0, 1, 0, 5, 1, 1]), 6), 0, 1)[:, [0, 1, 5, 0, 1, 5]],
    "places_by_sample": lambda x, n: x[jnp.arange(x.shape[0]), n[:, 0, 0] % 6] + x.at[jnp.arange(x.shape[0]), n[:, 0, 0] % 6].add(2.0)[:, 1],
    "windows_by_sample": lambda x, n: jax.vmap(lambda v, i: jax.lax.dynamic_slice(v, i[:2], (2, 3)))(x, n[:, 0])
        + jax.vmap(lambda v, i: jax.lax.dynamic_update_slice(v, v[:2] * 3, (i, 0)))(x, n[:, 0, 0])[:, 1:3, 1:],
    "several_keys": lambda x, n: jnp.stack(jax.lax.sort((n // 4, n % 3, x), dimension=1, num_keys=2)[1:], -1),
    "searched": lambda x, n: jnp.searchsorted(jnp.asarray([-1.0, 0.0, 0.5]), 0 * n[:, 0, 0] - 0.0 * x[:, 0, 0]) + jnp.digitize(x[:, 0, 1], KERNEL[0, 0]),
    "running": lambda x, n: jax.lax.cummax(x, 1) + jax.lax.cummin(x, 2, reverse=True) + jax.lax.cumlogsumexp(x, 1),
    "complex": lambda x, n: jnp.abs((x + 2j * x[:, ::-1]) / (n + 1j)) + jnp.angle(jnp.exp(1j * x)) + jnp.real(jnp.sqrt(x + 0j) ** 3)
        + jnp.imag(jnp.einsum("nij,nkj->nik", x * (1 + 1j), jnp.conj(x + n * 1j))[..., :4]),
    "fourier": lambda x, n: jnp.abs(jnp.fft.fft(x, axis=1)) + jnp.fft.irfft(jnp.fft.rfft(x, axis=1) * KERNEL[0, :, 0], axis=1)
        + jnp.imag(jnp.fft.ifftn(x + 1j * n, axes=(1, 2))) + jnp.fft.irfft2(jnp.fft.rfft2(x) * 2j) + ops.fft2((x, x))[1],
    "long_fourier": lambda x, n: jnp.real(jnp.fft.fft(jnp.tile(x.reshape(-1, 24), (1, 7)), norm="ortho"))
        + jnp.imag(jnp.fft.fft(jnp.pad(x.reshape(-1, 24), ((0, 0), (0, 144)))))[:, :168] + jnp.fft.fft(jnp.tile(x[:, 0], (1, 42))).real,
    "fourier_by_step": lambda x, n: jax.lax.map(lambda v: jnp.abs(jnp.fft.fft(jnp.concatenate([v, -2 * v], -1))),
                                                jnp.moveaxis(x, 1, 0)).swapaxes(0, 1),
    "frames": lambda x, n: ops.istft(ops.stft(jnp.tile(x.reshape(-1, 24), (1, 4)), 16, 8, 16), 16, 8, 16, length=96),
}


class Case(layers.Layer):
    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, x, n):
        return ops.cast(self.function(x, n), "float32")


class Twins(layers.Layer):
    """Two weights of one path."""

    def build(self, *shapes):
        self.weights_of_one_name = [self.add_weight(name="scale", initializer=keras.initializers.Constant(v)) for v in (2, 3)]

    def call(self, x, n):
        a, b = self.weights_of_one_name
        return a * x + b * ops.cast(n, "float32")


# The same, as layers.
LAYERS = {
    "twins": Twins,
}


class Subclassed(keras.Model):
    def call(self, x):
        return x


@jax.jit
def signbit(x):
    """Of one's own, whatever functions of JAX are called so."""
    return 2 * x


def while_loop(x, n):
    return jax.lax.while_loop(lambda v: jnp.sum(v) < 3, lambda v: v + 1, x)


# Gradients of one's own, of x: f32[N,4].
@jax.custom_gradient
def doubled(x):
    return 2 * x, lambda d: -d


@ops.custom_gradient
def rounded(x):
    return ops.round(x), lambda d, upstream=None: d if upstream is None else upstream


cut = jax.custom_vjp(lambda x: x)
cut.defvjp(lambda x: (x, None), lambda _, d: (jnp.clip(d, -0.01, 0.01),))


@jax.custom_jvp
def doubtful(x):
    return jnp.log1p(jnp.exp(x))


doubtful.defjvp(lambda x, d: (doubtful(*x), 2 * jax.nn.sigmoid(*x) * d[0]))


class Pooled(layers.Layer):
    def call(self, x):
        return ops.max_pool(x[..., None], 2, 1, "same")[..., 0] * ops.max(x, -1, keepdims=True) + ops.sort(x) * ops.top_k(x, 1)[0]


class Gradients(layers.Layer):
    def call(self, x):
        return doubled(x) + rounded(3 * x) + cut(x) + doubtful(x)


class OwnStep(keras.Model):
    """Half of each gradient; y is what x["a"] is trained to be."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(x["a"]) + x["b"]

    def train_step(self, state, data):
        trainable, rest, slots, sums = state
        x, y = data
        compute = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (_, (loss, outputs, rest, sums)), gradients = compute(trainable, rest, sums, x, y, None, training=True, optimizer_variables=slots)
        trainable, slots = self.optimizer.stateless_apply(slots, [g / 2 for g in gradients], trainable)
        logs, sums = self._update_metrics_variables(sums, loss, x, y, outputs, None)
        return logs, (trainable, rest, slots, sums)


class OwnLogs(OwnStep):
    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return logs | {"twice": 2 * logs["loss"]}, state


def dense_after(*made, optimizer="sgd"):
    """A compiled model of x: f32[N,4]."""
    x = y = keras.Input((4,), name="x")
    for layer in made:
        y = layer(y)
    model = keras.Model(x, layers.Dense(2, name="y")(y))
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def sequences(loss, *last, **options):
    x = keras.Input((6, 4), name="x")
    model = keras.Model(x, layers.Dense(3, name="y")(layers.Reshape((6, 2, 2))(x) if last else x))
    model.compile("sgd", loss, **options)
    return model


def masked():
    x = keras.Input((6,), name="x", dtype="int32")
    model = keras.Model(x, layers.Dense(3, name="y")(layers.Embedding(5, 4, mask_zero=True)(x)))
    model.compile("sgd", "mse", weighted_metrics=["mae"])
    return model


def own_step():
    model = OwnStep()
    model.compile("sgd", "mse")
    return model


X, Y = np.sin(np.arange(28, dtype="float32")).reshape(7, 4), np.cos(np.arange(14, dtype="float32")).reshape(7, 2)
STEPS = np.sin(np.arange(168, dtype="float32")).reshape(7, 6, 4)
WEIGHTS = np.linspace(0.5, 2, 7).astype("float32")

# Models and data that fit() takes, and the weights of samples.
TRAINED = {
    "gradients": lambda: (dense_after(layers.Dense(4), Gradients(name="own")), X, Y),
    "pooled": lambda: (dense_after(layers.Dense(4), Pooled(name="pooled")), X, Y),
    "own_step": lambda: (own_step(), {"a": X, "b": X[:, :3]}, X[:, 1:]),
    "averages": lambda: (dense_after(optimizer=keras.optimizers.SGD(0.1, use_ema=True)), X, Y),
    "weights": lambda: (dense_after(), X, Y, WEIGHTS),
    "steps": lambda: (sequences("mse", weighted_metrics=["mae"]), STEPS, STEPS[..., 1:], WEIGHTS),
    "classes": lambda: (sequences("sparse_categorical_crossentropy", metrics=["accuracy"]), STEPS,
                        (STEPS[..., 0] > 0).astype("int32")),
    "masked": lambda: (masked(), (STEPS[..., 0] * 3).astype("int32") + 1, STEPS[..., 1:], WEIGHTS),
    "images": lambda: (sequences("mae", 2), STEPS, np.stack([STEPS[..., :2]] * 3, -1)),
}


def weights_of(path):
    """What a trainer has saved."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    return {name: np.frombuffer(data, "float32", int(np.prod(at["shape"])), 8 + size + at["data_offsets"][0]).reshape(at["shape"])
            for name, at in json.loads(data[8 : 8 + size]).items() if name != "__metadata__" and at["dtype"] == "F32"}


def train(keratin, folder, model, x, y, sample_weight=None):
    """Raises what differs from Keras after three epochs of two steps."""
    export(model, folder / "m.kir", training_data=(x, y) if sample_weight is None else (x, y, sample_weight))
    arrays = {f"x:{name}": a for name, a in x.items()} if isinstance(x, dict) else {"x": x}
    arrays |= {"y": y} | ({} if sample_weight is None else {"sample_weight": sample_weight})
    np.savez(folder / "data.npz", **arrays)
    run = lambda *command: subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    run(keratin, "compile", folder / "m.kir", "--trainer", "-o", folder / "trainer")
    run(folder / "trainer", "fit", "--data", folder / "data.npz", "--batch-size", "4", "--epochs", "3", "--no-shuffle", "--verbose", "0",
        "--history", folder / "history.json", "--save", folder / "w.safetensors")
    if sample_weight is not None and y.ndim > 2:  # Keras itself wants as many axes as the loss has
        sample_weight = sample_weight[:, None]
    history = model.fit(x, y, sample_weight=sample_weight, batch_size=4, epochs=3, shuffle=False, verbose=0).history
    found = json.loads((folder / "history.json").read_text())
    for name, values in history.items():
        np.testing.assert_allclose(found[name], values, 1e-4, 1e-5, err_msg=name)
    saved = weights_of(folder / "w.safetensors")
    for v in model.trainable_variables:
        np.testing.assert_allclose(saved[v.path], v.numpy(), 1e-4, 1e-5, err_msg=v.path)


# Models of free lengths, and arrays of two lengths for each.
def recurrent():
    x = keras.Input((None, 4), name="x")
    return keras.Model(x, layers.GRU(3)(layers.Conv1D(4, 3, padding="same")(x)))


def windowed():
    x = keras.Input((None, 4), name="x")
    return keras.Model(x, layers.MaxPooling1D(2)(layers.Conv1D(4, 3)(x)))


def halved():
    x = keras.Input((None, 4), name="x")
    return keras.Model(x, layers.UpSampling1D(2)(layers.AveragePooling1D(2)(x)) + x)


def added():
    x, y = keras.Input((None, 4), name="x"), keras.Input((None, 4), name="y")
    return keras.Model([x, y], layers.Attention()([x + y, x]))


FREE = {"recurrent": recurrent, "windowed": windowed, "halved": halved, "added": added}


def refused(model, words, *arguments, **options):
    """None, or what was wrong: export did not refuse, or not with all of these words."""
    try:
        export(model, *arguments, **options)
    except (Unsupported, ValueError, OSError) as error:
        return None if all(word in str(error) for word in words) else str(error)
    return f"{model.name} is not refused: {words}"


def refusals(x, n, folder):
    """What was wrong with them."""
    path, data = folder / "m.kir", (X, Y)
    case = lambda function, name: keras.Model([x, n], Case(function, name=name)(x, n))
    wrong = [
        refused(case(while_loop, "endless"), ['layer "endless"', "primitive while", "maximum_iterations", __file__], path),
        refused(case(lambda x, n: jnp.linalg.svd(x)[1], "singular"), ['layer "singular"', "primitive svd", __file__], path),
        refused(case(lambda x, n: jnp.real(jnp.tanh(x * 1j)), "complex"), ['layer "complex"', "on complex numbers", __file__], path),
        refused(case(lambda x, n: jnp.concatenate([x, x[:1]]), "appends"), ['layer "appends"', "N + 1", "batch_size"], path),
        refused(layers.Dense(2), ["Dense is no keras.Model"], path),
        refused(dense_after(), ["no folder"], folder / "missing" / "m.kir"),
        refused(Subclassed(), ["Subclassed", "input_signature"], path),
        refused(Subclassed(), ["a str"], path, input_signature="x"),
        refused(keras.Sequential([layers.Dense(2)]), ["has no input yet", "build()"], path),
        refused(dense_after(), ["4 members", "(x, y)"], path, training_data=(*data, WEIGHTS, 1)),
        refused(dense_after(), ["is a ndarray", "(x, y)"], path, training_data=X),
        refused(dense_after(), ["2 arrays for 1 inputs (x)"], path, training_data=([X, X], Y)),
        refused(dense_after(), ["2 targets for 1 outputs (y)"], path, training_data=(X, [Y, Y])),
        refused(keras.Model(x, x), ["is not compiled"], path, training_data=data),
    ]
    logs = OwnLogs()
    logs.compile("sgd", "mse")
    wrong.append(refused(logs, ["OwnLogs.train_step", "twice"], path, training_data=({"a": X, "b": X[:, :3]}, X[:, 1:])))
    free = keras.Input((None, 4), name="x")
    wrong.append(refused(keras.Model(free, Case(lambda x, n: x.reshape(-1, 4), name="rows")(free, free)),
                         ['layer "rows"', "N*T", "fixed lengths (x)"], path))
    of_x = keras.Input((4,), name="x", dtype="complex64")
    wrong.append(refused(keras.Model(of_x, ops.real(of_x)), ["the input x is complex64"], path))
    for signature in (keras.Input((4,)), keras.InputSpec(shape=(None, 4)), X):
        export(Subclassed(), path, input_signature=signature)
    export(dense_after(), path, training_data=(*data, None))
    model = recurrent()
    model.compile("sgd", "mse")
    export(model, path, training_data=(STEPS, Y[:, :1]))
    return wrong


def compare(keratin, folder):
    for how in ([], ["--interpret"]):
        done = subprocess.run([keratin, "run", folder / "m.kir", "--input", folder / "x.npz", "--expect", folder / "y.npz", "--rtol", "1e-4",
                               "--atol", "1e-5", *how], text=True, stderr=subprocess.PIPE)
        if done.returncode:
            raise AssertionError(done.stderr)


def main():
    x, n = keras.Input((6, 4), name="x"), keras.Input((6, 4), name="n", dtype="int32")
    rng = np.random.Generator(np.random.PCG64(3))
    arrays = {"x": rng.normal(size=(5, 6, 4)).astype("float32"), "n": rng.integers(-7, 8, (5, 6, 4)).astype("int32")}
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.savez(folder / "x.npz", **arrays)
        for name, made in (CASES | LAYERS).items():
            try:
                layer = made(name=name) if name in LAYERS else Case(made, name=name)
                model = keras.Model([x, n], layer(x, n))
                export(model, folder / "m.kir")
                np.savez(folder / "y.npz", **{name: np.asarray(model([arrays["x"], arrays["n"]]))})
                compare(sys.argv[1], folder)
            except Exception as error:  # the other cases are of interest, too
                failed += 1
                print(f"{name}: {type(error).__name__}: {str(error).strip()}", flush=True)
        for name, made in TRAINED.items():
            try:
                train(sys.argv[1], folder, *made())
            except Exception as error:
                failed += 1
                print(f"trained {name}: {type(error).__name__}: {error} {getattr(error, 'stderr', '')}", flush=True)
        for name, made in FREE.items():
            try:
                export(model := made(), folder / "m.kir")
                for steps in (4, 6):
                    given = {t.name: rng.normal(size=(3, steps, 4)).astype("float32") for t in model.inputs}
                    np.savez(folder / "x.npz", **given)
                    np.savez(folder / "y.npz", **{model.output_names[0]: np.asarray(model(given))})
                    compare(sys.argv[1], folder)
            except Exception as error:
                failed += 1
                print(f"free {name}: {type(error).__name__}: {error}", flush=True)
        wrong = refusals(x, n, folder)
        for message in filter(None, wrong):
            failed += 1
            print(message, flush=True)
    print(f"{len(CASES) + len(LAYERS)} functions, {len(TRAINED)} trained, {failed} failures")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
