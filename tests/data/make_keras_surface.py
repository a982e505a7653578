#!/usr/bin/env python3
"""Writes keras_surface.json: all public classes of Keras with the arguments of their constructors, and all functions of keras.ops
with the class of node that a call of them leaves in a functional model.

    KERAS_BACKEND=jax python make_keras_surface.py        needs Keras 3.16
"""
import ast
import inspect
import json
import os
import pathlib
import re

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras

HERE = pathlib.Path(__file__).parent
BASE_ARGUMENTS = {"self", "kwargs", "args", "name", "dtype", "trainable", "seed"}


def arguments_of(cls):
    """Names in the order of the signature, those that all classes take left out."""
    return [name for name in inspect.signature(cls.__init__).parameters if name not in BASE_ARGUMENTS]


def names_of(function):
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def classes_of(module, base):
    """Each class once: by its own name if that is public."""
    found = {}
    for name in sorted(dir(module)):
        member = getattr(module, name)
        if inspect.isclass(member) and issubclass(member, base):
            found.setdefault(member, name)
            if member.__name__ == name:
                found[member] = name
    return {name: arguments_of(cls) for cls, name in sorted(found.items(), key=lambda item: item[1])}


def node_of(function):
    """The class of operations that the function, or the one that it only calls, makes; None if it makes none."""
    known = function.__globals__
    definition = ast.parse(inspect.getsource(function)).body[0]
    called = [known.get(node.func.id) for node in ast.walk(definition)
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    made = [member.__name__ for member in called if inspect.isclass(member) and issubclass(member, keras.Operation)]
    if made:
        return made[0]
    is_alias = len(definition.body) == 2 and isinstance(definition.body[1], ast.Return)  # behind the docstring
    return node_of(called[-1]) if is_alias and called and inspect.isfunction(called[-1]) else None


def ops_of(module, prefix=""):
    return {prefix + name: {"class": node_of(member), "arguments": names_of(member)}
            for name, member in sorted(vars(module).items())
            if inspect.isfunction(member) and not name.startswith("_")}


def main():
    layer = keras.layers.Layer
    surface = {
        "keras": keras.__version__,
        "layers": classes_of(keras.layers, layer),
        "losses": classes_of(keras.losses, keras.losses.Loss),
        "metrics": classes_of(keras.metrics, keras.metrics.Metric),
        "optimizers": classes_of(keras.optimizers, keras.optimizers.Optimizer),
        "schedules": classes_of(keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule),
        "initializers": classes_of(keras.initializers, keras.initializers.Initializer),
        "regularizers": classes_of(keras.regularizers, keras.regularizers.Regularizer),
        "constraints": classes_of(keras.constraints, keras.constraints.Constraint),
        "activations": sorted(name for name in dir(keras.activations)
                              if inspect.isfunction(getattr(keras.activations, name))
                              and name not in ("get", "serialize", "deserialize")),
        "applications": sorted(name for name in dir(keras.applications)
                               if inspect.isfunction(getattr(keras.applications, name))),
        "ops": ops_of(keras.ops) | ops_of(keras.ops.image, "image.") | ops_of(keras.ops.linalg, "linalg."),
    }
    (HERE / "keras_surface.json").write_text(re.sub(r"\n {3,}|\n {2}(?=[\]}])", " ", json.dumps(surface, indent=1)) + "\n")


if __name__ == "__main__":
    main()
