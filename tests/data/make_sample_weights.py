#!/usr/bin/env python3
"""Makes sample_weights: a golden training run with weights for the steps of one output and for the samples of another.

    KERAS_BACKEND=jax python make_sample_weights.py        needs Keras 3.15 and jax

tests/tools/trainer_test.cpp trains the same with --sample-weight-mode.
"""
import json
import os

import keras
import numpy as np
from keras import layers

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sample_weights")
SAMPLES, STEPS, BATCH, EPOCHS = 40, 5, 8, 2


def model():
    tokens = keras.Input((STEPS,), name="tokens", dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(tokens)
    x = layers.GRU(5, return_sequences=True)(x)
    steps = layers.Dense(3, name="steps", activation="softmax")(x)
    whole = layers.Dense(1, name="whole")(layers.GlobalAveragePooling1D()(x))
    made = keras.Model(tokens, [steps, whole], name="model")
    made.compile(keras.optimizers.SGD(0.2, momentum=0.5), ["sparse_categorical_crossentropy", "mse"],
                 weighted_metrics=[["accuracy", "sparse_categorical_crossentropy"], ["mae"]])
    return made


def main():
    keras.utils.set_random_seed(7)
    rng = np.random.Generator(np.random.PCG64(5))
    x = rng.integers(0, 9, (SAMPLES, STEPS)).astype("int32")
    x[:, 0] = np.maximum(x[:, 0], 1)
    y = [(x % 3).astype("int32"), np.tanh(x.mean(1, keepdims=True) - 4.0).astype("float32")]
    weights = [rng.uniform(0, 2, (SAMPLES, STEPS)).round(2).astype("float32"),
               rng.uniform(0, 2, SAMPLES).round(2).astype("float32")]
    os.makedirs(FOLDER, exist_ok=True)
    trained = model()
    trained.save(os.path.join(FOLDER, "model.keras"))
    history = trained.fit(x, y, sample_weight=weights, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0).history
    evaluated = trained.evaluate(x, y, sample_weight=weights, batch_size=BATCH, verbose=0, return_dict=True)
    np.savez_compressed(os.path.join(FOLDER, "data.npz"), **{
        "x:tokens": x, "y:steps": y[0], "y:whole": y[1], "sample_weight:steps": weights[0], "sample_weight:whole": weights[1]})
    np.savez_compressed(os.path.join(FOLDER, "final_weights.npz"), **{v.path: np.asarray(v) for v in trained.weights})
    logged = lambda logs: {name: float(value) for name, value in logs.items()}
    with open(os.path.join(FOLDER, "trajectory.json"), "w", encoding="utf-8") as file:
        json.dump({"epochs": [logged({k: v[e] for k, v in history.items()}) for e in range(EPOCHS)],
                   "evaluate_after": logged(evaluated)}, file, indent=1)
    with open(os.path.join(FOLDER, "case.json"), "w", encoding="utf-8") as file:
        json.dump({"name": "sample_weights", "tolerance": {"loss_rtol": 2e-4, "loss_atol": 1e-6, "weights_atol": 2e-4},
                   "batch_size": BATCH, "epochs": EPOCHS, "ignore_weights": []}, file, indent=1)


if __name__ == "__main__":
    main()
