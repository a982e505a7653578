"""What configurations are drawn from.

    Domain(
        "Conv2D",                                               # the class; "Conv2D masked" would be a second domain of it
        keras.layers.Conv2D,                                    # called with the arguments, then with the input(s)
        dict(filters=[2, 4], kernel_size=[1, (2, 3)], padding=[OMIT, "valid", "same"], …),
        [[T(2, 7, 6, 3)], [T(3, 5, 5, 4)]])                     # what goes in: any of these, or a function of the arguments

Of every argument each value is used as often as the others; combinations that Keras refuses are drawn again. OMIT stands for the
default. `call=lambda inputs, arguments: …` in the place of a class builds anything: an operation, layers around the layer (name
the layer "layer"). Outputs have at most 600 numbers: keep shapes small, extents of different axes different, and batches 2 or 3.
"""
import numpy as np

from numbers_by_name import fill


class _Omit:
    def __repr__(self):
        return "OMIT"


OMIT = _Omit()  # an argument that is not given


class T:
    """An input: its shape with the batch, dtype and range; numbers of integer dtypes lie below `high`.

    `steps`: along axis 1 every third step is zero (for masks), at other places in every sample."""

    def __init__(self, *shape, dtype="float32", low=None, high=None, steps=False):
        self.shape, self.dtype, self.steps = shape, dtype, steps
        is_float = dtype in ("float16", "bfloat16", "float32", "float64")
        self.low = low if low is not None else (-1.5 if is_float else 0)
        self.high = high if high is not None else (1.5 if is_float else 2 if dtype == "bool" else 6)

    def array(self, name):
        values = fill(name, self.shape, self.low, self.high, self.dtype)
        if self.steps:
            for sample in range(self.shape[0]):
                for step in range(self.shape[1]):
                    if (2 * sample + step) % 3 == 1:
                        values[sample, step] = 0
        return values

    def to_json(self, name):
        out = {"name": name, "dtype": self.dtype, "shape": list(self.shape), "range": [self.low, self.high]}
        if self.steps:
            out["steps"] = True
        return out


class Domain:
    """`count`: at least so many configurations. `weights`: ranges of weights by the last part of their paths, or by dtype and that
    ("int8 kernel"), beside the usual; None: the weight is as Keras makes it, and in no file. `trains=False`: gradients are not
    compared (random numbers, no derivative). `training=True`: outputs are those of a call in training, which must not draw.
    `tolerance`: how far results may lie apart, relative to the largest, if rounding explains more than 2e-5: say why. `fixed_batch`:
    the model's inputs have it."""

    RANGES = {"moving_variance": (0.5, 1.5), "variance": (0.5, 1.5)}

    def __init__(self, name, make, arguments, tensors, count=8, call=None, weights=None, trains=True, training=False,
                 tolerance=None, fixed_batch=False):
        self.name, self.make, self.arguments, self.tensors, self.count = name, make, arguments, tensors, count
        self.call, self.weights, self.trains, self.training = call, weights or {}, trains, training
        self.tolerance, self.fixed_batch = tolerance, fixed_batch

    def build(self, inputs, arguments):
        if self.call:
            return self.call(inputs, arguments)
        return self.make(name="layer", **arguments)(inputs if len(inputs) > 1 else inputs[0])

    def range_of(self, weight):
        last = weight.path.split("/")[-1]
        if f"{weight.dtype} {last}" in self.weights:
            return self.weights[f"{weight.dtype} {last}"]
        if last in self.weights:
            return self.weights[last]
        if last in self.RANGES:
            return self.RANGES[last]
        kind = str(weight.dtype)
        return (-0.6, 0.6) if "float" in kind else (0, 100)
