"""Domains of operations."""
import math

from keras import ops

from domain import Domain, T


def named(name):
    """ops.NAME; "image.resize" and "max with initial" are names, too."""
    place = ops
    for part in name.split()[0].split("."):
        place = getattr(place, part)
    return place


def same_batch(tensors):
    """The tensors as inputs of one model, whose batches must be equal: others are given flat, with some numbers too many."""
    batch = tensors[0].shape[0]
    return [t if t.shape[0] == batch else
            T(batch, -(-math.prod(t.shape) // batch), dtype=t.dtype, low=t.low, high=t.high) for t in tensors]


def in_shape(x, tensor):
    if tuple(x.shape) == tensor.shape:
        return x
    return ops.reshape(ops.reshape(x, (-1,))[(slice(0, math.prod(tensor.shape)),)], tensor.shape)


def op(name, tensors, arguments=None, function=None, count=3, **others):
    """`function` (ops.NAME) of the inputs, which arguments follow by their names. Its inputs need not have one batch if that is fixed."""
    function = function or named(name)
    arguments = arguments or {}
    if callable(tensors) or all(t.shape[0] == inputs[0].shape[0] for inputs in tensors for t in inputs):
        return Domain(f"ops {name}", None, arguments, tensors, count=count,
                      call=lambda inputs, given: function(*inputs, **given), **others)

    def call(inputs, given):
        shapes = tensors[given["tensors"]]
        rest = {key: value for key, value in given.items() if key != "tensors"}
        return function(*[in_shape(x, shape) for x, shape in zip(inputs, shapes)], **rest)

    return Domain(f"ops {name}", None, dict(tensors=list(range(len(tensors)))) | arguments,
                  lambda given: same_batch(tensors[given["tensors"]]), count=count, call=call, **others)
