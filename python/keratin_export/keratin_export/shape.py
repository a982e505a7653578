"""Primitives that move elements, sum them or multiply them: shapes, reductions, products, windows."""
import numpy as np

from .elementwise import compare, pointwise
from .graph import Number, Value, dim_text, dims_text, ints_text, is_static, same
from .lower import Unsupported


def _result(equation, at=0):
    aval = equation.outvars[at].aval
    return str(aval.dtype), aval.shape


def _broadcast_in_dim(lowering, equation, x, *dynamic):
    return lowering.body.broadcast(x, equation.params["shape"], equation.params["broadcast_dimensions"])


def _reshape(lowering, equation, x, *dynamic):
    if equation.params.get("dimensions") is not None:
        raise Unsupported("is not supported with dimensions")
    return lowering.body.reshape(x, _result(equation)[1])


def _squeeze(lowering, equation, x):
    return lowering.body.reshape(x, _result(equation)[1])


def _transpose(lowering, equation, x):
    return lowering.body.transpose(x, equation.params["permutation"])


def _concatenate(lowering, equation, *parts):
    body = lowering.body
    if len(parts) == 1:
        return parts[0]
    return body.make("concat", [body.whole(p) for p in parts], *_result(equation), axis=equation.params["dimension"])


def _pad(lowering, equation, x, fill):
    body, config = lowering.body, equation.params["padding_config"]
    return body.make("pad", [body.whole(x), fill], *_result(equation), low=ints_text(c[0] for c in config),
                     high=ints_text(c[1] for c in config), interior=ints_text(c[2] for c in config))


def _slice(lowering, equation, x):
    p = equation.params
    return lowering.body.slice(x, p["start_indices"], p["limit_indices"], p["strides"] and list(p["strides"]))


def _split(lowering, equation, x):
    axis, at, parts = equation.params["axis"], 0, []
    for size in equation.params["sizes"]:
        start, limit = [0] * x.rank, list(x.shape)
        start[axis], limit[axis] = at, at + int(size)
        parts.append(lowering.body.slice(x, start, limit))
        at += int(size)
    return parts


def _stack(lowering, equation, *parts):
    body, axis = lowering.body, equation.params["axis"]
    dtype, shape = _result(equation)
    parts = [body.reshape(p, [*p.shape[:axis], 1, *p.shape[axis:]]) for p in parts]
    if len(parts) == 1:
        return parts[0]
    return body.make("concat", [body.whole(p) for p in parts], dtype, shape, axis=axis)


def _unstack(lowering, equation, x):
    body, axis, parts = lowering.body, equation.params["axis"], []
    for at in range(len(equation.outvars)):
        start, limit = [0] * x.rank, list(x.shape)
        start[axis], limit[axis] = at, at + 1
        parts.append(body.reshape(body.slice(x, start, limit), _result(equation, at)[1]))
    return parts


def _reverse(lowering, equation, x):
    return lowering.body.make("reverse", [lowering.body.whole(x)], x.dtype, x.shape,
                              axes=ints_text(equation.params["dimensions"]))


def _iota(lowering, equation, *dynamic):
    p = equation.params
    return lowering.body.make("iota", [], str(p["dtype"]), p["shape"], axis=p["dimension"])


def _dim_as_value(lowering, equation):
    return lowering.body.make("dim_size", [], *_result(equation), dim=dim_text(equation.params["dim"]))


def _tile(lowering, equation, x):
    body, shape, dims = lowering.body, [], []
    for repeats, extent in zip(equation.params["reps"], x.shape, strict=True):
        shape += [extent] if repeats == 1 else [repeats, extent]
        dims.append(len(shape) - 1)
    return body.reshape(body.broadcast(x, shape, dims), _result(equation)[1])


def _reduce(op):
    return lambda lowering, equation, x: lowering.body.reduce(op, x, equation.params["axes"])


def _arg(op):
    def rule(lowering, equation, x):
        found = lowering.body.reduce(op, x, equation.params["axes"], dtype="int32")
        return lowering.body.cast(found, str(equation.params["index_dtype"]))
    return rule


def _cumulative(op):
    def rule(lowering, equation, x):
        body, axis = lowering.body, equation.params["axis"]
        turn = lambda v: body.make("reverse", [v], v.dtype, v.shape, axes=ints_text([axis]))
        x = body.whole(x)
        if not equation.params["reverse"]:
            return body.make(op, [x], x.dtype, x.shape, axis=axis)
        return turn(body.make(op, [turn(x)], x.dtype, x.shape, axis=axis))
    return rule


