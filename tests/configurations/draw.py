#!/usr/bin/env python3
"""Draws configurations of Keras's classes and records what real Keras computes for them.

    KERAS_BACKEND=jax python draw.py [--only TEXT]… [DOMAIN…]      needs Keras 3.15, jax and h5py

Each file domains/NAME.py lists domains (`DOMAINS`, see domain.py); what is drawn from them goes to recorded/NAME.jsonl, a line per
configuration. `--only`, which may be repeated, draws the domains whose name contains TEXT anew, and those that have no lines, and
leaves the others' lines as they are. Everything is seeded by names, so the same domains give the same lines.
"""
import argparse
import importlib.util
import json
import math
import os
import random
import sys
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")
# What is compiled runs once. It rounds as Keras says: halves are rounded each time, and a division is none by a reciprocal.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_allow_excess_precision=false --xla_disable_hlo_passes=algsimp"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import jax
import keras
import numpy as np

from domain import OMIT, Domain
from numbers_by_name import fill

MOST_TRIES = 60  # draws in a row that Keras refuses
MOST_NUMBERS = 600  # in a configuration's outputs: files stay small


def values_of(tensor):
    """Numbers with more digits than are compared; integers and booleans as they are."""
    flat = np.asarray(tensor).reshape(-1)
    if flat.dtype.kind in "biu":
        return [int(v) for v in flat]
    flat = flat.astype(np.float32)
    return [float(f"{v:.6g}") if math.isfinite(v) else str(float(v)) for v in flat]


def dtype_of(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


def projection(name, tensor):
    """One number that all of `tensor` has a part in, and how large the parts are together."""
    flat = np.asarray(tensor).astype(np.float64).reshape(-1)
    parts = flat * fill(f"projection {name}", flat.shape, -1, 1)
    return [float(f"{parts.sum():.9g}"), float(f"{np.abs(parts).sum():.9g}")]


def is_float(tensor):
    return keras.backend.is_float_dtype(dtype_of(tensor))


def leaves(structure):
    return list(keras.tree.flatten(structure))


class Configuration:
    """One model that Keras has built, with the numbers that go into it."""

    def __init__(self, domain, arguments, tensors):
        keras.backend.clear_session(free_memory=False)  # collecting garbage takes longer than a model does
        self.domain = domain
        inputs = []
        for place, spec in enumerate(tensors):
            batch = spec.shape[0] if domain.fixed_batch else None
            inputs.append(keras.Input(spec.shape[1:], batch_size=batch, dtype=spec.dtype, name=f"x{place}"))
        outputs = domain.build(inputs, arguments)
        self.model = keras.Model(inputs, outputs, name="model")
        self.tensors = tensors
        self.arrays = [spec.array(f"x{place}") for place, spec in enumerate(tensors)]
        self.ranges = {}
        for weight in self.model.weights:
            ends = domain.range_of(weight)
            if ends:
                self.ranges[weight.path] = ends
                weight.assign(fill(weight.path, weight.shape, *ends, dtype_of(weight)))

    def record(self):
        """Everything a test needs, as JSON. Raises ValueError if Keras's results cannot be compared with."""
        with_gradients = self.domain.trains and not self.domain.training and self.has_gradients()
        try:  # what is compiled at once is done sooner
            outputs, *trained = jax.jit(self.step, static_argnums=3)(*self.variables(), self.arrays, with_gradients)
        except Exception:  # of many kinds: some layers are computed by TensorFlow, and need the numbers themselves
            outputs, *trained = self.step(*self.variables(), self.arrays, with_gradients)
        if any(getattr(layer, "stateful", False) for layer in self.model.layers):
            # States are no variables of the model, so that only a call as such leaves anything in them.
            self.model(self.arrays, training=self.domain.training)
            _, *trained = self.step(*self.variables(), self.arrays, with_gradients)
        if sum(math.prod(output.shape) for output in outputs) > MOST_NUMBERS:
            raise ValueError("too many numbers")
        line = {"model": slim(keras.saving.serialize_keras_object(self.model))}
        line["inputs"] = [spec.to_json(f"x{place}") for place, spec in enumerate(self.tensors)]
        line["weights"] = {w.path: [dtype_of(w), list(w.shape), *self.ranges[w.path]]
                           for w in self.model.weights if w.path in self.ranges}
        line["outputs"] = [[dtype_of(o), list(o.shape), values_of(o)] for o in outputs]
        if self.domain.tolerance:
            line["tolerance"] = self.domain.tolerance
        if self.domain.training:
            line["training"] = True
        elif with_gradients:
            training = self.projected(*trained)
            if training:
                line["gradients"] = training
        return line

    def variables(self):
        return [v.value for v in self.model.trainable_variables], [v.value for v in self.model.non_trainable_variables]

    def floats(self):
        return [i for i, a in enumerate(self.arrays) if is_float(a)]

    def has_gradients(self):
        return bool(self.model.trainable_variables or self.floats())

    def step(self, trainable, others, arrays, with_gradients):
        """The outputs; with gradients also the loss sum(c * output), what a call in training leaves in variables, and the gradients by
        weights and inputs."""
        model, floats = self.model, self.floats()
        outputs, others = model.stateless_call(trainable, others, arrays, training=self.domain.training)
        outputs = leaves(outputs)
        if not with_gradients:
            return (outputs,)

        def loss_of(trainable, given):
            replaced = list(arrays)
            for i, array in zip(floats, given):
                replaced[i] = array
            outputs, updated, losses = model.stateless_call(trainable, others, replaced, training=True, return_losses=True)
            total = 0.0
            for place, output in enumerate(leaves(outputs)):
                if is_float(output):
                    c = fill(f"cotangent {place}", output.shape, -1, 1)
                    total = total + (output.astype("float32") * c).sum()
            return total + sum(losses), updated

        (loss, updated), (of_weights, of_inputs) = jax.value_and_grad(loss_of, argnums=(0, 1), has_aux=True)(
            trainable, [arrays[i] for i in floats])
        return outputs, loss, updated, of_weights, of_inputs

    def projected(self, loss, updated, of_weights, of_inputs):
        """The numbers of a step in training that are recorded; None if one is not finite."""
        model = self.model
        out = {"loss": float(f"{float(loss):.9g}"), "of": {}, "updates": {}}
        for variable, gradient in zip(model.trainable_variables, of_weights):
            out["of"][variable.path] = projection(variable.path, gradient)
        for i, gradient in zip(self.floats(), of_inputs):
            out["of"][f"x{i}"] = projection(f"x{i}", gradient)
        for variable, value in zip(model.non_trainable_variables, updated):
            if variable.path in self.ranges:
                out["updates"][variable.path] = projection(variable.path, value)
        numbers = [out["loss"]] + [v for pair in [*out["of"].values(), *out["updates"].values()] for v in pair]
        return out if all(math.isfinite(v) for v in numbers) else None


# What goes without saying in a serialized model.
USUAL = [("trainable", True), ("sparse", False), ("ragged", False), ("optional", False), ("module", "keras.layers"),
         ("module", "keras.src.models.functional"),
         ("dtype", {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}})]
