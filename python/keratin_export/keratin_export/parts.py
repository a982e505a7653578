"""Complex numbers and keys of random numbers, for which Graph IR has no types: real and imaginary parts, words of 32 bits.

Fourier transforms are products of matrices.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from . import control, elementwise, shape
from .graph import Parts, complex_of
from .lower import Unsupported

# What treats all parts alike, and the other operands as it does otherwise.
_PARTWISE = ("broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose", "concatenate", "pad", "slice", "split", "stack",
             "unstack", "rev", "tile", "reduce_sum", "cumsum", "reduce_window_sum", "gather", "scatter-add", "scatter_add", "scatter",
             "dynamic_slice", "dynamic_update_slice", "add", "add_any", "sub", "neg", "select_n")
# What hands values on.
_PASSED = ("jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2", "custom_jvp_call", "custom_vjp_call",
           "custom_vjp_call_jaxpr", "copy", "copy_p", "optimization_barrier", "stop_gradient", "scan", "while", "cond")

_OTHERS = elementwise.RULES | shape.RULES | control.RULES


class _Part:
    """An equation between real numbers in place of one between complex ones."""

    def __init__(self, equation):
        self.params, self.source_info = equation.params, equation.source_info
        self.outvars = [_Variable(v.aval) for v in equation.outvars]


class _Variable:
    def __init__(self, aval):
        dtype = aval.dtype
        dtype = "float32" if jnp.issubdtype(dtype, np.complexfloating) else "uint32" if _is_key(dtype) else dtype
        self.aval = jax.ShapeDtypeStruct(aval.shape, dtype)


def _is_key(dtype):
    return jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key)


def _partwise(name):
    rule = _OTHERS[name]

    def each(lowering, equation, *operands):
        like = next(o for o in operands if isinstance(o, Parts))
        parts = [rule(lowering, _Part(equation), *(o.parts[i] if isinstance(o, Parts) else o for o in operands))
                 for i in range(len(like.parts))]
        if isinstance(parts[0], (list, tuple)):
            return [Parts(like.dtype, several) for several in zip(*parts)]
        return Parts(like.dtype, parts)
    return each


def _computed(function, is_complex=True):
    """Of a function of pairs (real, imaginary), written in JAX, that gives a pair or one real array."""
    def rule(lowering, equation, *operands):
        flat, structure = jax.tree.flatten([o.parts for o in operands])
        parts = lowering.traced(lambda *parts: function(*jax.tree.unflatten(structure, parts)), *flat)
        return complex_of(*parts) if is_complex else parts
    return rule


def _product(a, b):
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _quotient(a, b):
    """By the larger part of b, so that no square overflows (R. Smith, 1962)."""
    is_flat = jnp.abs(b[0]) >= jnp.abs(b[1])
    large, small = jnp.where(is_flat, b[0], b[1]), jnp.where(is_flat, b[1], b[0])
    ratio = small / large
    below = large + small * ratio
    p, q = jnp.where(is_flat, a[0], a[1]), jnp.where(is_flat, a[1], a[0])
    real = (p + q * ratio) / below
    imaginary = (q - p * ratio) / below
    return real, jnp.where(is_flat, imaginary, -imaginary)


def _magnitude(z):
    large = jnp.maximum(jnp.abs(z[0]), jnp.abs(z[1]))
    scale = jnp.where((large == 0) | jnp.isinf(large), 1, large)
    return scale * jnp.sqrt((z[0] / scale) ** 2 + (z[1] / scale) ** 2)


def _sign(z):
    size = _magnitude(z)
    size = jnp.where(size == 0, 1, size)
    return z[0] / size, z[1] / size


def _root(z):
    size = _magnitude(z)
    real, imaginary = jnp.sqrt((size + z[0]) / 2), jnp.sqrt((size - z[0]) / 2)
    return real, jnp.where(z[1] < 0, -imaginary, imaginary)


def _exponential(z):
    size = jnp.exp(z[0])
    return size * jnp.cos(z[1]), size * jnp.sin(z[1])


def _power(lowering, equation, z):
    y = equation.params["y"]

    def power(z):
        result = jnp.ones_like(z[0]), jnp.zeros_like(z[0])
        for _ in range(abs(y)):
            result = _product(result, z)
        return result if y >= 0 else _quotient((1.0, 0.0), result)
    return _computed(power)(lowering, equation, z)


def _product_along(lowering, equation, z):
    axes = equation.params["axes"]
    if not all(isinstance(z.shape[axis], int) and z.shape[axis] for axis in axes):
        raise Unsupported("is not supported on complex numbers along an axis that is empty or of no fixed length")

    def product(z):
        for axis in sorted(axes, reverse=True):
            parts = [tuple(jnp.take(part, i, axis) for part in z) for i in range(z[0].shape[axis])]
            z = functools.reduce(_product, parts)
        return z
    return _computed(product)(lowering, equation, z)


def _dot(lowering, equation, a, b):
    p = equation.params
    times = lambda u, v: jax.lax.dot_general(u, v, p["dimension_numbers"])
    return _computed(lambda a, b: (times(a[0], b[0]) - times(a[1], b[1]), times(a[0], b[1]) + times(a[1], b[0])))(
        lowering, equation, a, b)


def _equal(a, b):
    return (a[0] == b[0]) & (a[1] == b[1])


def _cast(lowering, equation, x):
    """To complex numbers, or to real ones, which drops the imaginary parts."""
    dtype = str(equation.params["new_dtype"])
    if isinstance(x, Parts):
        return x if "complex" in dtype else lowering.body.cast(x.real, dtype)
    return complex_of(lowering.body.cast(x, "float32"))


def _matrix(n, sign):
    """exp(±2πi jk / n), exact to the last digit of f32."""
    turns = np.outer(np.arange(n), np.arange(n)) % n * (2 * np.pi / n)
    return np.cos(turns).astype("float32"), (sign * np.sin(turns)).astype("float32")


def _factor(n):
    """The divisor next to √n, at most that: 1 of a prime."""
    return next(d for d in range(int(n ** 0.5), 0, -1) if n % d == 0)


def _each(function, z):
    """Of both parts; a real signal has no other one."""
    return [part if part is None else function(part) for part in z]


def _transform(z, sign):
    """Along the last axis. A length that is long and no prime is transformed along its factors (J. Cooley and J. Tukey, 1965)."""
    n = z[0].shape[-1]
    rows = _factor(n)
    if n <= 32 or rows == 1:
        return _product_of_matrices(z, _matrix(n, sign))
    columns = n // rows
    z = _each(lambda part: part.reshape(*part.shape[:-1], rows, columns).swapaxes(-1, -2), z)
    z = _each(lambda part: part.swapaxes(-1, -2), _transform(z, sign))  # by row of the result, column of what is left
    turns = np.outer(np.arange(rows), np.arange(columns)) * (2 * np.pi / n)
    z = _product(z, (np.cos(turns).astype("float32"), (sign * np.sin(turns)).astype("float32")))
    return _each(lambda part: part.swapaxes(-1, -2).reshape(*part.shape[:-2], n), _transform(z, sign))


def _product_of_matrices(z, matrix):
    if z[1] is None:
        return z[0] @ matrix[0], z[0] @ matrix[1]
    return z[0] @ matrix[0] - z[1] @ matrix[1], z[0] @ matrix[1] + z[1] @ matrix[0]


def _along(z, axis, sign):
    turned = _each(lambda part: jnp.moveaxis(part, axis, -1), z)
    return _each(lambda part: jnp.moveaxis(part, -1, axis), _transform(turned, sign))


def _fourier(lowering, equation, x):
    kind, lengths = equation.params["fft_type"].name, equation.params["fft_lengths"]
    if not all(isinstance(n, (int, np.integer)) for n in lengths):
        raise Unsupported("is not supported along an axis of no fixed length")
    rank = len(x.shape)
    axes = range(rank - len(lengths), rank)
    sign = 1 if kind in ("IFFT", "IRFFT") else -1

    def transform(z):
        if kind == "IRFFT":
            for axis in axes[:-1]:
                z = _along(z, axis, sign)
            z = _along(_whole_spectrum(z, lengths[-1]), rank - 1, sign)
        else:
            for axis in reversed(axes):
                z = _along(z, axis, sign)
                if kind == "RFFT" and axis == rank - 1:
                    z = _each(lambda part: jax.lax.slice_in_dim(part, 0, lengths[-1] // 2 + 1, axis=-1), z)
        if sign > 0:
            z = _each(lambda part: part / float(np.prod(lengths)), z)
        return z[0] if kind == "IRFFT" else tuple(z)
    if isinstance(x, Parts):
        return _computed(transform, kind != "IRFFT")(lowering, equation, x)
    return complex_of(*lowering.traced(lambda real: transform((real, None)), x))


def _whole_spectrum(z, n):
    """All frequencies of a real signal, of those that are not negative. Those that are their own mirror images are real."""
    real, imaginary = z
    own = np.ones(n // 2 + 1, "float32")
    own[0] = 0
    if n % 2 == 0:
        own[-1] = 0
    imaginary = imaginary * own
    mirrored = lambda part: jnp.flip(jax.lax.slice_in_dim(part, 1, (n + 1) // 2, axis=-1), -1)
    return jnp.concatenate([real, mirrored(real)], -1), jnp.concatenate([imaginary, -mirrored(imaginary)], -1)


def _wrap(lowering, equation, words):
    """Keys of what lies along the last axis."""
    parts = lowering.traced(lambda w: [w[..., i] for i in range(w.shape[-1])], words)
    return Parts(equation.outvars[0].aval.dtype, parts)


def _unwrap(lowering, equation, key):
    return lowering.traced(lambda *parts: jnp.stack(parts, -1), *key.parts)[0]


def _of_keys(function):
    """Of `function(implementation, parameters)`, which gives what is done with one key and numbers that belong to it."""
    def rule(lowering, equation, key, *numbers):
        made = function(key.dtype._impl, equation.params)
        for _ in key.shape:
            made = jax.vmap(made)
        found, = lowering.traced(lambda *operands: made(jnp.stack(operands[: len(key.parts)], -1), *operands[len(key.parts) :]),
                                 *key.parts, *numbers)
        is_key = _is_key(equation.outvars[0].aval.dtype)
        return _wrap(lowering, equation, found) if is_key else found
    return rule


def _seeded(lowering, equation, seed):
    made = equation.params["impl"].seed
    for _ in seed.shape:
        made = jax.vmap(made)
    return _wrap(lowering, equation, *lowering.traced(made, seed))


RULES_OF_PARTS = {
    **{name: _partwise(name) for name in _PARTWISE},
    **{name: _OTHERS[name] for name in _PASSED if name in _OTHERS},
    "complex": lambda lowering, equation, real, imaginary: complex_of(real, imaginary),
    "real": lambda lowering, equation, z: z.real,
    "imag": lambda lowering, equation, z: z.imaginary,
    "conj": lambda lowering, equation, z: _computed(lambda z: (z[0], -z[1]))(
        lowering, equation, z if isinstance(z, Parts) else complex_of(z)),
    "convert_element_type": _cast,
    "mul": _computed(_product),
    "div": _computed(_quotient),
    "square": _computed(lambda z: _product(z, z)),
    "integer_pow": _power,
    "reduce_prod": _product_along,
    "abs": _computed(_magnitude, is_complex=False),
    "sign": _computed(_sign),
    "sqrt": _computed(_root),
    "exp": _computed(_exponential),
    "log": _computed(lambda z: (jnp.log(_magnitude(z)), jnp.arctan2(z[1], z[0]))),
    "eq": _computed(_equal, is_complex=False),
    "ne": _computed(lambda a, b: ~_equal(a, b), is_complex=False),
    "is_finite": _computed(lambda z: jnp.isfinite(z[0]) & jnp.isfinite(z[1]), is_complex=False),
    "dot_general": _dot,
    "fft": _fourier,
    "random_wrap": _wrap,
    "random_unwrap": _unwrap,
    "random_seed": _seeded,
    "random_bits": _of_keys(lambda keys, p: lambda key: keys.random_bits(key, p["bit_width"], p["shape"])),
    "random_split": _of_keys(lambda keys, p: lambda key: keys.split(key, p["shape"])),
    "random_fold_in": _of_keys(lambda keys, p: keys.fold_in),
    "random_clone": lambda lowering, equation, key: key,
}