def _dot_general(lowering, equation, a, b):
    body = lowering.body
    (contract_a, contract_b), (batch_a, batch_b) = equation.params["dimension_numbers"]
    dtype, shape = _result(equation)
    a, b = body.whole(body.cast(a, dtype)), body.whole(body.cast(b, dtype))
    batch = f"{ints_text(batch_a)}x{ints_text(batch_b)}" if batch_a else None
    return body.make("dot", [a, b], dtype, shape, contract=f"{ints_text(contract_a)}x{ints_text(contract_b)}", batch=batch)


def _conv(lowering, equation, x, w):
    body, p = lowering.body, equation.params
    numbers = p["dimension_numbers"]

    def letters(spec, first, second):
        names = [""] * len(spec)
        for name, axis in zip([first, second, *map(str, range(len(spec) - 2))], spec):
            names[axis] = name
        return "".join(names)
    dims = (f'"{letters(numbers.lhs_spec, "b", "f")}_{letters(numbers.rhs_spec, "o", "i")}'
            f'->{letters(numbers.out_spec, "b", "f")}"')
    dtype, shape = _result(equation)
    return body.make("conv", [body.whole(body.cast(x, dtype)), body.whole(body.cast(w, dtype))], dtype, shape, dims=dims,
                     stride=ints_text(p["window_strides"]), pad_low=ints_text(c[0] for c in p["padding"]),
                     pad_high=ints_text(c[1] for c in p["padding"]), input_dilation=ints_text(p["lhs_dilation"]),
                     kernel_dilation=ints_text(p["rhs_dilation"]), groups=p["feature_group_count"],
                     batch_groups=p["batch_group_count"])


def _window(op, is_turned=False):
    def rule(lowering, equation, x):
        body, p = lowering.body, equation.params
        if any(d != 1 for d in (*p["base_dilation"], *p["window_dilation"])):
            raise Unsupported("is not supported with dilation")
        x = body.pointwise("neg", x) if is_turned else body.whole(x)
        pooled = body.make(op, [x], *_result(equation), size=ints_text(p["window_dimensions"]),
                           stride=ints_text(p["window_strides"]), pad_low=ints_text(c[0] for c in p["padding"]),
                           pad_high=ints_text(c[1] for c in p["padding"]))
        return body.pointwise("neg", pooled) if is_turned else pooled
    return rule


def take_along(body, x, indices, axis):
    """numpy's take_along_axis."""
    order = [i for i in range(x.rank) if i != axis] + [axis]
    back = list(np.argsort(order))
    x, indices = body.transpose(body.whole(x), order), body.transpose(body.whole(indices), order)
    last = x.rank - 1
    found = body.make("gather", [x, indices], x.dtype, indices.shape, axis=last, batch_dims=last)
    return body.transpose(found, back)


def _sort(lowering, equation, *operands):
    body, axis = lowering.body, equation.params["dimension"]
    if equation.params["num_keys"] != 1:
        raise Unsupported("is not supported with several keys")
    key = body.whole(operands[0])
    ordered, places = body.many("sort", [key], {"axis": axis}, [(key.dtype, key.shape), ("int32", key.shape)])
    return [ordered] + [take_along(body, o, places, axis) for o in operands[1:]]


def _top_k(lowering, equation, x):
    axis = equation.params.get("axis", x.rank - 1) % x.rank
    return lowering.body.many("top_k", [lowering.body.whole(x)], {"axis": axis, "k": equation.params["k"]},
                              [_result(equation, 0), ("int32", equation.outvars[1].aval.shape)])


class _Picked:
    """How a gather or scatter addresses its data, if each index is one place along some axes, with all of the others."""

    def __init__(self, data, indices, collapsed, index_map, offset_dims, data_batch, index_batch, sizes, rank):
        if not set(collapsed) == set(index_map):
            raise Unsupported("is not supported in this form: indices begin windows")
        whole = [i for i in range(data.rank) if i not in index_map and i not in data_batch]
        if any(dim_text(sizes[i]) != dim_text(data.shape[i]) for i in whole):
            raise Unsupported("is not supported in this form: a part of an axis is taken")
        if not is_static([data.shape[i] for i in index_map]) and len(index_map) > 1:
            raise Unsupported("is not supported along several axes of which one has no fixed length")
        self.axes, self.whole, self.batch, self.index_batch = list(index_map), whole, list(data_batch), list(index_batch)
        # What Graph IR gives: batch axes, the other axes of the indices, those axes of the data that are whole.
        free = [i for i in range(indices.rank - 1) if i not in index_batch]
        self.free, self.offset_dims, self.rank = free, list(offset_dims), rank

    def data_order(self):
        return self.batch + self.axes + self.whole

    def result_order(self):
        """For each axis of JAX's result, which of Graph IR's it is."""
        lookup = iter(range(self.rank))
        index_axes = self.index_batch + self.free
        of_index = {axis: next(lookup) for axis in index_axes}
        of_whole = [next(lookup) for _ in self.whole]
        index_order, order, windows = sorted(index_axes), [], iter(of_whole)
        rest = iter(index_order)
        for axis in range(self.rank):
            order.append(next(windows) if axis in self.offset_dims else of_index[next(rest)])
        return order


