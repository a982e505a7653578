"""A Keras model as a module of Graph IR: `predict`, and what trains it."""
import inspect
import pathlib

import jax
import keras
import numpy as np

from . import control, elementwise, shape
from .graph import Function, Module, untyped
from .lower import Lowering, Unsupported
from .parts import RULES_OF_PARTS
from .training import Training, members

RULES = {**elementwise.RULES, **shape.RULES, **control.RULES}


def export(model, path, batch_size=None, training_data=None, input_signature=None):
    """Writes `model` to `path` (.kir) and its weights to `path`.safetensors.

    training_data: (x, y) or (x, y, sample_weight) as fit() takes them, of any number of samples, for a model that is compiled. What
    trains it is then written, too: `keratin compile --trainer` makes a trainer of it. The data are not: trainers are given theirs.
    Lengths that inputs leave open are those of x.

    input_signature: of a subclassed model, what it is called with, nested as its call() takes it: keras.Input(…),
    keras.InputSpec(…) or arrays of a batch. Without it, training_data says that; Functional and Sequential models say it themselves.

    batch_size: how many samples a call takes; otherwise any number. Needed if a layer does with the number of samples what has no
    type in Graph IR, such as to append a sample.

    Raises Unsupported, with the layer and the line of its source, for what Graph IR has no form for.
    """
    if keras.backend.backend() != "jax":
        raise RuntimeError(f"models are traced by JAX, and Keras runs on {keras.backend.backend()}: set KERAS_BACKEND=jax before "
                           "keras is imported")
    if not isinstance(model, keras.Model):
        raise Unsupported(f"a {type(model).__name__} is no keras.Model: keras.Model(x, layer(x)) of x = keras.Input(…) is one")
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder that {path.name} could be written to")
    inputs, outputs = interface(model, input_signature, training_data)
    if training_data is not None:
        inputs.fix_lengths(members(training_data)[0])
    module = with_free_lengths(inputs, batch_size, lambda shapes: traced_module(model, inputs, outputs, shapes, training_data))
    data = module.safetensors()
    path.write_text(module.text(), encoding="utf-8")
    path.with_name(path.name + ".safetensors").write_bytes(data)


def traced_module(model, inputs, outputs, shapes, training_data):
    module = Module(model.name)
    traced = Traced(model, module, inputs, outputs, shapes)
    traced.predict()
    if training_data is not None:
        Training(traced, training_data).add()
    return module


def interface(model, signature, training_data):
    """The inputs and outputs: names and symbolic tensors, nested as the model takes and gives them."""
    if isinstance(model, keras.Sequential) and not model.built and signature is None and training_data is None:
        raise Unsupported(f"the model {model.name} has no input yet: begin with keras.Input, or call build()")
    if getattr(model, "inputs", None) and signature is None:
        inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
        outputs = model.outputs[0] if isinstance(model, keras.Sequential) else model.output
        return Nested(inputs, [t.name for t in keras.tree.flatten(inputs)]), Nested(outputs, layer_names(outputs))
    if signature is None:
        if training_data is None:
            raise Unsupported(f"the {type(model).__name__} {model.name} has no inputs that are known: give input_signature=, as "
                              "in input_signature=keras.Input((4,))")
        signature = members(training_data)[0]
    first = next((name for name in inspect.signature(model.call).parameters), "x")
    inputs = keras.tree.map_structure(symbolic, signature)
    outputs = model(inputs)
    return Nested(inputs, names_of(inputs, first)), Nested(outputs, names_of(outputs, model.name))


class Nested:
    """Symbolic tensors as they are nested, and a name for each."""

    def __init__(self, structure, names):
        self.structure, self.names = structure, names
        tensors = keras.tree.flatten(structure)
        self.shapes, self.dtypes = [tuple(t.shape) for t in tensors], [str(t.dtype) for t in tensors]

    def fix_lengths(self, arrays):
        arrays = keras.tree.flatten(arrays)
        if len(arrays) != len(self.names):
            raise Unsupported(f"training_data has {len(arrays)} arrays for {len(self.names)} inputs ({', '.join(self.names)})")
        lengths = lambda shape, given: (None, *(n if dim is None else dim for dim, n in zip(shape[1:], given[1:])))
        self.shapes = [lengths(shape, np.shape(array)) if None in shape[1:] else shape for shape, array in zip(self.shapes, arrays)]

    def pack(self, values):
        return keras.tree.pack_sequence_as(self.structure, list(values))


def symbolic(like):
    """The batch, and what an InputSpec leaves open, is free."""
    shape, dtype = getattr(like, "shape", None), getattr(like, "dtype", None)
    if shape is None:
        raise Unsupported(f"input_signature has a {type(like).__name__}: keras.Input(…), keras.InputSpec(shape=…) or an array is "
                          "expected")
    dtype = "float32" if dtype is None or str(dtype) == "float64" else str(dtype)
    return keras.KerasTensor((None, *shape[1:]), dtype)


