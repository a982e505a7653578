#!/usr/bin/env python3
"""Makes golden training runs in which the order of what a step does matters: tests/golden/training/NAME of those below.

    KERAS_BACKEND=jax python make_training_runs.py [NAME]        needs Keras 3.15 and jax
"""
import json
import os
import sys

import keras
import numpy as np
from keras import constraints, initializers, layers, optimizers, regularizers
from keras.optimizers import schedules

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden", "training")
SAMPLES, BATCH, EPOCHS = 56, 8, 2


def model(name, optimizer, warm_steps=0):
    """Tokens, a convolution and two dense layers, with constraints and penalties; two outputs."""
    tokens = keras.Input((6,), name="tokens", dtype="int32")
    x = layers.Embedding(9, 4, name="embedding", embeddings_constraint=constraints.UnitNorm(axis=1))(tokens)
    x = layers.Conv1D(3, 2, name="conv", activation="tanh", kernel_constraint=constraints.MaxNorm(0.7, axis=[0, 1]),
                      kernel_regularizer=regularizers.L1L2(0.01, 0.02))(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(4, name="hidden", activation="tanh", activity_regularizer="l2",
                     kernel_regularizer=regularizers.OrthogonalRegularizer(0.1, "columns"),
                     kernel_constraint=constraints.MinMaxNorm(0.5, 1.0, 0.6), bias_constraint="non_neg",
                     bias_initializer=initializers.Constant(0.1))(x)
    one = layers.Dense(1, name="one")(x)
    many = layers.Dense(3, name="many", activation="softmax")(x)
    made = keras.Model(tokens, [one, many], name=name)
    made.compile(optimizer=optimizer, loss=["mse", "sparse_categorical_crossentropy"], loss_weights=[0.5, 2.0],
                 metrics=[["mae"], []], weighted_metrics=[[], ["accuracy"]])
    return made, warm_steps


def half(name):
    """Of layers that compute in float16."""
    tokens = keras.Input((6,), name="tokens", dtype="int32")
    x = layers.Flatten(name="flatten")(layers.Embedding(9, 4, name="embedding")(tokens))
    x = layers.Dense(8, name="hidden", activation="tanh")(x)
    one = layers.Dense(1, name="one", dtype="float32")(x)
    many = layers.Dense(3, name="many", activation="softmax", dtype="float32")(x)
    return keras.Model(tokens, [one, many], name=name)


def half_scaled(name):
    """At first the scaled gradients overflow, and do so again when the scale has grown."""
    keras.config.set_dtype_policy("mixed_float16")
    made = half(name)
    keras.config.set_dtype_policy("float32")
    made.compile(O.LossScaleOptimizer(O.Adam(0.02), initial_scale=1.5 * 2.0 ** 20, dynamic_growth_steps=3),
                 loss=["mse", "sparse_categorical_crossentropy"], metrics=[["mae"], []], weighted_metrics=[[], ["accuracy"]])
    return made, 0


def half_scaled_by_compile(name):
    """The file does not name the optimizer that scales the loss; the weights of losses make for overflows."""
    made = half(name)
    made.compile(O.Adam(0.02), loss=["mse", "sparse_categorical_crossentropy"], loss_weights=[2.0, 8.0],
                 metrics=[["mae"], []], weighted_metrics=[[], ["accuracy"]])
    return made, 3


O = optimizers
RUNS = {
    "mixed_float16": half_scaled,
    "mixed_float16_by_policy": half_scaled_by_compile,
    "averages_of_constrained_weights": lambda name: model(name, O.SGD(
        schedules.CosineDecay(0.05, 9, warmup_target=0.2, warmup_steps=3), momentum=0.9, nesterov=True, clipnorm=0.5,
        weight_decay=0.05, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=2, gradient_accumulation_steps=3)),
    "resume_muon": lambda name: model(name, O.Muon(
        0.05, exclude_layers=["^one/"], global_clipnorm=1.0, use_ema=True, loss_scale_factor=4.0), warm_steps=3),
    "resume_schedule_free": lambda name: model(name, O.ScheduleFreeAdamW(
        0.05, warmup_steps=4, weight_decay=0.1, gradient_accumulation_steps=2), warm_steps=3),
    "several_optimizers": lambda name: model(name, O.MultiOptimizer(O.OptimizerMap(
        O.Nadam(0.02), {"(conv|one)/.*": O.Lion(0.01, weight_decay=0.1), "embedding/.*": O.Adagrad(0.1, use_ema=True)}),
        loss_scale_factor=2.0), warm_steps=2),
}


# Half floats are rounded in other places.
OF_HALF_FLOATS = {"loss_rtol": 5e-3, "loss_atol": 1e-4, "weights_atol": 5e-3}
TOLERANCES = {"mixed_float16": OF_HALF_FLOATS, "mixed_float16_by_policy": OF_HALF_FLOATS}
# The policies of models that are made, loaded and trained under one.
POLICIES = {"mixed_float16_by_policy": "mixed_float16"}


def logged(logs):
    return {name: float(value) for name, value in logs.items()}


def write(name, make):
    keras.backend.clear_session()
    keras.config.set_dtype_policy(POLICIES.get(name, "float32"))
    keras.utils.set_random_seed(7)
    rng = np.random.Generator(np.random.PCG64(len(name)))
    x = rng.integers(0, 9, (SAMPLES, 6)).astype("int32")
    y = [np.tanh(x[:, :1] - 4.0).astype("float32"), (x[:, 1] % 3).astype("int32")]
    weight = rng.uniform(0.2, 2.0, SAMPLES).astype("float32")
    weights = [weight, weight]
    trained, warm_steps = make(name)
    for step in range(warm_steps):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        trained.train_on_batch(x[rows], [v[rows] for v in y], sample_weight=[v[rows] for v in weights])
    folder = os.path.join(GOLDEN, name)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.keras")
    trained.save(path)

    def evaluated(of):
        return logged(of.evaluate(x, y, sample_weight=weights, batch_size=BATCH, verbose=0, return_dict=True))

    # What is in the file counts, not what led to it.
    trained = keras.models.load_model(path)
    before = evaluated(trained)
    history = trained.fit(x, y, sample_weight=weights, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    again = keras.models.load_model(path)
    losses = []
    for _ in range(EPOCHS):
        for first in range(0, SAMPLES, BATCH):
            rows = slice(first, first + BATCH)
            again.reset_metrics()
            losses.append(float(again.train_on_batch(
                x[rows], [v[rows] for v in y], sample_weight=[v[rows] for v in weights], return_dict=True)["loss"]))
    epochs = [logged({k: v[e] for k, v in history.history.items()}) for e in range(EPOCHS)]
    np.savez(os.path.join(folder, "data.npz"), **{"x:tokens": x, "y:one": y[0], "y:many": y[1],
                                                  "sample_weight": weight})
    np.savez(os.path.join(folder, "final_weights.npz"), **{v.path: np.asarray(v) for v in trained.weights})
    outputs = trained.predict(x[:8], verbose=0)
    np.savez(os.path.join(folder, "final_outputs.npz"), **dict(zip(["one", "many"], outputs)))
    with open(os.path.join(folder, "trajectory.json"), "w", encoding="utf-8") as file:
        json.dump({"evaluate_before": before, "step_loss": losses, "epochs": epochs, "evaluate_after": evaluated(trained)},
                  file, indent=1)
    with open(os.path.join(folder, "case.json"), "w", encoding="utf-8") as file:
        json.dump({"name": name, "suite": "training", "expect": "match", "keras_version": keras.__version__,
                   "backend": "jax", "tolerance": TOLERANCES.get(name, {
                       "loss_rtol": 2e-4, "loss_atol": 1e-6, "weights_atol": 2e-4}),
                   "batch_size": BATCH, "epochs": EPOCHS, "shuffle": False, "class_weight": None, "validation_split": 0.0,
                   "ignore_weights": [], "samples": SAMPLES, "train_samples": SAMPLES}, file, indent=1)


def main():
    for name, make in RUNS.items():
        if len(sys.argv) < 2 or sys.argv[1] == name:
            write(name, make)


if __name__ == "__main__":
    main()
