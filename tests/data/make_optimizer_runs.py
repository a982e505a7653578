#!/usr/bin/env python3
"""Makes optimizer_runs.json: what Keras's optimizers do to variables of several ranks, with arguments drawn at random.

    KERAS_BACKEND=jax python make_optimizer_runs.py        needs Keras 3.15 and jax

Each row is an optimizer's class and config with the variables after the first and the last step, the optimizer's variables then,
and what finalize_variable_values makes of the variables. tests/frontend/optimizers_test.cpp does the same steps.
"""
import json
import os
import random

import keras
import numpy as np
from keras import constraints, optimizers
from keras.optimizers import schedules

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS, ROWS = 7, 10
SHAPES = {
    "dense/bias": (3,), "dense/kernel": (2, 3), "output/kernel": (4, 2), "embedding/embeddings": (3, 2),
    "conv1d/kernel": (2, 2, 2), "conv2d/kernel": (2, 1, 2, 2),
}
RNG = np.random.Generator(np.random.PCG64(11))

RATES = [0.01, 0.1, schedules.ExponentialDecay(0.1, 3, 0.5), schedules.PiecewiseConstantDecay([2, 4], [0.1, 0.05, 0.02])]
COMMON = {
    "learning_rate": RATES,
    "weight_decay": [None, None, 0.1],
    "use_ema": [False, False, True],
    "ema_momentum": [0.5, 0.9],
    "ema_overwrite_frequency": [None, 2, 3],
    "loss_scale_factor": [None, 8.0],
    "gradient_accumulation_steps": [None, None, 2, 3],
}
BETAS = {"beta_1": [0.9, 0.5], "beta_2": [0.999, 0.8], "epsilon": [1e-7, 1e-3]}
OWN = {
    "SGD": {"momentum": [0.0, 0.9], "nesterov": [False, True]},
    "RMSprop": {"rho": [0.9, 0.5], "momentum": [0.0, 0.5], "epsilon": [1e-7, 1e-3], "centered": [False, True]},
    "Adam": {**BETAS, "amsgrad": [False, True]},
    "AdamW": {**BETAS, "amsgrad": [False, True], "weight_decay": [0.004, 0.2]},
    "Adadelta": {"rho": [0.95, 0.5], "epsilon": [1e-7, 1e-3]},
    "Adagrad": {"initial_accumulator_value": [0.1, 0.5], "epsilon": [1e-7, 1e-3]},
    "Adamax": BETAS,
    "Adafactor": {"beta_2_decay": [-0.8, -0.5], "epsilon_1": [1e-30, 1e-4], "epsilon_2": [1e-3, 0.5],
                  "clip_threshold": [1.0, 0.3], "relative_step": [True, False]},
    "Nadam": BETAS,
    "Ftrl": {"learning_rate_power": [-0.5, -0.3, 0.0], "initial_accumulator_value": [0.1, 0.5],
             "l1_regularization_strength": [0.0, 0.05], "l2_regularization_strength": [0.0, 0.1],
             "l2_shrinkage_regularization_strength": [0.0, 0.01], "beta": [0.0, 0.2]},
    "Lion": {"beta_1": [0.9, 0.5], "beta_2": [0.99, 0.8]},
    "Lamb": BETAS,
    "Muon": {"adam_beta_1": [0.9, 0.5], "adam_beta_2": [0.999, 0.8], "adam_weight_decay": [None, 0.004, 0.1],
             "weight_decay": [None, 0.004, 0.1], "epsilon": [1e-7, 1e-3],
             "exclude_layers": [None, ["output"], ["^d.*/k", "nothing"]], "exclude_embeddings": [True, False],
             "muon_a": [3.4445, 3.3], "muon_b": [-4.775, -4.9], "muon_c": [2.0315, 2.1],
             "adam_lr_ratio": [1, 0.1], "momentum": [0.95, 0.5], "ns_steps": [5, 2], "nesterov": [True, False],
             "rms_rate": [None, 0.2, 0.5]},
    "ScheduleFreeAdamW": {**BETAS, "epsilon": [1e-8, 1e-3], "warmup_steps": [0, 3]},
}
CLIPS = [{}, {"clipnorm": 0.5}, {"clipvalue": 0.3}, {"global_clipnorm": 0.7}]
CONSTRAINTS = [{}, {}, {"dense/kernel": constraints.MinMaxNorm(0.2, 0.8, 0.5), "dense/bias": constraints.NonNeg()}]