def layer_names(outputs):
    """As in model files: the names of the layers that give them."""
    return numbered(tensor._keras_history.operation.name for tensor in keras.tree.flatten(outputs))


def names_of(nested, name):
    """Keys where there are some."""
    return numbered(next((str(key) for key in reversed(path) if isinstance(key, str)), name)
                    for path, _ in keras.tree.flatten_with_path(nested))


def numbered(names):
    taken = []
    for name in names:
        while name in taken:
            name += "_1"
        taken.append(name)
    return taken


def with_free_lengths(inputs, batch_size, trace):
    """What `trace` makes of the inputs' shapes. Lengths that are free have symbols: first each its own, then inputs share
    theirs, axis by axis, and then they are multiples of 2, 4 … 32, as halving and doubling again needs.
    """
    free = [name for name, shape in zip(inputs.names, inputs.shapes) if None in shape[1:]]
    shares = (False, True) if len(free) > 1 else (False,)
    refusal = None
    for times in (1, 2, 4, 8, 16, 32) if free else (1,):
        for is_shared in shares:
            try:
                return trace(symbols(inputs, batch_size, times, is_shared))
            except Exception as error:  # also of layers, which may not know what to do with a length that is no number
                refusal = refusal or error
    if not free and (batch_size or isinstance(refusal, Unsupported)):
        raise refusal
    try:  # whether that is the reason
        trace([(batch_size or 2, *(64 if dim is None else dim for dim in shape[1:])) for shape in inputs.shapes])
    except Exception:
        raise refusal from None
    instead = f"inputs of fixed lengths ({', '.join(free)})" if free else "batch_size="
    raise Unsupported(f"the model can be traced for certain numbers of samples and steps, but not for any: {refusal}. Give {instead}") \
        from refusal


def symbols(inputs, batch_size, times, is_shared):
    """A shape for each input: of steps T, of images H and W."""
    scope = jax.export.SymbolicScope()
    symbol = lambda text: jax.export.symbolic_shape(text, scope=scope)[0]
    letters, shapes = {1: "T", 2: "HW", 3: "DHW"}, []
    for i, shape in enumerate(inputs.shapes):
        axes = [axis for axis, dim in enumerate(shape) if axis and dim is None]
        names = letters.get(len(axes)) or [f"L{axis}" for axis in axes]
        lengths = iter(f"{times}*{name}{'' if is_shared or i == 0 else i}" for name in names)
        shapes.append((batch_size or symbol("N"), *(symbol(next(lengths)) if dim is None else dim for dim in shape[1:])))
    return shapes


class Traced:
    """The functions of a model, traced one by one into a module that has its variables."""

    def __init__(self, model, module, inputs, outputs, shapes):
        self.model, self.module, self.given, self.outputs = model, module, inputs, outputs
        for name, dtype in zip(inputs.names, inputs.dtypes):
            if untyped(dtype):
                raise Unsupported(f"the input {name} is {untyped(dtype)}")
        self.inputs = [(name, jax.ShapeDtypeStruct(shape, dtype)) for name, dtype, shape in zip(inputs.names, inputs.dtypes, shapes)]
        self.trainable = [self.variable(v, trainable=True) for v in model.trainable_variables]
        self.rest = [self.variable(v) for v in model.non_trainable_variables]

    def variable(self, v, trainable=False):
        if untyped(v.dtype):
            raise Unsupported(f"the weight {v.path} is {untyped(v.dtype)}")
        is_random = "seed_generator" in v.path
        return self.module.variable(v.path, np.asarray(v.value), "state" if is_random else "", trainable)

    def lower(self, function, traced, *arguments):
        """The values, flattened, that `traced` has of values in the structure of `arguments`."""
        flat, structure = jax.tree.flatten(arguments)
        shapes = jax.tree.unflatten(structure, [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in flat])
        return Lowering(function, RULES, RULES_OF_PARTS).closed(jax.make_jaxpr(traced)(*shapes), flat)

    def predict(self):
        function = Function(self.module, "predict")
        inputs = [function.parameter(name, str(t.dtype), t.shape) for name, t in self.inputs]

        def call(trainable, rest, flat):
            how = {"training": False} if self.model._call_has_training_arg else {}
            outputs, rest = self.model.stateless_call(trainable, rest, self.given.pack(flat), **how)
            return keras.tree.flatten(outputs), rest
        values = self.lower(function, call, self.trainable, self.rest, inputs)
        for name, value in zip(self.outputs.names, values):
            function.result(name, value)
        for variable, value in zip(self.rest, values[len(self.outputs.names) :]):
            function.update(variable, value)
