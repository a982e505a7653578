"""The functions that train a model: a step as Keras's trainer takes it, evaluation, metrics (docs/training.md).

What is traced is the trainer's own `train_step`, with the gradients that JAX finds. So all that it calls may be of the Python program:
losses, metrics, optimizers, gradients of one's own, and the step itself.
"""
import contextlib

import jax
import keras
import numpy as np

from .graph import Function
from .lower import Unsupported


def members(data):
    """x, y and whether there are weights of samples, of what fit() takes."""
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        count = f" of {len(data)} members" if isinstance(data, (tuple, list)) else ""
        raise Unsupported(f"training_data is a {type(data).__name__}{count}: (x, y) and (x, y, sample_weight) are supported")
    return data[0], data[1], len(data) == 3 and data[2] is not None


@contextlib.contextmanager
def weights_of_samples():
    """Lets one weight per sample count for losses and masks of whatever rank, as weights that are left out do."""
    module = keras.src.losses.loss
    reduce, mask_of = module.reduce_weighted_values, module.apply_mask

    def spread(weight, like):
        missing = 0 if weight is None or like is None else len(like.shape) - 1
        return keras.ops.reshape(weight, (-1, *[1] * missing)) if missing > 0 and len(weight.shape) == 1 else weight
    module.reduce_weighted_values = lambda values, sample_weight=None, *arguments, **options: reduce(
        values, spread(sample_weight, values), *arguments, **options)
    module.apply_mask = lambda sample_weight, mask, *arguments, **options: mask_of(
        spread(sample_weight, mask), mask, *arguments, **options)
    try:
        yield
    finally:
        module.reduce_weighted_values, module.apply_mask = reduce, mask_of


class Training:
    """Adds to a traced model what `keratin compile --trainer` asks for."""

    def __init__(self, traced, data):
        self.traced, self.model, self.module = traced, traced.model, traced.module
        if not self.model.compiled:
            raise ValueError("the model is not compiled: call model.compile() first")
        x, y, self.has_weights = members(data)
        self.y = y
        names, targets = traced.outputs.names, keras.tree.flatten(y)
        if len(names) != len(targets):
            raise Unsupported(f"training_data has {len(targets)} targets for {len(names)} outputs ({', '.join(names)}): each needs "
                              "one")
        one = lambda tree: keras.tree.map_structure(lambda a: np.asarray(a)[:1], tree)
        self.model._symbolic_build(data_batch=(one(x), one(y), None))
        batch = traced.inputs[0][1].shape[0]
        self.targets = [(f"y:{name}", jax.ShapeDtypeStruct((batch, *np.shape(a)[1:]), self.target_dtype(a)))
                        for name, a in zip(names, targets)]
        # A step of one's own takes the data as they are given to fit(); it may not expect weights.
        is_own = any(getattr(type(self.model), step) is not getattr(keras.Model, step) for step in ("train_step", "test_step"))
        self.weights = [] if is_own and not self.has_weights else [("sample_weight", jax.ShapeDtypeStruct((batch,), "float32"))]
        self.slots = [self.variable("optimizer/" + v.path.partition("/")[2], v) for v in self.model.optimizer.variables]
        self.sums = [self.variable("metrics/" + v.path, v) for v in self.model.metrics_variables]

    @staticmethod
    def target_dtype(array):
        return "float32" if np.asarray(array).dtype.kind == "f" else "int32"

    def variable(self, name, v):
        return self.module.variable(name, np.asarray(v.value), "state")

    def add(self):
        self.step("train_step", True)
        self.step("evaluate_step", False)
        self.metrics()
        self.reset()
        self.initialize()
        self.finish()

    def parameters(self, function):
        """Of a step: inputs, targets, and weights, if it takes some."""
        groups = self.traced.inputs, self.targets, self.weights
        return [[function.parameter(name, str(t.dtype), t.shape) for name, t in group] for group in groups]

    def step(self, name, training):
        function, model, traced = Function(self.module, name), self.model, self.traced
        inputs, targets, weights = self.parameters(function)

        def whole_step(trainable, rest, slots, sums, x, y, weights):
            x, y = traced.given.pack(x), keras.tree.pack_sequence_as(self.y, y)
            data = x, y, *(keras.tree.map_structure(lambda _: weight, y) for weight in weights)
            with weights_of_samples():
                if training:
                    logs, state = model.train_step((trainable, rest, slots, sums), data)
                else:
                    logs, (trainable, rest, sums) = model.test_step((trainable, rest, sums), data)
                    state = trainable, rest, slots, sums
            self.check(logs, name)
            return jax.numpy.asarray(logs.get("loss", 0), "float32"), *state
        values = traced.lower(function, whole_step, traced.trainable, traced.rest, self.slots, self.sums, inputs, targets, weights)
        for variable, value in zip([*traced.trainable, *traced.rest, *self.slots, *self.sums], values[1:], strict=True):
            function.update(variable, value)
        function.result("loss", values[0])

    def check(self, logs, step):
        """Logs are read from the metrics' variables."""
        known = self.model.get_metrics_result()
        if set(logs) != set(known):
            raise Unsupported(f"{type(self.model).__name__}.{step} logs {', '.join(sorted(logs))}: only metrics of the model are "
                              f"logged, which are {', '.join(sorted(known)) or 'none'}")

    def scoped(self, compute, sums, wanted=()):
        """What `compute` gives where the metrics' variables are `sums`, and what these are then."""
        with keras.StatelessScope(state_mapping=list(zip(self.model.metrics_variables, sums))) as scope:
            result = compute()
        return result, [scope.get_current_value(v) for v in self.model.metrics_variables]

    def metrics(self):
        function, names = Function(self.module, "metrics"), []

        def results(sums):
            found, _ = self.scoped(self.model.get_metrics_result, sums)
            names[:] = sorted(found)
            return [jax.numpy.asarray(found[name], "float32") for name in names]
        values = self.traced.lower(function, results, self.sums)
        for name, value in zip(names, values):
            if value.shape:
                raise Unsupported(f"the metric {name} is {value.type}: only one number can be logged")
            function.result(name, value)

    def reset(self):
        function = Function(self.module, "reset_metrics")
        values = self.traced.lower(function, lambda sums: self.scoped(self.model.reset_metrics, sums)[1], self.sums)
        for variable, value in zip(self.sums, values):
            function.update(variable, value)

    def finish(self):
        """What an optimizer does when training has ended, such as putting averages into the weights."""
        function, model = Function(self.module, "finish_training"), self.model
        variables = [*model.trainable_variables, *model.optimizer.variables]

        def finalize(values):
            with keras.StatelessScope(state_mapping=list(zip(variables, values))) as scope:
                model.optimizer.finalize_variable_values(model.trainable_variables)
            return [scope.get_current_value(v) for v in variables]
        held = [*self.traced.trainable, *self.slots]
        for variable, value in zip(held, self.traced.lower(function, finalize, held), strict=True):
            function.update(variable, value)
        if not function.updates:
            self.module.functions.remove(function)

    def initialize(self):
        """Begins again where the model was when it was exported."""
        function = Function(self.module, "initialize")
        function.parameter("seed", "uint32", (2,))
        for variable in [*self.traced.trainable, *self.traced.rest, *self.slots]:
            function.update(variable, function.constant(self.module.data[variable.name]))