def drawn(domains, rng):
    """A value for every argument."""
    return {name: rng.choice(values) for name, values in domains.items()}


def numbers(array):
    """Shortest decimals that give the same float32."""
    flat = np.asarray(array).ravel()
    if flat.dtype.kind in "iu":
        return [int(v) for v in flat]
    return [float(np.format_float_positional(v, unique=True)) if np.isfinite(v) else str(v) for v in flat]


def row(optimizer, values, gradients, constrained, overflows=()):
    tensors = []
    for name, value in values.items():
        group, own = name.split("/")
        with keras.name_scope(group):
            tensors.append(keras.Variable(value, name=own))
        assert tensors[-1].path == name
        tensors[-1].constraint = constrained.get(name)
    optimizer.build(tensors)
    out = keras.saving.serialize_keras_object(optimizer)
    out = {"class_name": out["class_name"], "config": out["config"]}
    out["constraints"] = {name: keras.saving.serialize_keras_object(c) for name, c in constrained.items()}
    out["overflows"] = list(overflows)
    for step, gradient in enumerate(gradients):
        arrays = [np.array(g) for g in gradient.values()]
        if step in overflows:
            arrays[0][0] = np.inf
        trained, own = optimizer.stateless_apply(
            [v.value for v in optimizer.variables], [keras.ops.convert_to_tensor(g) for g in arrays],
            [v.value for v in tensors])
        for variable, value in zip(tensors + optimizer.variables, list(trained) + list(own)):
            variable.assign(value)
        if step == 0:
            out["first"] = [numbers(v) for v in tensors]
    out["last"] = [numbers(v) for v in tensors]
    out["state"] = [numbers(v) for v in optimizer.variables]
    optimizer.finalize_variable_values(tensors)
    out["finalized"] = [numbers(v) for v in tensors] if [numbers(v) for v in tensors] != out["last"] else []
    return out


def wrapped():
    o = optimizers
    for steps, scale in ((2, 4.0), (3, 1024.0)):
        for inner in (o.SGD(0.1, momentum=0.9), o.Adam(0.1, gradient_accumulation_steps=2, loss_scale_factor=2.0),
                      o.Nadam(0.1, use_ema=True, clipnorm=0.5), o.AdamW(RATES[2]),
                      o.Adafactor(0.1)):
            yield o.LossScaleOptimizer(inner, initial_scale=scale, dynamic_growth_steps=steps), [2, 4][:steps - 1]
    for factor in (None, 4.0):
        for patterns in (["dense/.*", "conv[12]d/kernel"], [".*/kernel"], ["embedding/embeddings", "(dense|output)/\\w+"],
                         ["none"]):
            inner = [o.Adam(0.1, use_ema=True), o.Muon(0.1, gradient_accumulation_steps=2)]
            yield o.MultiOptimizer(
                o.OptimizerMap(o.SGD(0.1, momentum=0.5), dict(zip(patterns, inner))), loss_scale_factor=factor), []


def main():
    values = {name: RNG.standard_normal(shape).astype("float32") for name, shape in SHAPES.items()}
    gradients = [{name: RNG.standard_normal(shape).astype("float32") for name, shape in SHAPES.items()}
                 for _ in range(STEPS)]
    gradients[3]["dense/kernel"][:] = 0
    rows = []
    for class_name, own in OWN.items():
        rng = random.Random(class_name)
        seen = {}
        for number in range(ROWS):
            arguments = drawn({**COMMON, **own}, rng)
            for name, value in arguments.items():
                seen.setdefault(name, set()).add(str(value))
            arguments.update(CLIPS[number % len(CLIPS)])
            optimizer = getattr(optimizers, class_name)(**arguments)
            rows.append(row(optimizer, values, gradients, CONSTRAINTS[number % len(CONSTRAINTS)]))
        missing = [name for name in seen if len(seen[name]) < 2]
        assert not missing, (class_name, missing)
    for optimizer, overflows in wrapped():
        rows.append(row(optimizer, values, gradients, CONSTRAINTS[len(rows) % 3], overflows))
    shared = {"variables": {name: {"shape": v.shape, "value": numbers(v)} for name, v in values.items()},
              "gradients": [[numbers(g) for g in step.values()] for step in gradients]}
    with open(os.path.join(HERE, "optimizer_runs.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(shared)[:-1] + ', "rows": [\n' + ",\n".join(json.dumps(r) for r in rows) + "\n]}\n")
    print(len(rows), "rows")


if __name__ == "__main__":
    main()