def _flat_indices(lowering, picked, data, indices, clamps):
    """One index per place, and whether all of the indices were in range."""
    body = lowering.body
    indices = body.whole(indices)
    order = picked.index_batch + picked.free
    flat, valid = None, None
    for at, axis in enumerate(picked.axes):
        start, limit = [0] * indices.rank, list(indices.shape)
        start[-1], limit[-1] = at, at + 1
        one = body.slice(indices, start, limit)
        one = body.transpose(body.reshape(one, one.shape[:-1]), order)
        length = data.shape[axis]
        if not clamps:
            within = pointwise(body, "and", compare(body, "le", number_of(body, one, 0), one),
                               compare(body, "lt", one, number_of(body, one, length)))
            valid = within if valid is None else body.pointwise("and", valid, within)
        if len(picked.axes) > 1:
            one = body.pointwise("min", body.pointwise("max", one, number_of(body, one, 0)),
                                 number_of(body, one, length - 1))
        flat = one if flat is None else body.pointwise("add", pointwise(body, "mul", flat, length), one)
    return flat, valid


def number_of(body, like, value):
    """A length in the dtype of indices."""
    if isinstance(value, (int, np.integer)):
        return Number(int(value), like.dtype)
    return body.make("dim_size", [], like.dtype, (), dim=dim_text(value))


def _flat_data(body, picked, data):
    """The data with its batch axes first and those that are indexed as one."""
    data = body.transpose(body.whole(data), picked.data_order())
    n = len(picked.batch)
    indexed = data.shape[n : n + len(picked.axes)]
    length = indexed[0] if len(indexed) == 1 else int(np.prod(indexed))
    return body.reshape(data, [*data.shape[:n], length, *data.shape[n + len(picked.axes) :]])


def _one_window(lowering, equation, data, indices):
    """The elements from one place on, along the axes that are indexed."""
    body, p = lowering.body, equation.params
    numbers, sizes = p["dimension_numbers"], p["slice_sizes"]
    if p["mode"].name == "FILL_OR_DROP" and not isinstance(indices, Number):
        raise Unsupported("is not supported in this form: a window may be out of range")
    indices, data = body.whole(indices), body.whole(data)
    for at, axis in enumerate(numbers.start_index_map):
        if dim_text(sizes[axis]) != dim_text(data.shape[axis]):
            start = body.reshape(body.slice(indices, [at], [at + 1]), ())
            data = _piece(body, data, axis, start, sizes[axis])
    return body.reshape(data, _result(equation)[1])


def _gather(lowering, equation, data, indices):
    body, p = lowering.body, equation.params
    numbers = p["dimension_numbers"]
    dtype, shape = _result(equation)
    if indices.rank == 1 and set(numbers.collapsed_slice_dims) != set(numbers.start_index_map):
        return _one_window(lowering, equation, data, indices)
    picked = _Picked(data, indices, numbers.collapsed_slice_dims, numbers.start_index_map, numbers.offset_dims,
                     numbers.operand_batching_dims, numbers.start_indices_batching_dims, p["slice_sizes"], len(shape))
    is_filled = p["mode"].name == "FILL_OR_DROP"
    flat, valid = _flat_indices(lowering, picked, data, indices, not is_filled)
    source = _flat_data(body, picked, data)
    n = len(picked.batch)
    found = body.make("gather", [source, body.whole(flat)], dtype, [*flat.shape, *source.shape[n + 1 :]], axis=n, batch_dims=n)
    if valid is not None:
        fill = p["fill_value"]
        if fill is None:
            fill = float("nan") if found.is_float else 0
        seen = body.broadcast(valid, found.shape, range(valid.rank))
        found = body.pointwise("select", seen, found, Number(fill, dtype))
    return body.transpose(found, picked.result_order())


