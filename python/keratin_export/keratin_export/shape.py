"""Primitives that move elements, sum them or multiply them: shapes, reductions, products, windows."""
import ast

import jax
import jax.numpy as jnp
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
    order = equation.params.get("dimensions")
    return lowering.body.reshape(x if order is None else lowering.body.transpose(x, order), _result(equation)[1])


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


def _empty(lowering, equation):
    """What nobody reads."""
    return Number(0, *_result(equation))


def _dim_as_value(lowering, equation):
    return number_of(lowering.body, Number(0, _result(equation)[0]), equation.params["dim"])


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
        x = lowering.body.cast(x, "int32") if x.dtype == "bool" else x
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
    """By several keys: by the last one first, then, as equal elements keep their order, by the one before."""
    body, axis, keys = lowering.body, equation.params["dimension"], equation.params["num_keys"]
    operands = [body.whole(o) for o in operands]
    places = None
    for at in reversed(range(keys)):
        key = operands[at] if places is None else take_along(body, operands[at], places, axis)
        key = body.cast(key, "int32") if key.dtype == "bool" else key
        ordered, order = body.many("sort", [key], {"axis": axis}, [(key.dtype, key.shape), ("int32", key.shape)])
        places = order if places is None else take_along(body, places, order, axis)
    return [body.cast(ordered, operands[0].dtype)] + [take_along(body, o, places, axis) for o in operands[1:]]


def _top_k(lowering, equation, x):
    axis = equation.params.get("axis", x.rank - 1) % x.rank
    return lowering.body.many("top_k", [lowering.body.whole(x)], {"axis": axis, "k": equation.params["k"]},
                              [_result(equation, 0), ("int32", equation.outvars[1].aval.shape)])


class _Places:
    """How a gather or scatter addresses its data: which axes the indices go along, and what is taken at each place.

    Where a window of several elements is taken along an axis, each of them has an index of its own. Graph IR gives what it finds with
    batch axes first, then the other axes of the indices, those of windows, and the axes of the data that are whole.
    """

    def __init__(self, data, indices, collapsed, index_map, offset_dims, data_batch, index_batch, sizes, rank):
        self.shape, self.sizes, self.batch, self.index_batch = data.shape, sizes, list(data_batch), list(index_batch)
        self.index_map = list(index_map)
        # A window that is a whole axis begins at its beginning, or is out of range.
        cut = [i for i in index_map if i in collapsed or dim_text(sizes[i]) != dim_text(data.shape[i])]
        self.axes = cut or self.index_map
        kept = [i for i in range(data.rank) if i not in collapsed and i not in data_batch]
        self.windows = [i for i in kept if i in self.axes]
        self.whole = [i for i in kept if i not in self.axes]
        if any(dim_text(sizes[i]) != dim_text(data.shape[i]) for i in self.whole):
            raise Unsupported("is not supported in this form: a part of an axis is taken that has no index")
        if not is_static([sizes[i] for i in self.windows]):
            raise Unsupported("is not supported in this form: a window has no fixed length")
        self.free = [i for i in range(indices.rank - 1) if i not in index_batch]
        self.kept, self.offset_dims, self.rank = kept, list(offset_dims), rank

    def data_order(self):
        return self.batch + self.axes + self.whole

    def result_order(self):
        """For each axis of JAX's result, which of Graph IR's it is."""
        of_index = {axis: at for at, axis in enumerate(self.index_batch + self.free)}
        of_data = {axis: len(of_index) + at for at, axis in enumerate(self.windows + self.whole)}
        rest, offsets = iter(sorted(of_index)), iter(self.kept)
        return [of_data[next(offsets)] if axis in self.offset_dims else of_index[next(rest)] for axis in range(self.rank)]

    def flat(self, indices, clamps):
        """One index per element, and, unless places are moved into range, whether each place is in it. In JAX."""
        index, is_within = None, None
        for at, axis in enumerate(self.index_map):
            one = jnp.transpose(indices[..., at].astype("int32"), self.index_batch + self.free)
            last = self.shape[axis] - self.sizes[axis]
            if not clamps:
                within = (one >= 0) & (one <= last)
                is_within = within if is_within is None else is_within & within
            if axis not in self.axes:
                continue
            if len(self.axes) > 1 or self.windows:  # gather itself moves an index into range
                one = jnp.clip(one, 0, last)
            one = jnp.expand_dims(one, range(one.ndim, one.ndim + len(self.windows)))
            if axis in self.windows:
                behind = len(self.windows) - self.windows.index(axis) - 1
                one = one + jnp.arange(self.sizes[axis], dtype="int32").reshape(-1, *[1] * behind)
            index = one if index is None else index * self.shape[axis] + one
        return index if is_within is None else (index, is_within)


