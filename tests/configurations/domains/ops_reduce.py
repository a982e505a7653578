"""Operations that reduce axes, run along one, sort, or look where numbers stand. Keras 3.15 on JAX runs no histogram in a model."""
import numpy as np
from keras import ops

from domain import OMIT, T
from operations import op


def with_nan(function):
    return lambda x, **arguments: function(ops.where(ops.less(ops.abs(x - 0.2), 0.5), float("nan"), x), **arguments)


FLOATS = [[T(2, 3, 4)], [T(3, 5)]]
INTEGERS = [[T(2, 3, 2, dtype="int32", low=-4, high=5)]]
BYTES = [[T(2, 3, dtype="uint8", high=200)], [T(2, 4, dtype="int8", high=100)]]
BOOLEANS = [[T(2, 3, dtype="bool")]]
AXES = dict(axis=[OMIT, 1, -1, (0, 1)], keepdims=[OMIT, True])
METHODS = [OMIT, "lower", "higher", "midpoint", "nearest"]

DOMAINS = [
    *[op(name, FLOATS + INTEGERS + BYTES + BOOLEANS, AXES, count=7) for name in ("sum", "max", "min")],
    op("prod", FLOATS + INTEGERS + BOOLEANS, AXES | dict(dtype=[OMIT, "float32", "int32"]), count=6),
    *[op(name, FLOATS + INTEGERS, AXES, count=4) for name in ("mean", "var", "std", "amax", "amin", "ptp")
      if hasattr(ops, name)],
    op("mean of halves", [[T(2, 3, dtype="float16")]], AXES, function=lambda x, **a: [ops.mean(x, **a), ops.var(x, **a)], tolerance=2e-3),
    op("max with initial", FLOATS + INTEGERS, AXES | dict(initial=[0.5, 2, -1]), count=4, function=ops.max),
    op("min with initial", FLOATS + INTEGERS, AXES | dict(initial=[0.5, 2, -1]), count=4, function=ops.min),
    *[op(name, BOOLEANS + FLOATS + INTEGERS, AXES, count=4) for name in ("any", "all")],
    op("logsumexp", FLOATS, AXES, count=4),
    op("count_nonzero", BOOLEANS + INTEGERS, dict(axis=[OMIT, 1, (0, 1)])),
    op("average", [[T(2, 3, 4)], [T(2, 3, dtype="int32")]], dict(axis=[OMIT, 1, -1])),
    op("average with weights", [[T(2, 3, 4), T(2, 3, 4, low=0.2)], [T(2, 3, dtype="int32"), T(2, 3, low=0.2)]], dict(axis=[OMIT, 1, -1]),
       function=lambda x, w, **a: ops.average(x, weights=w, **a)),
    op("average with weights of an axis", [[T(2, 3, 4)]], dict(weights=[[1.0, 2.0, 4.0], [1, 3, 2]]), count=2,
       function=lambda x, weights: ops.average(x, axis=1, weights=np.array(weights))),
    *[op(name, FLOATS + INTEGERS, dict(axis=[OMIT, 1, -1], keepdims=[OMIT, True])) for name in ("argmax", "argmin")],
    *[op(name, FLOATS + INTEGERS + BOOLEANS, dict(axis=[OMIT, 1, -1], dtype=[OMIT, "float32", "int32"]), count=4)
       for name in ("cumsum", "cumprod")],
    *[op(name, [[T(2, 3, 4)], [T(3, 6)]], dict(AXES), count=4, function=with_nan(getattr(ops, name)))
      for name in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd")],
    *[op(name, [[T(2, 3, 4)], [T(3, 6)]], dict(axis=[OMIT, 1, -1], keepdims=[OMIT, True]), function=with_nan(getattr(ops, name)))
      for name in ("nanargmax", "nanargmin", "nanmedian")],
    *[op(name, [[T(2, 3, 4)], [T(3, 6)]], dict(axis=[OMIT, 1, -1], dtype=[OMIT, "float32"]), function=with_nan(getattr(ops, name)))
      for name in ("nancumsum", "nancumprod")],
    op("median", [[T(2, 3, 4)], [T(2, 5)], [T(2, 4, dtype="int32", high=30)]], dict(axis=[1, -1, (1, -1)], keepdims=[OMIT, True]), count=5),
    op("median of all", [[T(2, 3)]], dict(keepdims=[OMIT, True]), function=ops.median, count=2),
    *[op(name, [[T(2, 3, 4)], [T(2, 5)]],
       dict(q=[0.3 * scale, [0.1 * scale, 0.5 * scale, 0.9 * scale]], axis=[(1,), (-1,), (0, 1)], method=METHODS, keepdims=[OMIT, True]),
         count=6) for name, scale in (("quantile", 1), ("percentile", 100))],
    *[op(name, [[T(2, 3, 4)], [T(2, 5)]],
       dict(q=[0.3 * scale, [0.1 * scale, 0.5 * scale]], axis=[1, -1], method=METHODS, keepdims=[OMIT, True]),
         count=5, function=with_nan(getattr(ops, name))) for name, scale in (("nanquantile", 1), ("nanpercentile", 100))],

    op("sort", FLOATS + INTEGERS, dict(axis=[OMIT, 1, -1, None]), count=4),
    op("argsort", FLOATS + INTEGERS, dict(axis=[OMIT, 1, -1, None]), count=4),
    op("argpartition", FLOATS, dict(kth=[1, 2], axis=[OMIT, 1]), function=lambda x, kth, axis=-1: ops.take_along_axis(
        ops.sort(ops.take_along_axis(x, ops.argpartition(x, kth, axis=axis), axis=axis), axis=axis), ops.cast(x * 0,
           "int32") + kth, axis=axis)),
    op("top_k", FLOATS + INTEGERS, dict(k=[1, 2], sorted=[OMIT, True])),
    op("in_top_k", [[T(4, dtype="int32", high=5), T(4, 5)]], dict(k=[1, 2, 3])),
    op("searchsorted", [[T(2, 3)], [T(4)]], dict(side=[OMIT, "left", "right"]),
       function=lambda x, **a: ops.searchsorted(np.array([-1.0, -0.5, 0.0, 0.5, 0.9], "float32"), x, **a)),
    op("searchsorted of integers", [[T(2, 5, dtype="int32", high=9)]], dict(side=["left", "right"]), count=2,
       function=lambda x, **a: ops.searchsorted(np.array([1, 2, 4, 4, 6], "int32"), x, **a)),
    op("digitize", [[T(2, 5)], [T(2, 3, dtype="int32")]], dict(bins=[[-1.0, 0.0, 0.5, 2.0], [1.0, 0.2, -0.4], [0.0]]),
       function=lambda x, bins: ops.digitize(x, np.array(bins, "float32"))),
    op("isin", [[T(2, 5, dtype="int32")]], dict(among=[[1, 3], [5, 0, 2]], assume_unique=[OMIT, True], invert=[OMIT, True]), count=4,
       function=lambda x, among, **a: ops.isin(x, among, **a)),
    op("unique", [[T(2, 7, dtype="int32", high=5)], [T(3, 4, dtype="int32", low=-3, high=3)], [T(2, 5)], [T(9, dtype="uint8", high=4)]],
       dict(size=[2, 5, 8, 20], fill_value=[OMIT, 7], return_index=[OMIT, True], return_inverse=[OMIT, True], return_counts=[OMIT, True],
          sorted=[OMIT, False]),
       count=10, fixed_batch=True, trains=False),
    op("unique of NaN and zeros", [[T(2, 7, low=-2, high=2)]], dict(size=[4, 12], axis=[OMIT, 0]), count=4, fixed_batch=True, trains=False,
       function=lambda x, size, **a: ops.unique(ops.reshape(ops.where(x < -1.2, float("nan"), ops.round(x)), (-1,)), return_counts=True,
          return_inverse=True, size=size, **a)),
]
