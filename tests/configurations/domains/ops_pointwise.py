"""Operations on single elements."""
import ml_dtypes
import numpy as np
from keras import ops

from domain import OMIT, Domain, T
from operations import op


def unary(name, low=-1.5, high=1.5, others=("int32", "float16"), **more):
    """Floats of two shapes, and numbers of other types."""
    return op(name, [[T(2, 3, low=low, high=high)], [T(3, 2, 2, low=low, high=high)]] +
              [[T(2, 5, dtype=dtype, low=None if "int" in dtype or dtype == "bool" else low,
                 high=None if "int" in dtype or dtype == "bool" else high)]
               for dtype in others], count=2 + len(others), tolerance=2e-3 if "float16" in others else None, **more)


def binary(name, low=-1.5, high=1.5, integers=True, **more):
    """Shapes that broadcast, two types, and a number on either side."""
    function = getattr(ops, name)
    sets = [[T(2, 3, low=low, high=high), T(2, 3, low=low, high=high)], [T(2, 4, 3, low=low, high=high), T(2, 1, 3, low=low, high=high)],
            [T(3, 2, low=low, high=high)]]
    if integers:
        sets += [[T(2, 3, dtype="int32", low=1, high=9), T(2, 3, dtype="int32", low=1, high=5)],
                 [T(2, 3, dtype="uint8", low=1, high=9), T(2, 3, low=low, high=high)]]

    def call(inputs, arguments):
        if len(inputs) == 2:
            return function(*inputs)
        side = arguments["side"]
        return function(inputs[0], 0.75) if side == "right" else function(1.25, inputs[0])

    return Domain(f"ops {name}", None, dict(side=["left", "right"]), sets, count=6, call=call, **more)


def comparison(name):
    return op(name, [[T(2, 3, dtype="int32", high=3), T(2, 3, dtype="int32", high=3)], [T(2, 4, 3), T(2, 1, 3)],
                     [T(2, 3, dtype="int32", high=3), T(2, 3)]])


INTEGERS = [[T(2, 3, dtype="int32", low=-9, high=20), T(2, 3, dtype="int32", low=-5, high=9)],
            [T(2, 3, dtype="uint8", high=40), T(2, 1, dtype="uint8", high=9)],
            [T(2, 3, dtype="int8", high=40), T(2, 3, dtype="int32", high=9)]]


def with_nonfinite(name, **arguments):
    """Inputs some of which become NaN or infinite on the way."""
    function = getattr(ops, name)

    def call(inputs, given):
        x = inputs[0]
        x = ops.where(ops.greater(x, 0.9), float("inf"), x)
        x = ops.where(ops.less(x, -0.9), float("-inf"), x)
        x = ops.where(ops.less(ops.abs(x - 0.2), 0.3), float("nan"), x)
        return function(x, **given)

    return Domain(f"ops {name}", None, arguments, [[T(2, 9)], [T(3, 4, 2)], [T(2, 7)]], count=3, call=call, trains=False)


def after(x, y, scale):
    """Numbers of all sizes, among them 0, infinity, NaN and the least and the greatest there are."""
    of_dtype = ml_dtypes.finfo(x.dtype)
    ends = np.array([0, -0.0, np.inf, -np.inf, np.nan, of_dtype.max, of_dtype.smallest_subnormal, of_dtype.tiny, 1, -2], of_dtype.dtype)
    x = ops.concatenate([x * scale, ops.broadcast_to(ends, (2, 10))], axis=1)
    y = ops.concatenate([y * scale, ops.broadcast_to(ends[::-1], (2, 10))], axis=1)
    return ops.view(ops.nextafter(x, y), f"int{8 * of_dtype.dtype.itemsize}")  # all digits


def viewed(x, through):
    """Ends with integers, which are recorded with all digits. There are no NaNs, whose bits could change."""
    for dtype in through:
        x = ops.view(x, dtype)
    return x


