"""Primitives that compute element by element."""
import math

import jax
import jax.numpy as jnp
import numpy as np

from .graph import Number
from .lower import Unsupported

_RENAMED = {"add": "add", "add_any": "add", "sub": "sub", "mul": "mul", "div": "div", "max": "max", "min": "min",
            "neg": "neg", "abs": "abs", "sign": "sign", "floor": "floor", "ceil": "ceil", "sqrt": "sqrt", "rsqrt": "rsqrt",
            "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "sin": "sin", "cos": "cos", "tanh": "tanh",
            "logistic": "sigmoid", "erf": "erf", "not": "not", "and": "and", "or": "or", "xor": "xor",
            "shift_left": "shl"}
_COMPARED = {"eq": ("eq", False), "ne": ("ne", False), "lt": ("lt", False), "le": ("le", False),
             "gt": ("lt", True), "ge": ("le", True)}


def _renamed(op):
    return lambda lowering, equation, *operands: lowering.body.pointwise(op, *operands)


def _compared(op, is_turned):
    return lambda lowering, equation, a, b: lowering.body.pointwise(op, *((b, a) if is_turned else (a, b)), dtype="bool")


def _composed(function):
    """Of `function(body, x…)`, which has the primitive's operands."""
    return lambda lowering, equation, *operands: function(lowering.body, *operands)


def _traced(function):
    """Of a function of JAX, which computes in 32 bits at least."""
    def rule(lowering, equation, *operands):
        dtype = operands[0].dtype
        wide = "float32" if dtype in ("float16", "bfloat16") else dtype
        return lowering.traced(lambda *xs: function(*(x.astype(wide) for x in xs)).astype(dtype), *operands)
    return rule


def _polynomial(coefficients, x):
    """By Horner's rule; the highest power comes first."""
    result = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


def number(like, value):
    return Number(value, like.dtype)


def pointwise(body, op, a, b):
    """One of them may be a Python number."""
    a, b = (number(b, a), b) if isinstance(a, (int, float)) else (a, b)
    b = number(a, b) if isinstance(b, (int, float)) else b
    return body.pointwise(op, a, b)


def select(body, condition, a, b):
    return body.pointwise("select", condition, a, b)


def compare(body, op, a, b):
    b = number(a, b) if isinstance(b, (int, float)) else b
    return body.pointwise(op, a, b, dtype="bool")


def _ordered(is_strict):
    """In the order of all floats: -0 stands before 0, and NaN behind all others."""
    def less(a, b):
        if not jnp.issubdtype(a.dtype, jnp.floating):
            return a < b
        return (a < b) | (a == b) & jnp.signbit(a) & ~jnp.signbit(b) | (b != b) & (a == a)
    function = less if is_strict else lambda a, b: ~less(b, a)
    return lambda lowering, equation, a, b: lowering.traced(function, a, b)


def _integer_pow(lowering, equation, x):
    body, y = lowering.body, equation.params["y"]
    result, power, left = None, x, abs(y)
    while left:
        if left & 1:
            result = power if result is None else body.pointwise("mul", result, power)
        left >>= 1
        power = body.pointwise("mul", power, power) if left else power
    if result is None:
        return Number(1, x.dtype, x.shape)
    return pointwise(body, "div", 1, result) if y < 0 else result


def _power(body, x, y):
    if not x.is_float:
        raise Unsupported("is not supported on integers")
    return body.pointwise("pow", x, body.cast(y, x.dtype))


def _remainder(body, a, b):
    """C's: the sign is that of `a`. Graph IR's is Python's."""
    if a.dtype.startswith("u"):
        return body.pointwise("rem", a, b)
    rest = body.pointwise("rem", body.pointwise("abs", a), body.pointwise("abs", b))
    return select(body, compare(body, "lt", a, 0), body.pointwise("neg", rest), rest)


def _clamp(body, low, x, high):
    return body.pointwise("min", body.pointwise("max", x, low, shape=x.shape), high, shape=x.shape)


def _select_n(body, which, *cases):
    if which.dtype == "bool":
        return body.pointwise("select", which, cases[1], cases[0])
    result = cases[-1]
    for i in reversed(range(len(cases) - 1)):
        result = select(body, compare(body, "le", which, i), cases[i], result)
    return result


def _round(lowering, equation, x):
    if equation.params["rounding_method"].name == "TO_NEAREST_EVEN":
        return lowering.body.pointwise("round", x)
    body = lowering.body
    size = body.pointwise("floor", pointwise(body, "add", body.pointwise("abs", x), 0.5))
    return body.pointwise("mul", body.pointwise("sign", x), size)