# Parts of it that decide nothing about what it computes.
NO_MATTER = {"build_config", "compile_config", "registered_name", "shared_object_id", "seed"}


def matters(key, value):
    if key.endswith(("_constraint", "_regularizer")):
        return value is not None
    return not (key in NO_MATTER or key.endswith("_initializer") or (key, value) in USUAL)


def slim(value):
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return {"class_name": "__keras_tensor__", "config": {"keras_history": value["config"]["keras_history"]}}
    if isinstance(value, dict):
        slimmed = {k: slim(v) for k, v in value.items()}
        return {k: v for k, v in slimmed.items() if matters(k, v)}
    if isinstance(value, (list, tuple)):
        return [slim(v) for v in value]
    return value


class Cycle:
    """Values in random order, each as often as the others."""

    def __init__(self, values, chance):
        self.values, self.chance, self.left = list(values), chance, []

    def next(self):
        if not self.left:
            self.left = list(self.values)
            self.chance.shuffle(self.left)
        return self.left.pop()


def draw_domain(domain, report):
    chance = random.Random(domain.name)
    cycles = {name: Cycle(values, chance) for name, values in domain.arguments.items()}
    tensor_sets = Cycle(domain.tensors, chance) if isinstance(domain.tensors, list) else None
    used = {name: [] for name in cycles}
    lines, texts, wanted = [], set(), max([domain.count] + [len(c.values) for c in cycles.values()])
    tries, last = 0, ""
    while len(lines) < wanted and tries < MOST_TRIES:
        tries += 1
        drawn = {name: cycle.next() for name, cycle in cycles.items()}
        arguments = {name: value for name, value in drawn.items() if value is not OMIT}
        try:
            tensors = tensor_sets.next() if tensor_sets else domain.tensors(arguments)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                line = {"name": f"{domain.name}/{len(lines)}", **Configuration(domain, arguments, tensors).record()}
        except Exception as error:  # Keras says in many ways that arguments do not go together
            last = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:150]
            continue
        text = json.dumps({k: v for k, v in line.items() if k != "name"}, separators=(",", ":"), default=float)
        if text in texts:
            continue
        texts.add(text)
        tries = 0
        lines.append(json.dumps(line, separators=(",", ":"), default=float))
        for name, value in drawn.items():
            if value not in used[name]:
                used[name].append(value)
    few = [name for name, values in used.items() if len(values) < min(2, len(cycles[name].values))]
    if len(lines) < domain.count or few:
        report(f"{domain.name}: {len(lines)} of {wanted} configurations; never varied: {few}; last refusal: {last}")
    return lines


def draw_file(name, only, report):
    spec = importlib.util.spec_from_file_location(name, os.path.join(HERE, "domains", name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = os.path.join(HERE, "recorded", name + ".jsonl")
    lines = {}  # of each domain
    if only and os.path.exists(path):
        for line in open(path):
            lines.setdefault(json.loads(line)["name"].rsplit("/", 1)[0], []).append(line.rstrip("\n"))
    for domain in module.DOMAINS:
        assert isinstance(domain, Domain), domain
        if only and domain.name in lines and not any(text in domain.name for text in only):
            continue
        lines[domain.name] = draw_domain(domain, report)
        with open(path, "w") as file:  # each time: what is interrupted goes on with --only
            file.write("".join(line + "\n" for each in module.DOMAINS for line in lines.get(each.name, [])))
    count = sum(len(lines.get(domain.name, [])) for domain in module.DOMAINS)
    print(f"{name}: {count} configurations of {len(module.DOMAINS)} domains")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domains", nargs="*", help="names of files in domains/; default: all")
    parser.add_argument("--only", action="append", metavar="TEXT", help="draw only domains whose name contains this, and new ones")
    args = parser.parse_args()
    problems = []

    def report(problem):
        problems.append(problem)
        print("incomplete:", problem, file=sys.stderr)

    names = args.domains or sorted(n[:-3] for n in os.listdir(os.path.join(HERE, "domains")) if n.endswith(".py"))
    for name in names:
        draw_file(name, args.only, report)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