DOMAINS = [
    *[unary(name) for name in ("negative", "absolute", "sign", "square", "floor", "ceil", "trunc", "exp", "exp2", "expm1", "sin", "cos",
                               "tan", "tanh", "sinh", "cosh", "arcsinh", "arctan", "deg2rad", "rad2deg", "i0", "cbrt")],
    unary("sinc", others=("int32",)),  # in f16, rounding errors are most of its gradient near 0
    *[unary(name, 0.2, 2.5) for name in ("sqrt", "rsqrt", "log", "log1p", "log2", "log10", "reciprocal")],
    *[unary(name, -0.95, 0.95, ()) for name in ("arcsin", "arccos", "arctanh", "erfinv")],
    unary("arccosh", 1.1, 4.0, ()),
    unary("erf", others=("float16",)),
    unary("erfc", -3, 3, ()),
    unary("fabs", others=("float16",)),
    op("far out", [[T(2, 7, low=-60, high=60)], [T(2, 3, low=-9000, high=9000)], [T(2, 5, low=-0.01, high=0.01)]],
       dict(which=["arcsinh", "arctan", "sinh"]),
       function=lambda x, which: getattr(ops, which)(ops.clip(x, -60.0, 60.0) if which == "sinh" else x)),
    *[unary(name, others=("bool",), trains=False) for name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal", "signbit")],
    *[unary(name, others=("int32",)) for name in ("real", "conj", "conjugate", "imag", "angle")],
    op("round", [[T(2, 3, low=-60, high=60)], [T(2, 4, dtype="int32", low=-60, high=60)]], dict(decimals=[OMIT, 0, 1, 2, -1])),
    with_nonfinite("nan_to_num", nan=[OMIT, 1.5], posinf=[OMIT, 7.0], neginf=[OMIT, -3.0]),
    with_nonfinite("isnan"), with_nonfinite("isinf"), with_nonfinite("isfinite"), with_nonfinite("isposinf"),
    with_nonfinite("isneginf"), with_nonfinite("signbit"),

    *[binary(name) for name in ("add", "subtract", "multiply", "maximum", "minimum", "fmax", "fmin", "arctan2", "hypot",
                                "logaddexp", "logaddexp2", "heaviside")],
    *[binary(name, 0.4, 2.5) for name in ("divide", "true_divide", "power", "floor_divide", "mod", "fmod", "divide_no_nan")],
    op("add of booleans", [[T(2, 3, dtype="bool"), T(2, 3, dtype="bool")]], dict(which=["add", "multiply", "maximum", "minimum"]),
       function=lambda a, b, which: getattr(ops, which)(a, b)),
    op("integers by numbers", [[T(2, 3, dtype="int32", low=-9, high=9)], [T(2, 3, dtype="uint8", high=9)], [T(2, 3, dtype="bool")]],
       dict(which=["add", "multiply", "power", "maximum", "divide"], number=[3, 2, 2.5]),
       function=lambda a, which, number: getattr(ops, which)(a, number), count=12),
    op("floor_divide of integers", INTEGERS[:1], dict(number=[3, -3, 4]), function=lambda a, b,
       number: [ops.floor_divide(a, number), ops.mod(a, number)]),
    op("fmod of integers", INTEGERS[:1], dict(number=[3, -3, 4]), function=lambda a, b, number: ops.fmod(a, number)),
    op("power of integers", [[T(2, 3, dtype="int32", low=-4, high=5), T(2, 3, dtype="int32", high=7)]], dict(number=[0, 1, 5]),
       function=lambda a, b, number: [ops.power(a, b), ops.power(a, number)]),
    op("ldexp", [[T(2, 3), T(2, 3, dtype="int32", low=-3, high=5)], [T(3, 2), T(3, 1, dtype="int32")]]),
    op("gcd", INTEGERS), op("lcm", INTEGERS),
    *[op(name, INTEGERS) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")],
    op("bitwise_not", [[t[0]] for t in INTEGERS] + [[T(2, 3, dtype="bool")]]), op("bitwise_invert", [[t[0]] for t in INTEGERS]),
    *[op(name, [[T(2, 3, dtype="int32", low=-60, high=60), T(2, 3, dtype="int32", high=5)],
       [T(2, 4, dtype="uint8", high=200), T(2, 1, dtype="uint8", high=5)]], count=2)
      for name in ("bitwise_left_shift", "bitwise_right_shift", "left_shift", "right_shift")],

    *[comparison(name) for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")],
    op("isclose", [[T(2, 9, low=0.9, high=1.1), T(2, 9, low=0.9, high=1.1)], [T(2, 9, dtype="int32"), T(2, 9, dtype="int32")]],
       dict(rtol=[OMIT, 0.05, 0.1], atol=[OMIT, 0.02], equal_nan=[OMIT, True]), count=6),
    op("allclose", [[T(2, 3, low=0.9, high=1.1), T(2, 3, low=0.9, high=1.1)]],
       dict(rtol=[OMIT, 0.05, 0.2], atol=[OMIT, 0.02], equal_nan=[OMIT, True]), count=6,
       function=lambda a, b, **more: ops.isclose(a, b, **more) if not hasattr(ops, "allclose") else ops.allclose(a, b, **more)),
    *[op(name, [[T(2, 3, dtype="bool"), T(2, 3, dtype="bool")], [T(2, 4, dtype="int32", high=2), T(2, 1, dtype="bool")],
                [T(2, 3, low=0), T(2, 3, dtype="int32", high=2)]]) for name in ("logical_and", "logical_or", "logical_xor")],
    op("logical_not", [[T(2, 3, dtype="bool")], [T(2, 3, dtype="int32", high=2)], [T(2, 3)]]),
    op("where", [[T(2, 3, dtype="bool"), T(2, 3), T(2, 1)], [T(2, 3, dtype="int32", high=2), T(2, 3, dtype="int32"), T(2, 3)]],
       dict(scalar=[False, True]),
       function=lambda c, a, b, scalar: ops.where(c, a, 0.5) if scalar else ops.where(c, a, b), count=4),
    op("select", [[T(2, 4, dtype="bool"), T(2, 4, dtype="bool"), T(2, 4), T(2, 4)],
       [T(2, 4, dtype="bool"), T(2, 4, dtype="bool"), T(2, 4, dtype="int32"), T(2, 4, dtype="int32")]],
       dict(default=[OMIT, 3, 1.5]), function=lambda c, d, a, b, **more: ops.select([c, d], [a, b], **more), count=5),
    op("clip", [[T(2, 5)], [T(2, 5, dtype="int32", low=-5)], [T(2, 5, dtype="bool")]], dict(x_min=[-0.5, 0, -1], x_max=[1, 2, 0.5]),
       count=6),

    op("relu", [[T(2, 3)], [T(2, 3, dtype="int32", low=-5)], [T(2, 2, 2)]]),
    *[unary(name, -3, 3, ("float16",)) for name in
      ("relu6", "selu", "sigmoid", "log_sigmoid", "hard_sigmoid", "sparse_sigmoid", "silu", "hard_silu", "hard_tanh", "tanh_shrink",
         "softplus", "sparse_plus", "softsign")],
    op("leaky_relu", [[T(2, 5)], [T(2, 3, 2)]], dict(negative_slope=[OMIT, 0.0, 0.3])),
    op("elu", [[T(2, 5)], [T(2, 3, 2)]], dict(alpha=[OMIT, 0.5, 2.0])),
    op("celu", [[T(2, 5)], [T(2, 3, 2)]], dict(alpha=[OMIT, 0.5, 2.0])),
    op("gelu", [[T(2, 5)], [T(2, 3, 2)]], dict(approximate=[OMIT, True, False])),
    op("soft_shrink", [[T(2, 9)], [T(2, 3, 2)]], dict(threshold=[OMIT, 0.2, 1.0])),
    op("hard_shrink", [[T(2, 9)], [T(2, 3, 2)]], dict(threshold=[OMIT, 0.2, 1.0])),
    op("threshold", [[T(2, 9)], [T(2, 3, 2)]], dict(threshold=[0.5, -0.3], default_value=[0.1, 2.0, 0.0])),
    op("squareplus", [[T(2, 5)], [T(2, 3, 2)]], dict(b=[OMIT, 1, 2.5])),
    op("glu", [[T(2, 4)], [T(2, 4, 2)]], dict(axis=[OMIT, 1, -1])),
    op("sparsemax", [[T(2, 5)], [T(2, 4, 3)]], dict(axis=[OMIT, 1, -1])),
    op("softmax", [[T(2, 5)], [T(2, 4, 3)]], dict(axis=[OMIT, 1, -1, (1, 2)]), count=5),
    op("log_softmax", [[T(2, 5)], [T(2, 4, 3)]], dict(axis=[OMIT, 1, -1, (1, 2)]), count=5),
    *[op(f"nextafter of {dtype}", [[T(2, 6, dtype=dtype), T(2, 6, dtype=dtype)]], dict(scale=scales), function=after, trains=False,
       fixed_batch=True, tolerance=1e-12)
      for dtype, scales in (("float32", [1.0, 1e30, 1e-30]), ("float16", [1.0, 3e4, 1e-6]), ("bfloat16", [1.0, 1e30, 1e-30]))],
    *[op(f"view of {dtype}", [[T(2, 8, dtype=dtype, **bounds)], [T(2, 2, 4, dtype=dtype, **bounds)]],
       dict(through=[["int8"], ["uint8"], ["int16"], ["uint16"], ["int32"], ["uint32"], ["float16", "int16"], ["bfloat16", "int8"],
       ["float32", "int32"]]),
         function=viewed, count=9, trains=False, tolerance=1e-12)
      for dtype, bounds in (("float32", dict(low=-9, high=9)), ("float16", dict(low=1, high=90)), ("bfloat16", dict(low=1, high=90)),
         ("int32", dict(low=1000, high=30000)), ("uint16", dict(low=10000, high=20000)),
                            ("int8", dict(low=20, high=70)), ("uint8", dict(low=20, high=70)))],
]
