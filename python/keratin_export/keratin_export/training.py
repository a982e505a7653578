"""The functions that train a model: a step as Keras's trainer takes it, evaluation, metrics (docs/training.md)."""
import jax
import keras
import numpy as np

from .graph import Function, Value, type_text
from .lower import Unsupported


class Training:
    """Adds to a traced model what `keratin compile --trainer` asks for."""

    def __init__(self, traced, data):
        self.traced, self.model, self.module = traced, traced.model, traced.module
        if not self.model.compiled:
            raise ValueError("the model is not compiled: call model.compile() first")
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            members = f" of {len(data)} members" if isinstance(data, (tuple, list)) else ""
            raise Unsupported(f"training_data is a {type(data).__name__}{members}: (x, y) is supported. Give sample_weight to the "
                              "trainer, with its data")
        x, y = data
        one = lambda tree: keras.tree.map_structure(lambda a: np.asarray(a)[:1], tree)
        self.model._symbolic_build(data_batch=(one(x), one(y), np.ones(1, "float32")))
        self.y = y
        batch = traced.inputs[0][1].shape[0]
        self.targets = [(f"y:{name}", jax.ShapeDtypeStruct((batch, *np.shape(a)[1:]), self.target_dtype(a)))
                        for name, a in zip(traced.output_names(), keras.tree.flatten(y), strict=True)]
        self.weight = jax.ShapeDtypeStruct((batch,), "float32")
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

    def parameters(self, function):
        given = [*self.traced.inputs, *self.targets, ("sample_weight", self.weight)]
        values = [function.parameter(name, str(t.dtype), t.shape) for name, t in given]
        n = len(self.traced.inputs)
        return values[:n], values[n:-1], values[-1]

    def step(self, name, training):
        function, model, traced = Function(self.module, name), self.model, self.traced
        inputs, targets, weight = self.parameters(function)
        pack = lambda structure, flat: keras.tree.pack_sequence_as(structure, list(flat))

        def forward(trainable, rest, slots, sums, x, y, weight):
            x, y = pack(traced.structure, x), pack(self.y, y)
            scaled, (loss, outputs, rest, sums) = model.compute_loss_and_updates(
                trainable, rest, sums, x, y, weight, training=training, optimizer_variables=slots)
            _, sums = model._update_metrics_variables(sums, loss, x, y, outputs, weight)
            return scaled, loss, rest, sums
        values = traced.lower(function, forward, traced.trainable, traced.rest, self.slots, self.sums, inputs, targets,
                              weight, differentiates=training)
        scaled, loss, new = values[0], values[1], values[2:]
        if training:
            trained = traced.trainable
            gradients = function.many("gradient", [function.whole(scaled), *trained], {},
                                      [(v.dtype, v.shape) for v in trained])
            updated = traced.lower(function, model.optimizer.stateless_apply, self.slots, gradients, trained)
            for variable, value in zip([*trained, *self.slots], updated, strict=True):
                function.update(variable, value)
        changed = [*traced.rest, *self.sums]
        for variable, value in zip(changed, new, strict=True):
            if training or variable in self.sums:
                function.update(variable, value)
        function.result("loss", loss)

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

    def initialize(self):
        """Begins again where the model was when it was exported."""
        function = Function(self.module, "initialize")
        function.parameter("seed", "uint32", (2,))
        for variable in [*self.traced.trainable, *self.traced.rest, *self.slots]:
            function.update(variable, function.constant(self.module.data[variable.name]))
