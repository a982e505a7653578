#!/usr/bin/env python3
"""Exports functions of JAX and Keras by python/keratin_export, and compares what Keratin makes of them with what JAX computes.

    KERAS_BACKEND=jax python check_export_primitives.py KERATIN        needs Keras 3.15 and jax
"""
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
    "extremes": lambda x, n: jnp.argmax(x, 1) - jnp.argmin(x, 1),
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
    "own_gradient": lambda x, n: jax.nn.relu6(x) + jax.nn.silu(x) + jax.nn.logsumexp(x, 1, keepdims=True),
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


def while_loop(x, n):
    return jax.lax.while_loop(lambda v: jnp.sum(v) < 3, lambda v: v + 1, x)


@jax.custom_gradient
def doubled(x):
    return 2 * x, lambda d: d


@ops.custom_gradient
def tripled(x):
    return 3 * x, lambda d: d


root = jax.custom_vjp(jnp.cbrt)
root.defvjp(lambda x: (root(x), x), lambda x, d: (d,))

# Of x and n, too: what is refused in training, and the words that say why.
UNTRAINED = {
    "doubled": (lambda x, n: doubled(x), "a gradient of its own"),
    "tripled": (lambda x, n: tripled(x), "a gradient of its own"),
    "root": (lambda x, n: root(x), "cbrt has a gradient of its own"),
}


def refused(model, words, *arguments, **options):
    """None, or what was wrong: export did not refuse, or not with all of these words."""
    try:
        export(model, *arguments, **options)
    except Unsupported as error:
        return None if all(word in str(error) for word in words) else str(error)
    return f"{model.name} is not refused"


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
                for how in ([], ["--interpret"]):
                    done = subprocess.run([sys.argv[1], "run", folder / "m.kir", "--input", folder / "x.npz", "--expect",
                                           folder / "y.npz", "--rtol", "1e-4", "--atol", "1e-5", *how], text=True,
                                          stderr=subprocess.PIPE)
                    if done.returncode:
                        raise AssertionError(done.stderr)
            except Exception as error:  # the other cases are of interest, too
                failed += 1
                print(f"{name}: {type(error).__name__}: {str(error).strip()}", flush=True)
        wrong = [refused(keras.Model([x, n], Case(while_loop, name="endless")(x, n)),
                         ['layer "endless"', "primitive while", __file__], folder / "m.kir")]
        for name, (function, words) in UNTRAINED.items():
            model = keras.Model([x, n], layers.Dense(1)(layers.Flatten()(Case(function, name=name)(x, n))))
            model.compile("sgd", "mse")
            data = list(arrays.values()), np.zeros((5, 1), "float32")
            wrong.append(refused(model, [f'layer "{name}"', words, __file__], folder / "m.kir", training_data=data))
        of_x = keras.Input((4,), name="x")
        dense = keras.Sequential([layers.Dense(2)])
        wrong.append(refused(dense, ["has no input yet", "build()"], folder / "m.kir"))
        dense.build((None, 4))
        dense.compile("sgd", "mse")
        data = np.zeros((5, 4), "float32"), np.zeros((5, 2), "float32")
        export(dense, folder / "m.kir", training_data=data)
        wrong.append(refused(dense, ["3 members", "(x, y)"], folder / "m.kir", training_data=(*data, np.ones(5, "float32"))))
        wrong.append(refused(dense, ["is a ndarray", "(x, y)"], folder / "m.kir", training_data=data[0]))
        wrong.append(refused(Subclassed(), ["Subclassed", "Functional and Sequential", "keras.Input"], folder / "m.kir"))
        export(keras.Model(of_x, Subclassed()(of_x)), folder / "m.kir")
        wrong.append(refused(keras.Model([x, n], Case(lambda x, n: jnp.real(jnp.exp(x * 1j)), name="complex")(x, n)),
                             ['layer "complex"', "complex64", "real and imaginary", __file__], folder / "m.kir"))
        of_x = keras.Input((4,), name="x", dtype="complex64")
        wrong.append(refused(keras.Model(of_x, ops.real(of_x)), ["the input x is complex64"], folder / "m.kir"))
        for message in filter(None, wrong):
            failed += 1
            print(message, flush=True)
    print(f"{len(CASES) + len(LAYERS)} functions, {failed} failures")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
