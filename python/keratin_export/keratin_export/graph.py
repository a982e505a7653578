"""Graph IR as text: a module with variables, functions, and what stands in them (docs/ir.md)."""
import ast
import functools
import json
import re
import struct

import jax
import numpy as np

DTYPES = {"bool": "bool", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16",
          "uint32": "u32", "uint64": "u64", "float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64"}
STORED = {"bool": "BOOL", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "uint8": "U8", "uint16": "U16",
          "uint32": "U32", "uint64": "U64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64"}


def quoted(name):
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_/.]*", name) else json.dumps(name, ensure_ascii=False)


def dim_text(dim):
    """A number, a symbol or a number times a symbol, which may be computed as {(2T+1)/3} is."""
    return str(int(dim)) if isinstance(dim, (int, np.integer)) else _symbolic_text(str(dim))


@functools.cache
def _symbolic_text(text):
    refusal = ValueError(f"has a dimension {text}, which is no number times a length, and no part of one: give batch_size=, or "
                         "inputs of fixed lengths")
    try:
        times, of, quotient = _linear(ast.parse(text, mode="eval").body)
    except SyntaxError:
        raise refusal from None
    if of is None:
        raise refusal
    a, b, c = quotient
    if (a, b, c) == (1, 0, 1):
        return ("" if times == 1 else str(times)) + of
    if of == "N":  # what is computed from the number of samples may be nothing
        raise refusal
    inner = ("" if a == 1 else str(a)) + of + (f"{b:+}" if b else "")
    inner = inner if c == 1 else f"({inner})/{c}" if b or a != 1 else f"{inner}/{c}"
    return ("" if times == 1 else str(times)) + "{" + inner + "}"