def _shift_right(is_arithmetic):
    def rule(body, x, bits):
        signed = not x.dtype.startswith("u")
        if signed == is_arithmetic:
            return body.pointwise("shr", x, bits)
        other = x.dtype.replace("uint", "int") if is_arithmetic else "u" + x.dtype
        return body.cast(body.pointwise("shr", body.cast(x, other), body.cast(bits, other)), x.dtype)
    return rule


def _asinh(x):
    """Of a large x, whose square may overflow, it is log(2 |x|) to the last digit."""
    limit = float(jnp.finfo(x.dtype).eps) ** -0.5
    is_large = jnp.abs(x) > limit
    side = jnp.sign(x)
    size = side * jnp.where(is_large, 1, x)
    near = jnp.log1p(size + size * size / (jnp.sqrt(size * size + 1) + 1))
    return side * jnp.where(is_large, jnp.log(jnp.where(is_large, jnp.abs(x), 1)) + math.log(2), near)


def _acosh(x):
    limit = float(jnp.finfo(x.dtype).eps) ** -0.5
    is_large = x > limit
    over = jnp.where(is_large, 1, x - 1)
    return jnp.where(is_large, jnp.log(jnp.where(is_large, x, 1)) + math.log(2), jnp.log1p(over + jnp.sqrt(over) * jnp.sqrt(over + 2)))


# atan(z) / z as a polynomial of z²: the Chebyshev interpolant for z up to tan(π/8).
_ATAN = [0.0470734983, -0.0845619375, 0.110404894, -0.142815888, 0.199998839, -0.333333321, 1.0]


def _atan(x):
    """Of what is left near 0 when a quarter of a turn, or an eighth, has been taken off."""
    is_steep = jnp.abs(x) > 1
    z = jnp.where(is_steep, -1 / jnp.where(is_steep, x, 1), x)
    side = jnp.sign(z)
    is_half = jnp.abs(z) > math.tan(math.pi / 8)
    z = jnp.where(is_half, (z - side) / (1 + side * z), z)
    taken = jnp.where(is_half, side * (math.pi / 4), 0) + jnp.where(is_steep, jnp.sign(x) * (math.pi / 2), 0)
    return taken + z * _polynomial(_ATAN, z * z)


def _atan2(y, x):
    """The quotient is that of the smaller by the larger."""
    is_below = lambda v: (v < 0) | (v == 0) & (1 / v < 0)  # -0, too
    y_side, x_side = jnp.where(is_below(y), -1, 1).astype(y.dtype), jnp.where(is_below(x), -1, 1).astype(x.dtype)
    is_steep = jnp.abs(y) > jnp.abs(x)
    small, large = jnp.where(is_steep, x, y), jnp.where(is_steep, y, x)
    quotient = small / jnp.where(large == 0, 1, large)
    angle = _atan(jnp.where(jnp.abs(small) == jnp.inf, x_side * y_side, quotient))
    return jnp.where(is_steep, y_side * (math.pi / 2) - angle, angle + jnp.where(x_side < 0, y_side * math.pi, 0))


def _asin(x):
    return 2 * _atan(x / (1 + jnp.sqrt((1 - x) * (1 + x))))


def _acos(x):
    return 2 * _atan(jnp.sqrt((1 - x) / (1 + x)))


def _sinh(body, x):
    grown = body.pointwise("expm1", x)
    shrunk = body.pointwise("expm1", body.pointwise("neg", x))
    return pointwise(body, "mul", pointwise(body, "sub", grown, shrunk), 0.5)


def _cosh(body, x):
    grown, shrunk = body.pointwise("exp", x), body.pointwise("exp", body.pointwise("neg", x))
    return pointwise(body, "mul", pointwise(body, "add", grown, shrunk), 0.5)


def _atanh(body, x):
    both = pointwise(body, "sub", body.pointwise("log1p", x), body.pointwise("log1p", body.pointwise("neg", x)))
    return pointwise(body, "mul", both, 0.5)


def _tan(body, x):
    return body.pointwise("div", body.pointwise("sin", x), body.pointwise("cos", x))


# (1 + 2x) exp(x²) erfc(x) as a polynomial of (x - 3) / (x + 3): the Chebyshev interpolant for x in 0.5 … 30.
_SCALED_ERFC = [-0.000657980707, 0.00176257656, 0.00249109339, -0.0237167021, 0.0683101889, -0.119282984, 0.129645743,
                -0.0475617377, -0.13562115, 1.25300805]