def _flat_indices(lowering, places, indices, clamps):
    found = lowering.traced(lambda i: places.flat(i, clamps), lowering.body.whole(indices))
    return lowering.body.whole(found[0]), (None if clamps else found[1])


_ARITHMETIC = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", "floordiv": "div", "mod": "rem", "max": "max", "min": "min"}


def number_of(body, like, value):
    """A length in the dtype of indices: any expression of free ones, as JAX writes it."""
    def of(node):
        match node:
            case ast.Constant(value=number):
                return Number(number, like.dtype)
            case ast.Name(id=name):
                return body.make("dim_size", [], like.dtype, (), dim=name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return body.pointwise("neg", of(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return body.pointwise(_ARITHMETIC[type(op)], of(left), of(right))
            case ast.Call(func=ast.Name(id=name), args=[a, b]):
                return body.pointwise(_ARITHMETIC[name], of(a), of(b))
        raise Unsupported(f"has a length {value}, which has no form in Graph IR")
    return of(ast.parse(str(value), mode="eval").body)


def _flat_data(body, places, data):
    """The data with its batch axes first and those that are indexed as one."""
    data = body.transpose(body.whole(data), places.data_order())
    n, length = len(places.batch), 1
    for dim in data.shape[n : n + len(places.axes)]:
        length = length * dim
    return body.reshape(data, [*data.shape[:n], length, *data.shape[n + len(places.axes) :]])


def _one_window(lowering, equation, data, indices):
    """The elements from one place on, along the axes that are indexed."""
    body, p = lowering.body, equation.params
    numbers, sizes = p["dimension_numbers"], p["slice_sizes"]
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
    is_filled = p["mode"].name == "FILL_OR_DROP"
    if indices.rank == 1 and set(numbers.collapsed_slice_dims) != set(numbers.start_index_map) and not is_filled:
        return _one_window(lowering, equation, data, indices)
    places = _Places(data, indices, numbers.collapsed_slice_dims, numbers.start_index_map, numbers.offset_dims,
                     numbers.operand_batching_dims, numbers.start_indices_batching_dims, p["slice_sizes"], len(shape))
    flat, valid = _flat_indices(lowering, places, indices, not is_filled)
    source = _flat_data(body, places, data)
    n = len(places.batch)
    found = body.make("gather", [source, flat], dtype, [*flat.shape, *source.shape[n + 1 :]], axis=n, batch_dims=n)
    if valid is not None:
        fill = p["fill_value"]
        if fill is None:
            fill = float("nan") if found.is_float else 0
        seen = body.broadcast(valid, found.shape, range(valid.rank))
        found = body.pointwise("select", seen, found, Number(fill, dtype))
    return body.transpose(found, places.result_order())


def _scatter(combine):
    """`combine(old, new)` where updates are placed; without one, they replace what is there, the last of several at one place."""
    def rule(lowering, equation, data, indices, updates):
        body, p = lowering.body, equation.params
        numbers = p["dimension_numbers"]
        if combine is None and indices.rank == 1 and not numbers.operand_batching_dims:
            return _one_piece(lowering, equation, data, indices, updates)
        kept = iter(updates.shape[i] for i in numbers.update_window_dims)
        outside = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
        sizes = [1 if i in outside else next(kept) for i in range(data.rank)]
        places = _Places(data, indices, numbers.inserted_window_dims, numbers.scatter_dims_to_operand_dims,
                         numbers.update_window_dims, numbers.operand_batching_dims, numbers.scatter_indices_batching_dims,
                         sizes, updates.rank)
        flat, valid = _flat_indices(lowering, places, indices, p["mode"].name in ("CLIP", "PROMISE_IN_BOUNDS"))
        target = _flat_data(body, places, data)
        updates = body.transpose(body.whole(updates), np.argsort(places.result_order()))
        n = len(places.batch)
        if combine is jnp.add:
            placed = _added(body, target, flat, updates, valid, n)
        else:
            placed = _replaced(lowering, target, flat, updates, valid, n, combine, p["unique_indices"])
        order = places.data_order()
        return body.transpose(body.reshape(placed, [data.shape[i] for i in order]), np.argsort(order))
    return rule


def _added(body, target, flat, updates, valid, n):
    if valid is not None:  # what is out of range adds nothing
        seen = body.broadcast(valid, updates.shape, range(valid.rank))
        updates = body.pointwise("select", seen, updates, Number(0, updates.dtype))
    return body.make("scatter_add", [target, flat, updates], target.dtype, target.shape, axis=n, batch_dims=n)


def _replaced(lowering, target, flat, updates, valid, n, combine, is_unique):
    """At most one of the updates may be added to zeros at each place: which comes of sorting them by place."""
    count = 1
    for dim in flat.shape[n:]:
        count = count * dim
    if combine is not None and not is_unique and not is_static((count,)):
        raise Unsupported("is not supported at a number of places that is not fixed")

    def of_one(target, flat, updates, valid):
        """Without batch axes."""
        length, is_bool = target.shape[0], target.dtype == bool
        if is_bool:
            target, updates = target.astype("int32"), updates.astype("int32")
        along = lambda mask: mask.reshape(-1, *[1] * (updates.ndim - 1))
        flat = jnp.where(valid, flat, length)  # behind all others
        is_last = flat < length
        if not is_unique:
            order = jnp.argsort(flat)
            flat, updates = flat[order], updates[order]
            # Updates of one place are neighbours now. The last of them takes in the one before, then two, then four …
            behind = 1
            while combine is not None and behind < count:
                both = combine(updates[:-behind], updates[behind:])
                together = jnp.where(along(flat[behind:] == flat[:-behind]), both, updates[behind:])
                updates = jnp.concatenate([updates[:behind], together])
                behind *= 2
            place = jnp.arange(count)
            is_last = (flat < length) & ((place == count - 1) | (flat != jnp.take(flat, place + 1, mode="clip")))
        placed = jnp.zeros_like(target).at[flat].add(jnp.where(along(is_last), updates, 0), mode="clip")
        is_placed = jnp.zeros(length, "int32").at[flat].add(is_last.astype("int32"), mode="clip") > 0
        is_placed = is_placed.reshape(-1, *[1] * (target.ndim - 1))
        result = jnp.where(is_placed, placed if combine is None else combine(target, placed), target)
        return result.astype(bool) if is_bool else result
    body = lowering.body
    valid = body.whole(valid if valid is not None else Number(True, "bool", flat.shape))
    valid = body.broadcast(valid, flat.shape, range(valid.rank))
    one_axis = lambda v, behind: body.reshape(v, [*v.shape[:n], count, *behind])
    function = of_one
    for _ in range(n):
        function = jax.vmap(function)
    return lowering.traced(function, body.whole(target), one_axis(flat, ()), one_axis(updates, updates.shape[flat.rank :]),
                           one_axis(valid, ()))[0]


def _one_piece(lowering, equation, data, indices, updates):
    """One piece at one place."""
    body, numbers = lowering.body, equation.params["dimension_numbers"]
    axes = numbers.scatter_dims_to_operand_dims
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


def _pool_gradient(lowering, equation, dy, x):
    """Of a maximum: each window's share goes to the first element that it is."""
    p, body = equation.params, lowering.body
    which = p["select_prim"].name
    x = body.pointwise("neg", x) if which == "le" else body.whole(x)
    return body.make("pool_max_grad", [x, body.whole(dy)], *_result(equation), size=ints_text(p["window_dimensions"]),
                     stride=ints_text(p["window_strides"]), pad_low=ints_text(c[0] for c in p["padding"]),
                     pad_high=ints_text(c[1] for c in p["padding"]))


def _scanned(combine):
    """Of running maxima and the like: JAX combines neighbours, then pairs of pairs."""
    def rule(lowering, equation, x):
        p = equation.params
        return lowering.traced(lambda v: jax.lax.associative_scan(combine, v, reverse=p["reverse"], axis=p["axis"]), x)
    return rule


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
    "empty": _empty,
    "empty2": _empty,
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
    **{name + end: _scatter(combine) for name in ("scatter-", "scatter_")
       for end, combine in {"add": jnp.add, "mul": jnp.multiply, "min": jnp.minimum, "max": jnp.maximum}.items()},
    "scatter": _scatter(None),
    "select_and_scatter_add": _pool_gradient,
    "cummax": _scanned(jnp.maximum),
    "cummin": _scanned(jnp.minimum),
    "cumlogsumexp": _scanned(jnp.logaddexp),
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
}
