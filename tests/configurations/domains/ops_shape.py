"""Operations that put elements elsewhere, make tensors, or sum products."""
import numpy as np
from keras import ops

from domain import OMIT, T
from operations import op


def of_list(name):
    return lambda *inputs, **arguments: getattr(ops, name)(list(inputs), **arguments)


X, M = [T(2, 3, 4)], [T(3, 5)]
S = [T(2, 4, 4)]
I = [T(2, 3, 4, dtype="int32")]

DOMAINS = [
    op("concatenate", [[T(2, 3, 4), T(2, 3, 4)], [T(2, 3, 4), T(2, 3, 4, dtype="int32")]], dict(axis=[OMIT, 1, -1]), of_list("concatenate")),
    op("append", [[T(2, 3, 4), T(2, 3, 4)]], dict(axis=[OMIT, 1, -1])),
    op("stack", [[T(2, 3), T(2, 3)], [T(2, 3, 2), T(2, 3, 2)]], dict(axis=[1, -1, 0]), of_list("stack")),
    *[op(name, [[T(2, 3, 4), T(2, 3, 4)], [T(2, 3), T(2, 3)]], function=of_list(name), count=2) for name in ("hstack", "vstack", "dstack")],
    op("meshgrid", [[T(2), T(3)]], dict(indexing=[OMIT, "xy", "ij"], third=[False, True]), fixed_batch=True, count=4,
       function=lambda *x, third, **a: ops.meshgrid(*x, *([np.array([1.0, 2.0], "float32")] if third else []), **a)),
    op("split", [X, [T(2, 6, 4)]], dict(indices_or_sections=[[1], [1, 3], 2], axis=[1, -1])),
    op("array_split", [X, [T(2, 5, 3)]], dict(indices_or_sections=[2, 3, [1, 2]], axis=[1, -1])),
    op("hsplit", [[T(2, 4, 2)]], dict(indices_or_sections=[2, [1, 3]]), count=2),
    op("vsplit", [[T(2, 4, 2)]], dict(indices_or_sections=[2, [1]]), fixed_batch=True, count=2),
    op("dsplit", [[T(2, 3, 4)]], dict(indices_or_sections=[2, [1, 3]]), count=2),
    op("unstack", [X], dict(axis=[1, -1, 2], num=[OMIT, None])),
    op("expand_dims", [X, M], dict(axis=[0, 1, -1])),
    op("squeeze", [[T(2, 1, 3, 1)], [T(2, 1, 1)]], dict(axis=[1, -1, (1, 2)])),
    op("squeeze of all", [[T(2, 1, 3, 1)], [T(2, 3, 1)]], function=ops.squeeze, fixed_batch=True, count=2),
    op("reshape", [[T(2, 3, 4)], [T(2, 6, 2)]], dict(newshape=[(-1, 12), (-1, 4, 3), (-1, 2, 2, 3)])),
    op("ravel", [X, M, I]),
    op("broadcast_to", [[T(2, 1, 3)], [T(2, 4, 1)]], dict(shape=[(2, 4, 3), (3, 2, 4, 3), (2, 2, 4, 3)]), fixed_batch=True),
    op("transpose", [X], dict(axes=[OMIT, (0, 2, 1), (2, 0, 1)])),
    op("swapaxes", [X], dict(axis1=[1, 0], axis2=[2, -1])),
    op("moveaxis", [[T(2, 3, 4, 2)]], dict(source=[1, (1, 2), -1], destination=[2, (3, 1), 1])),
    op("rot90", [X, S], dict(k=[OMIT, 1, 2, 3, -1, 4], axes=[(1, 2), (2, 1), (0, 1)]), count=8),
    op("repeat", [X, M], dict(repeats=[2, 3], axis=[1, -1, None]), count=4),
    op("tile", [X, M], dict(repeats=[2, (1, 2), (1, 2, 3), (2, 1, 1, 2)]), count=4),
    op("flip", [X, M], dict(axis=[OMIT, 1, (0, 1)])),
    op("fliplr", [X, M, I]), op("flipud", [X, M, I]),
    op("roll", [X], dict(shift=[1, -2, (1, 2)], axis=[1, (1, 2), -1]), count=4),
    op("roll of all", [X, M], dict(shift=[1, -3]), function=ops.roll, fixed_batch=True, count=2),
    op("pad", [X], dict(pad_width=[((0, 0), (1, 2), (0, 1)), ((0, 0), (2, 0), (1, 1))],
                        mode=[OMIT, "constant", "edge", "reflect", "symmetric", "wrap"]), count=6),
    op("pad of all sides", [X], dict(pad_width=[1, (2, 1), ((1, 0),)], mode=["constant", "reflect", "edge"]), function=ops.pad, fixed_batch=True),
    op("pad with a number", [X, I], dict(pad_width=[((0, 0), (1, 2), (0, 1))], constant_values=[1, 2.0, -3]), function=ops.pad),
    op("size", [X], count=1),

    op("take", [X, I], dict(indices=[1, -1, [0, 2], [[1, -1], [0, 0]]], axis=[1, 2, -1]), count=5),
    op("take of all", [X], dict(indices=[[1, 5], 3]), function=ops.take, fixed_batch=True, count=2),
    op("take by a tensor", [[T(2, 3, 4), T(2, 2, dtype="int32", low=-3, high=3)]], dict(axis=[1, 2]), count=2,
       function=lambda x, i, **a: ops.take(x, i, **a)),
    op("take_along_axis", [[T(2, 3, 4), T(2, 2, 4, dtype="int32", low=-3, high=3)], [T(2, 3, 4), T(2, 3, 4, dtype="int32", high=3)]], dict(axis=[1, -2]), count=4),
    op("take_along_axis of all", [[T(2, 3), T(4, dtype="int32")]], function=lambda x, i: ops.take_along_axis(x, i, axis=None), fixed_batch=True, count=1),
    op("getitem", [X, S], dict(index=[(slice(None), 1), (slice(None), slice(None), -1), (Ellipsis, 1), (slice(None), None, 1), (slice(None), slice(0, 3, 2)),
                                      (slice(None), slice(None, None, -1), slice(1, None))]), count=6, function=lambda x, index: x[index]),
    op("unravel_index", [[T(2, 3, dtype="int32", high=24)]], dict(shape=[(4, 6), (2, 3, 4), (24,)])),
    op("tril", [X, S], dict(k=[OMIT, 1, -1])), op("triu", [X, S], dict(k=[OMIT, 1, -1])),
    op("diag", [[T(3)], [T(3, 4)]], dict(k=[OMIT, 1, -1]), fixed_batch=True, count=5),
    op("diagflat", [[T(3)], [T(2, 2)]], dict(k=[OMIT, 1, -1]), fixed_batch=True),
    op("diagonal", [X, S], dict(offset=[OMIT, 1, -1], axis1=[1, 2], axis2=[2, 1, -1]), count=5),
    op("trace", [X, S, I], dict(offset=[OMIT, 1, -1], axis1=[1, 2], axis2=[2, 1, -1]), count=5),
    op("one_hot", [[T(2, 3, dtype="int32")], [T(3, dtype="uint8")]], dict(num_classes=[4, 7], axis=[OMIT, -1, 1], dtype=[OMIT, "int32", "bool"]), count=4),
    op("multi_hot", [[T(2, 3, dtype="int32")], [T(2, 3, 2, dtype="int32")]], dict(num_classes=[4, 7], axis=[OMIT, -1, 1], dtype=[OMIT, "int32"]), count=4),

    op("cast", [X, I], dict(dtype=["int32", "float16", "bool", "uint8"]), count=4, tolerance=1e-3),
    op("saturate_cast", [[T(2, 5, low=-400, high=400)], [T(2, 5, dtype="int32", low=-400, high=400)]], dict(dtype=["int8", "uint8", "float16", "int16"]), count=6, tolerance=1e-3),
    op("convert_to_tensor", [X, I], dict(dtype=["float32", "int32", "float16"]), tolerance=1e-3),
    op("array", [X, I], dict(dtype=[OMIT, "float32", "int32"])),
    op("copy", [X, M, I]), op("stop_gradient", [X, M, I]),
    op("zeros_like", [X, I], dict(dtype=[OMIT, "int32", "bool"])), op("ones_like", [X, I], dict(dtype=[OMIT, "int32", "bool"])),
    op("full_like", [X, I], dict(fill_value=[2, 1.5, -3], dtype=[OMIT, "float32", "int32"])),
    op("full", [[T(3)]], dict(shape=[(2, 3), (3,)], dtype=[OMIT, "int32"]), function=lambda x, shape, **a: ops.full(shape, x, **a), fixed_batch=True),
    op("linspace", [[T(2, 3), T(2, 3)], [T(3, dtype="int32"), T(3)]], dict(num=[4, 7, 1], endpoint=[OMIT, False], dtype=[OMIT, "float32"], axis=[OMIT, -1]), count=6),
    op("logspace", [[T(2, 3), T(2, 3)]], dict(num=[4, 7], endpoint=[OMIT, False], base=[OMIT, 2, 3.5], dtype=[OMIT, "float32"], axis=[OMIT, -1]), count=4),
    op("geomspace", [[T(2, 3, low=0.5, high=4), T(2, 3, low=0.5, high=4)], [T(2, 3, low=-4, high=-0.5), T(2, 3, low=-4, high=-0.5)]],
       dict(num=[4, 7], endpoint=[OMIT, False], dtype=[OMIT, "float32"], axis=[OMIT, -1]), count=4),

    op("matmul", [[T(2, 3, 4), T(2, 4, 5)], [T(2, 3, 4), T(4, 2)], [T(2, 5, 3, 4), T(2, 1, 4, 2)], [T(3, 4), T(4)], [T(4), T(4)], [T(2, 3, 4, dtype="int32"), T(2, 4, 2, dtype="int32")],
                  [T(2, 3, dtype="int8"), T(3, 2, dtype="int8")]], fixed_batch=True, count=7),
    op("dot", [[T(2, 3, 4), T(5, 4, 2)], [T(2, 3), T(3, 4)], [T(3), T(3)], [T(2, 3), T(3)]], fixed_batch=True, count=4),
    op("inner", [[T(2, 3, 4), T(5, 4)], [T(3), T(3)], [T(2, 3), T(4, 3)]], fixed_batch=True),
    op("outer", [[T(2, 3), T(4)], [T(3), T(3)], [T(3, dtype="int32"), T(2)]], fixed_batch=True),
    op("vdot", [[T(2, 3), T(2, 3)], [T(3), T(3)], [T(2, 3, 2), T(2, 3, 2)]]),
    op("tensordot", [[T(2, 3, 4), T(3, 4, 5)]], dict(axes=[OMIT, 2, [[1, 2], [0, 1]], [[1], [0]], [[2, 1], [1, 0]]]), fixed_batch=True, count=4),
    op("tensordot by numbers", [[T(2, 3, 4), T(4, 2)]], dict(axes=[1, 0]), function=ops.tensordot, fixed_batch=True, count=2),
    op("einsum", [[T(2, 3, 4), T(2, 4, 5)]], dict(subscripts=["bij,bjk->bki", "bij,bjk->bik", "...ij,...jk->...ik", "bij,bjk", "bij,bjk->", "b i j, b j k -> k i b"]),
       function=lambda a, b, subscripts: ops.einsum(subscripts, a, b), count=6),
    op("einsum of one", [[T(2, 3, 3)]], dict(subscripts=["bii->bi", "bij->bji", "bij->b", "bii", "...ij->...ji"]), function=lambda a, subscripts: ops.einsum(subscripts, a), count=5),
    op("einsum of three", [[T(2, 3), T(3, 4), T(4, 2)]], dict(subscripts=["ab,bc,cd->ad", "ab,bc,cd->dba", "ab,bc,ca"]), fixed_batch=True,
       function=lambda a, b, c, subscripts: ops.einsum(subscripts, a, b, c)),
    op("kron", [[T(2, 3), T(3, 2)], [T(2, 3), T(2)], [T(3), T(2, 2)]], fixed_batch=True),
    op("cross", [[T(2, 3), T(2, 3)], [T(2, 4, 3), T(2, 4, 2)], [T(2, 2), T(2, 2)]], dict(axis=[OMIT, -1]), count=4),
    op("cross along axes", [[T(2, 3, 4), T(2, 4, 3)]], dict(axisa=[1], axisb=[2, -1], axisc=[OMIT, 1]), function=ops.cross),
    op("corrcoef", [[T(3, 5)], [T(4, 6)], [T(2, 4)]]),
    op("correlate", [[T(5), T(3)], [T(3), T(5)], [T(4), T(4)], [T(6), T(2)], [T(2), T(5)]], dict(mode=[OMIT, "valid", "same", "full"]), fixed_batch=True, count=12),
    op("diff", [X, M, [T(2, 5, dtype="int32")]], dict(n=[OMIT, 1, 2], axis=[OMIT, 1]), count=4),
    op("trapezoid", [X, M], dict(x=[OMIT], dx=[OMIT, 0.5, 2.0], axis=[OMIT, 1]), count=4),
    op("vander", [[T(3)], [T(4, dtype="int32")]], dict(N=[OMIT, 2, 5], increasing=[OMIT, True]), fixed_batch=True, count=4),
    op("cdist", [[T(2, 3, 4), T(2, 5, 4)], [T(3, 2), T(4, 2)]], fixed_batch=True, count=2),
]