def _erfc(x):
    """1 - erf(x) has no digits left where erf(x) is near 1."""
    is_far = x > 0.5
    far = jnp.where(is_far, jnp.minimum(x, 30), 1)
    scaled = _polynomial(_SCALED_ERFC, (far - 3) / (far + 3)) / (1 + 2 * far)
    near = jnp.floor(far * 16) / 16  # its square is exact
    bell = jnp.exp(-near * near) * jnp.exp((near - far) * (near + far))
    return jnp.where(is_far, bell * scaled, 1 - jax.lax.erf(jnp.where(is_far, 0, x)))


def _erf_inv(lowering, equation, x):
    """M. Giles, "Approximating the erfinv function", 2012: two polynomials of w = -log(1 - x²)."""
    near = [2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
            0.246640727, 1.50140941]
    far = [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
           1.00167406, 2.83297682]

    def inverse(x):
        w = -jnp.log1p(-x * x)
        is_near = w < 5
        w = jnp.where(is_near, w - 2.5, jnp.sqrt(jnp.where(is_near, 5.0, w)) - 3)
        p = jnp.where(is_near, near[0], far[0]).astype(x.dtype)
        for a, b in zip(near[1:], far[1:]):
            p = p * w + jnp.where(is_near, a, b).astype(x.dtype)
        return jnp.where(jnp.abs(x) == 1, x * jnp.inf, p * x)
    return lowering.traced(inverse, x)


def _next_after(body, x, target):
    if not (isinstance(x, Number) and isinstance(target, Number)):
        raise Unsupported("is not supported of what is computed")
    return Number(np.nextafter(np.float32(x.number), np.float32(target.number)).item(), x.dtype, x.shape)


def _cast(lowering, equation, x):
    return lowering.body.cast(x, str(equation.params["new_dtype"]))


def _bitcast(lowering, equation, x):
    """Of random words, whose exponent is that of 1: what uniform numbers are made of."""
    target = str(equation.params["new_dtype"])
    if x.dtype != "uint32" or target != "float32" or not x.exponent_of_one:
        raise Unsupported(f"is not supported from {x.dtype} to {target}")
    body = lowering.body
    bits = pointwise(body, "and", x, 0x7FFFFF)
    return pointwise(body, "add", pointwise(body, "mul", body.cast(bits, "float32"), 2.0 ** -23), 1.0)


def _or(lowering, equation, a, b):
    result = lowering.body.pointwise("or", a, b)
    result.exponent_of_one = any(isinstance(o, Number) and o.number == 0x3F800000 for o in (a, b))
    return result


RULES = {
    **{name: _renamed(op) for name, op in _RENAMED.items()},
    **{name: _compared(*how) for name, how in _COMPARED.items()},
    "nextafter": _composed(_next_after),
    "lt_to": _ordered(True),
    "le_to": _ordered(False),
    "or": _or,
    "integer_pow": _integer_pow,
    "pow": _composed(_power),
    "square": _composed(lambda body, x: body.pointwise("mul", x, x)),
    "cbrt": _composed(lambda body, x: body.pointwise("mul", body.pointwise("sign", x), pointwise(
        body, "pow", body.pointwise("abs", x), 1 / 3))),
    "exp2": _composed(lambda body, x: body.pointwise("exp", pointwise(body, "mul", x, math.log(2)))),
    "rem": _composed(_remainder),
    "clamp": _composed(_clamp),
    "select_n": _composed(_select_n),
    "round": _round,
    "shift_right_arithmetic": _composed(_shift_right(True)),
    "shift_right_logical": _composed(_shift_right(False)),
    "is_finite": _composed(lambda body, x: compare(body, "lt", body.pointwise("abs", x), float("inf"))),
    "tan": _composed(_tan),
    "sinh": _composed(_sinh),
    "cosh": _composed(_cosh),
    "asin": _traced(_asin),
    "acos": _traced(_acos),
    "atan": _traced(_atan),
    "atan2": _traced(_atan2),
    "acosh": _traced(_acosh),
    "asinh": _traced(_asinh),
    "atanh": _composed(_atanh),
    "erfc": _traced(_erfc),
    "erf_inv": _erf_inv,
    "convert_element_type": _cast,
    "bitcast_convert_type": _bitcast,
}
