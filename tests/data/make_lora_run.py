#!/usr/bin/env python3
"""Makes lora/: a training run of layers with low-rank adapters, in the form of tests/golden/training, and the adapters at its beginning.

    KERAS_BACKEND=jax python make_lora_run.py        needs Keras 3.15 and jax
"""
import json
import os

import keras
import numpy as np
from keras import layers

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lora")
SAMPLES, BATCH, EPOCHS = 24, 8, 2


def model():
    keras.backend.clear_session()
    tokens = keras.Input((3,), name="tokens", dtype="int32")
    embedding = layers.Embedding(9, 4, name="embedding")
    mixed = layers.EinsumDense("abc,cd->abd", (3, 5), bias_axes="d", name="mixed", activation="tanh")
    hidden = layers.Dense(4, name="hidden", kernel_regularizer="l2")
    made = keras.Model(tokens, layers.Dense(2, name="out")(hidden(layers.Flatten()(mixed(embedding(tokens))))))
    embedding.enable_lora(2)
    mixed.enable_lora(2, lora_alpha=3)
    hidden.enable_lora(1)
    made.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse", metrics=["mae"])
    return made


def logged(logs):
    return {name: float(value) for name, value in logs.items()}


def save(name, arrays):
    np.savez_compressed(os.path.join(FOLDER, name), **arrays)


keras.utils.set_random_seed(5)
rng = np.random.Generator(np.random.PCG64(5))
x = rng.integers(0, 9, (SAMPLES, 3)).astype("int32")
y = np.stack([np.sin(x[:, 0]), x[:, 1] / 4.0 - 1], axis=1).astype("float32")
os.makedirs(FOLDER, exist_ok=True)
trained = model()
start = trained.get_weights()
trained.save(os.path.join(FOLDER, "model.keras"))
save("adapters.npz", {w.path: np.asarray(w) for w in trained.weights if "lora" in w.path})


def evaluated():
    return logged(trained.evaluate(x, y, batch_size=BATCH, verbose=0, return_dict=True))


before = evaluated()
history = trained.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
again = model()
again.set_weights(start)
losses = []
for _ in range(EPOCHS):
    for first in range(0, SAMPLES, BATCH):
        again.reset_metrics()
        rows = slice(first, first + BATCH)
        losses.append(float(again.train_on_batch(x[rows], y[rows], return_dict=True)["loss"]))
save("data.npz", {"x:tokens": x, "y:out": y})
save("final_weights.npz", {w.path: np.asarray(w) for w in trained.weights})
save("final_outputs.npz", {"out": trained.predict(x[:8], verbose=0)})
with open(os.path.join(FOLDER, "trajectory.json"), "w", encoding="utf-8") as file:
    json.dump({"evaluate_before": before, "step_loss": losses, "evaluate_after": evaluated(),
               "epochs": [logged({k: v[e] for k, v in history.history.items()}) for e in range(EPOCHS)]}, file, indent=1)
with open(os.path.join(FOLDER, "case.json"), "w", encoding="utf-8") as file:
    json.dump({"name": "lora", "suite": "training", "expect": "match", "keras_version": keras.__version__, "backend": "jax",
               "tolerance": {"loss_rtol": 2e-4, "loss_atol": 1e-6, "weights_atol": 2e-4}, "batch_size": BATCH, "epochs": EPOCHS,
               "shuffle": False, "class_weight": None, "validation_split": 0.0, "ignore_weights": [], "samples": SAMPLES,
               "train_samples": SAMPLES}, file, indent=1)
trained.save(os.path.join(FOLDER, "saved.keras"))