def _linear(node):
    """times · floor((a · symbol + b) / c) as (times, symbol, (a, b, c)), of how JAX writes it; the symbol is None where it is no such."""
    none = 0, None, (0, 0, 1)
    match node:
        case ast.Constant(value=int(number)):
            return 0, "", (0, number, 1)
        case ast.Name(id=name):
            return 1, name, (1, 0, 1)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return 0, "", (0, -number, 1)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=ast.Constant(value=int(number))):
            times, of, (a, b, c) = _linear(left)
            number = number if isinstance(op, ast.Add) else -number
            if of and c == 1:
                return 1, of, (a * times, b * times + number, 1)
            return (times, of, (a, b + number // times * c, c)) if of and number % times == 0 else none
        case ast.BinOp(left=ast.Constant(value=int(number)), op=ast.Mult(), right=right):
            times, of, quotient = _linear(right)
            return (times * number, of, quotient) if of else none
        case ast.Call(func=ast.Name(id="floordiv"), args=[value, ast.Constant(value=int(number))]):
            times, of, (a, b, c) = _linear(value)
            if not of or c != 1 != times:
                return none
            return 1, of, (a * times, b * times, c * number)
        # What a window leaves: that it leaves nothing is an error of the call.
        case ast.Call(func=ast.Name(id="max"), args=[ast.Constant(value=0 | 1), value] | [value, ast.Constant(value=0 | 1)]):
            return _linear(value)
    return none


def dims_text(shape):
    return "[" + ",".join(map(dim_text, shape)) + "]"


def ints_text(numbers):
    return "[" + ", ".join(str(int(n)) for n in numbers) + "]"


def untyped(dtype):
    """What is wrong with such a dtype, or nothing."""
    if str(dtype) in DTYPES:
        return ""
    instead = "compute with real and imaginary parts" if "complex" in str(dtype) else "cast to one of " + ", ".join(DTYPES)
    return f"{dtype}, for which Graph IR has no type: {instead}"


def dtype_text(dtype):
    dtype = dtype if isinstance(dtype, str) else str(np.dtype(dtype))
    if untyped(dtype):
        raise ValueError("is not supported with " + untyped(dtype))
    return DTYPES[dtype]


def type_text(dtype, shape):
    return dtype_text(dtype) + dims_text(shape)


def is_static(shape):
    return all(isinstance(d, (int, np.integer)) for d in shape)


def same(a, b):
    return tuple(map(dim_text, a)) == tuple(map(dim_text, b))


class Value:
    """A result of a statement, a parameter or a variable: how it is written, and its type."""

    def __init__(self, text, dtype, shape):
        self.text, self.dtype, self.shape = text, str(dtype), tuple(shape)
        self.exponent_of_one = None  # of random words: their bits as a float are in [1, 2)

    @property
    def rank(self):
        return len(self.shape)

    @property
    def type(self):
        return type_text(self.dtype, self.shape)

    @property
    def is_float(self):
        return "float" in self.dtype


class Number(Value):
    """One number everywhere: written where it is read."""

    def __init__(self, number, dtype, shape=()):
        self.number = number
        super().__init__(number_text(number, str(dtype)), dtype, shape)

    def of_shape(self, shape):
        return Number(self.number, self.dtype, shape)


def number_text(number, dtype):
    suffix = dtype_text(dtype)
    if dtype == "bool":
        return "true" if number else "false"
    if "float" in dtype:
        number = float(number)
        text = "nan" if number != number else repr(number) if abs(number) != float("inf") else "inf" if number > 0 else "-inf"
        return text if dtype == "float32" else f"{text}:{suffix}"
    return f"{int(number)}:{suffix}"


class Parts:
    """What Graph IR has no type for, as several values of one shape: its parts."""

    def __init__(self, dtype, parts):
        self.dtype, self.parts, self.shape = dtype, tuple(parts), parts[0].shape

    @property
    def real(self):
        return self.parts[0]

    @property
    def imaginary(self):
        return self.parts[1]


jax.tree_util.register_pytree_node(Parts, lambda p: (p.parts, p.dtype), Parts)


def complex_of(real, imaginary=None):
    return Parts("complex64", (real, imaginary or Number(0, "float32", real.shape)))


class Module:
    """What becomes NAME.kir and, beside it, NAME.kir.safetensors."""

    def __init__(self, name):
        self.name, self.variables, self.functions, self.data = name, [], [], {}

    def variable(self, name, array, role="", trainable=False):
        """A new variable with its first value. A name that is taken gets a number."""
        first, copy = name, 0
        while name in self.data:
            copy += 1
            name = f"{first}_{copy}"
        words = (" " + role if role else "") + (" trainable" if trainable else "")
        self.variables.append(f"  var @{quoted(name)} : {type_text(str(array.dtype), array.shape)}{words}")
        self.data[name] = array
        value = Value("@" + quoted(name), array.dtype, array.shape)
        value.name = name
        return value

    def constant(self, array):
        """The name under which an array is found that statements read."""
        for name, other in self.data.items():
            if other is array or (name.startswith("constant/") and other.dtype == array.dtype and
                                  np.array_equal(other, array)):
                return name
        name = f"constant/{sum(key.startswith('constant/') for key in self.data)}"
        self.data[name] = array
        return name

    def text(self):
        lines = [f"module @{quoted(self.name)} {{", *self.variables]
        for function in self.functions:
            lines += function.text()
        return "\n".join(lines + ["}", ""])

    def safetensors(self):
        header, blobs, at = {}, [], 0
        for name in sorted(self.data):
            array = np.ascontiguousarray(self.data[name])
            header[name] = {"dtype": STORED[str(array.dtype)], "shape": list(self.data[name].shape),
                            "data_offsets": [at, at + array.nbytes]}
            blobs.append(array.tobytes())
            at += array.nbytes
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text + b"".join(blobs)


class Body:
    """Statements in order: of a function, or of what a scan repeats."""

    def __init__(self, module, numbers=None):
        self.module, self.lines, self.location = module, [], ""
        self.numbers = numbers if numbers is not None else [0]

    def fresh(self):
        self.numbers[0] += 1
        return f"%v{self.numbers[0]}"

    def many(self, op, operands, attributes, types, region=None):
        """A statement with several results: their values."""
        results = [Value(self.fresh(), dtype, shape) for dtype, shape in types]
        written = {key: value for key, value in attributes.items() if value is not None}
        text = ", ".join(r.text for r in results) + f" = {op}"
        if operands:
            text += " " + ", ".join(o.text for o in operands)
        if written:
            text += " {" + ", ".join(f"{key} = {written[key]}" for key in sorted(written)) + "}"
        if region:
            parameters, body, returned = region
            text += " (" + ", ".join(f"{p.text}: {p.type}" for p in parameters) + ") {"
            self.lines.append(text)
            self.lines += ["  " + line for line in body.lines]
            self.lines.append("  return " + ", ".join(v.text for v in returned))
            text = "}"
        text += " : " + ", ".join(r.type for r in results)
        if self.location:
            text += f" loc({json.dumps(self.location)})"
        self.lines.append(text)
        return results

    def make(self, op, operands, dtype, shape, **attributes):
        return self.many(op, operands, attributes, [(dtype, shape)])[0]

    def constant(self, array):
        array = np.asarray(array)
        if array.size and array.ndim == 0 or (array.size and (array == array.flat[0]).all()):
            return Number(array.flat[0], array.dtype, array.shape)
        return self.make("constant", [Value(f'data({json.dumps(self.module.constant(array))})', array.dtype, array.shape)],
                         array.dtype, array.shape)

    def whole(self, value):
        """The value as a tensor of its shape: numbers, which are scalars in all but pointwise ops, are repeated."""
        if isinstance(value, Number):
            return self.make("constant", [Value(value.text, value.dtype, ())], value.dtype, value.shape)
        return value

    # ---- ops with numpy's conveniences ----

    def pointwise(self, op, *operands, dtype=None, shape=None):
        """Shapes are broadcast: a scalar, or an extent of 1, repeats."""
        shape = shape if shape is not None else broadcast_shape(*(o.shape for o in operands))
        fitted = [self.broadcast_to(o, shape) for o in operands]
        if all(isinstance(o, Number) for o in fitted):
            fitted[0] = self.whole(fitted[0])
        return self.make(op, fitted, dtype or operands[-1].dtype, shape)

    def broadcast_to(self, value, shape):
        if same(value.shape, shape):
            return value
        return self.broadcast(value, shape, range(len(shape) - value.rank, len(shape)))

    def broadcast(self, value, shape, dims):
        """Axis i becomes axis dims[i]; there an extent of 1 is stretched."""
        if isinstance(value, Number):
            return value.of_shape(shape)
        kept = [(i, d) for i, d in enumerate(dims) if dim_text(value.shape[i]) == dim_text(shape[d])]
        squeezed = self.reshape(value, [value.shape[i] for i, _ in kept])
        return self.make("broadcast", [squeezed], value.dtype, shape, dims=ints_text(d for _, d in kept))

    def reshape(self, value, shape):
        if isinstance(value, Number):
            return value.of_shape(shape)
        return value if same(value.shape, shape) else self.make("reshape", [value], value.dtype, shape)

    def transpose(self, value, order):
        order = list(order)
        if order == sorted(order):
            return value
        shape = [value.shape[axis] for axis in order]
        if isinstance(value, Number):
            return value.of_shape(shape)
        return self.make("transpose", [value], value.dtype, shape, perm=ints_text(order))

    def cast(self, value, dtype):
        dtype = str(np.dtype(dtype)) if not isinstance(dtype, str) else dtype
        if value.dtype == dtype:
            return value
        if isinstance(value, Number) and "float" in dtype and value.number == value.number:
            return Number(value.number, dtype, value.shape)
        return self.make("cast", [self.whole(value)], dtype, value.shape)

    def slice(self, value, start, limit, stride=None):
        stride = stride or [1] * value.rank
        if all(s == 0 for s in start) and same(limit, value.shape) and all(s == 1 for s in stride):
            return value
        shape = [limit[i] - start[i] if stride[i] == 1 else -((start[i] - limit[i]) // stride[i])
                 for i in range(value.rank)]
        return self.make("slice", [self.whole(value)], value.dtype, shape, limit=dims_text(limit),
                         start=ints_text(start), stride=ints_text(stride))

    def reduce(self, op, value, axes, dtype=None):
        kept = [d for i, d in enumerate(value.shape) if i not in axes]
        if not axes:
            return value
        return self.make(op, [self.whole(value)], dtype or value.dtype, kept, axes=ints_text(sorted(axes)))


def broadcast_shape(*shapes):
    rank = max(map(len, shapes))
    result = [1] * rank
    for shape in shapes:
        for i, dim in enumerate(shape, rank - len(shape)):
            if dim_text(dim) != "1":
                result[i] = dim
    return result


class Function(Body):
    def __init__(self, module, name):
        super().__init__(module)
        self.name, self.parameters, self.results, self.updates = name, [], [], []
        module.functions.append(self)

    def parameter(self, name, dtype, shape):
        value = Value("%" + quoted(name), dtype, shape)
        self.parameters.append(value)
        return value

    def result(self, name, value):
        self.results.append((name, self.whole(value)))

    def update(self, variable, value):
        if value.text != variable.text:
            self.updates.append((variable, self.whole(value)))

    def text(self):
        parameters = ", ".join(f"{p.text}: {p.type}" for p in self.parameters)
        results = ", ".join(f"%{quoted(name)}: {value.type}" for name, value in self.results)
        last = "return" + ("" if not self.results else " " + ", ".join(value.text for _, value in self.results))
        if self.updates:
            last += " updates " + ", ".join(f"{variable.text} = {value.text}" for variable, value in self.updates)
        return [f"  func @{quoted(self.name)}({parameters}) -> ({results}) {{",
                *("    " + line for line in self.lines), "    " + last, "  }"]
