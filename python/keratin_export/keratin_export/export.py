"""A Keras model as a module of Graph IR: `predict`, and what trains it."""
import pathlib

import jax
import keras
import numpy as np

from . import control, elementwise, shape
from .graph import Function, Module, untyped
from .lower import Lowering, Unsupported
from .training import Training

RULES = {**elementwise.RULES, **shape.RULES, **control.RULES}


def export(model, path, batch_size=None, training_data=None):
    """Writes `model`, a Functional or Sequential one that is built, to `path` (.kir) and its weights to `path`.safetensors.

    training_data: (x, y) as fit() takes them, of any number of samples, for a model that is compiled. What trains it is then written,
    too: `keratin compile --trainer` makes a trainer of it.

    batch_size: how many samples a call takes; otherwise any number. Needed if a layer does with the number of samples what has no
    type in Graph IR, such as to append a sample.

    Raises Unsupported, with the layer and the line of its source, for what Graph IR has no form for.
    """
    if keras.backend.backend() != "jax":
        raise RuntimeError("models are traced by JAX: set KERAS_BACKEND=jax before keras is imported")
    module = Module(model.name)
    traced = Traced(model, module, batch_size)
    traced.predict()
    if training_data is not None:
        Training(traced, training_data).add()
    path = pathlib.Path(path)
    data = module.safetensors()
    path.write_text(module.text(), encoding="utf-8")
    path.with_name(path.name + ".safetensors").write_bytes(data)


class Traced:
    """The functions of a model, traced one by one into a module that has its variables."""

    def __init__(self, model, module, batch_size):
        self.model, self.module = model, module
        self.structure = self.structure_of(model)
        batch = batch_size or jax.export.symbolic_shape("N")[0]
        self.inputs = [(tensor.name, jax.ShapeDtypeStruct((batch, *self.known(tensor)), tensor.dtype))
                       for tensor in keras.tree.flatten(self.structure)]
        self.trainable = [self.variable(v, trainable=True) for v in model.trainable_variables]
        self.rest = [self.variable(v) for v in model.non_trainable_variables]

    @staticmethod
    def structure_of(model):
        """The inputs, nested as the model takes them."""
        if isinstance(model, keras.Sequential) and model.built:
            return model.inputs[0]
        if isinstance(model, keras.Sequential):
            raise Unsupported(f"the model {model.name} has no input yet: begin with keras.Input, or call build()")
        if not getattr(model, "inputs", None):
            raise Unsupported(f"the {type(model).__name__} {model.name} has no inputs that are known: only Functional and Sequential "
                              "models are supported. keras.Model(x, model(x)) of x = keras.Input(…) is one")
        return model.input

    @staticmethod
    def known(tensor):
        if untyped(tensor.dtype):
            raise Unsupported(f"the input {tensor.name} is {untyped(tensor.dtype)}")
        if None in tensor.shape[1:]:
            raise ValueError(f"the input {tensor.name} is {tensor.shape}: all but the batch must be known")
        return tensor.shape[1:]

    def variable(self, v, trainable=False):
        if untyped(v.dtype):
            raise Unsupported(f"the weight {v.path} is {untyped(v.dtype)}")
        is_random = "seed_generator" in v.path
        return self.module.variable(v.path, np.asarray(v.value), "state" if is_random else "", trainable)

    def lower(self, function, traced, *arguments, differentiates=False):
        """The values, flattened, that `traced` has of values in the structure of `arguments`."""
        flat, structure = jax.tree.flatten(arguments)
        shapes = jax.tree.unflatten(structure, [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in flat])
        return Lowering(function, RULES, differentiates).closed(jax.make_jaxpr(traced)(*shapes), flat)

    def predict(self):
        function = Function(self.module, "predict")
        inputs = [function.parameter(name, str(t.dtype), t.shape) for name, t in self.inputs]
        as_called = lambda flat: keras.tree.pack_sequence_as(self.structure, list(flat))

        def call(trainable, rest, flat):
            outputs, rest = self.model.stateless_call(trainable, rest, as_called(flat), training=False)
            return keras.tree.flatten(outputs), rest
        values = self.lower(function, call, self.trainable, self.rest, inputs)
        names = self.output_names()
        for name, value in zip(names, values):
            function.result(name, value)
        for variable, value in zip(self.rest, values[len(names) :]):
            function.update(variable, value)

    def output_names(self):
        """As in model files: the names of the layers that give them."""
        names = []
        for tensor in keras.tree.flatten(self.model.outputs):
            name = tensor._keras_history.operation.name
            while name in names:
                name += "_1"
            names.append(name)
        return names