def _scatter_add(lowering, equation, data, indices, updates):
    body, p = lowering.body, equation.params
    numbers = p["dimension_numbers"]
    sizes = [1 if i in numbers.inserted_window_dims else d for i, d in enumerate(data.shape)]
    picked = _Picked(data, indices, numbers.inserted_window_dims, numbers.scatter_dims_to_operand_dims,
                     numbers.update_window_dims, numbers.operand_batching_dims, numbers.scatter_indices_batching_dims,
                     sizes, updates.rank)
    flat, valid = _flat_indices(lowering, picked, data, indices, p["mode"].name in ("CLIP", "PROMISE_IN_BOUNDS"))
    target = _flat_data(body, picked, data)
    updates = body.transpose(body.whole(updates), np.argsort(picked.result_order()))
    if valid is not None:  # what is out of range adds nothing
        seen = body.broadcast(valid, updates.shape, range(valid.rank))
        updates = body.pointwise("select", seen, updates, Number(0, updates.dtype))
    n = len(picked.batch)
    added = body.make("scatter_add", [target, body.whole(flat), updates], data.dtype, target.shape, axis=n, batch_dims=n)
    order = picked.data_order()
    return body.transpose(body.reshape(added, [data.shape[i] for i in order]), np.argsort(order))


def _scatter(lowering, equation, data, indices, updates):
    """One piece at one place."""
    body, numbers = lowering.body, equation.params["dimension_numbers"]
    axes = numbers.scatter_dims_to_operand_dims
    if indices.rank != 1 or numbers.operand_batching_dims:
        raise Unsupported("is not supported with several places")
    inserted = numbers.inserted_window_dims
    shape, rest = [], iter(updates.shape)
    for axis in range(data.rank):
        shape.append(1 if axis in inserted else next(rest))
    starts = {axis: body.reshape(body.slice(body.whole(indices), [i], [i + 1]), ()) for i, axis in enumerate(axes)}
    data = body.whole(data)
    updated = _updated(body, data, body.reshape(body.whole(updates), shape), starts)
    if equation.params["mode"].name != "FILL_OR_DROP":
        return updated
    if isinstance(indices, Number) and all(is_static((data.shape[a],)) and 0 <= indices.number <= data.shape[a] - shape[a]
                                           for a in axes):
        return updated
    for axis, start in starts.items():  # a piece that is not all in range is dropped
        end = pointwise(body, "add", start, number_of(body, start, shape[axis]))
        within = pointwise(body, "and", compare(body, "le", number_of(body, start, 0), start),
                           compare(body, "le", end, number_of(body, start, data.shape[axis])))
        updated = body.pointwise("select", body.broadcast(within, data.shape, []), updated, data)
    return updated


def _starts(data, starts, sizes):
    return {axis: start for axis, start in enumerate(starts) if dim_text(sizes[axis]) != dim_text(data.shape[axis])}


def _dynamic_slice(lowering, equation, data, *starts):
    body, sizes = lowering.body, equation.params["slice_sizes"]
    data = body.whole(data)
    for axis, start in _starts(data, starts, sizes).items():
        data = _piece(body, data, axis, start, sizes[axis])
    return data


def _piece(body, data, axis, start, size):
    shape = list(data.shape)
    shape[axis] = size
    return body.make("dynamic_slice", [data, body.whole(start)], data.dtype, shape, axis=axis, size=int(size))


def _dynamic_update_slice(lowering, equation, data, piece, *starts):
    body = lowering.body
    return _updated(body, body.whole(data), body.whole(piece), _starts(data, starts, piece.shape))


def _updated(body, data, piece, starts):
    """The data with a piece replaced that begins at `starts` along some axes."""
    starts = {axis: s for axis, s in starts.items() if dim_text(piece.shape[axis]) != dim_text(data.shape[axis])}
    if not starts:
        return piece
    axis, start = next(iter(starts.items()))
    rest = {a: s for a, s in starts.items() if a != axis}
    if rest:
        piece = _updated(body, _piece(body, data, axis, start, piece.shape[axis]), piece, rest)
    return body.make("dynamic_update_slice", [data, piece, body.whole(start)], data.dtype, data.shape, axis=axis)


RULES = {
    "broadcast_in_dim": _broadcast_in_dim,
    "reshape": _reshape,
    "squeeze": _squeeze,
    "expand_dims": _squeeze,
    "transpose": _transpose,
    "concatenate": _concatenate,
    "pad": _pad,
    "slice": _slice,
    "split": _split,
    "stack": _stack,
    "unstack": _unstack,
    "rev": _reverse,
    "iota": _iota,
    "tile": _tile,
    "dim_as_value": _dim_as_value,
    **{name: _reduce(name) for name in ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or")},
    "argmax": _arg("argmax"),
    "argmin": _arg("argmin"),
    "cumsum": _cumulative("cumsum"),
    "cumprod": _cumulative("cumprod"),
    "dot_general": _dot_general,
    "conv_general_dilated": _conv,
    "reduce_window_max": _window("pool_max"),
    "reduce_window_min": _window("pool_max", is_turned=True),
    "reduce_window_sum": _window("pool_sum"),
    "sort": _sort,
    "top_k": _top_k,
    "gather": _gather,
    "scatter-add": _scatter_add,
    "scatter_add": _scatter_add,
    "scatter": _scatter,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
}
