#!/usr/bin/env python3
"""Makes accuracy/: models for the data sets of data/, and how well real Keras trains them.

    KERAS_BACKEND=jax python make_accuracy.py [NAME...]        needs Keras 3.15 and jax; all take ten minutes

tests/tools/accuracy_test.cpp trains the same with trainers, with other seeds, and expects what Keras reached: the mean within the spread. The last
fifth of each set is held out. Digits of MNIST: bench/reference_accuracy.py.
"""
import json
import os
import sys

import keras
import numpy as np
from keras import layers as L

HERE = os.path.dirname(os.path.abspath(__file__))
RUNS = 12
DATA, FOLDER = os.path.join(HERE, "..", "..", "data"), os.path.join(HERE, "accuracy")


def normalized(x):
    """Statistics of the part that is trained on."""
    layer = L.Normalization()
    layer.adapt(x[: int(len(x) * 0.8)].astype("float32"))
    return layer


def tabular(x, classes, width=16):
    return keras.Sequential([keras.Input(x.shape[1:]), normalized(x), L.Dense(width, "relu"), L.Dense(classes, "softmax")])


# name: (data, model, loss, metric, epochs, learning rate, seeds of the test)
CASES = {
    "digits": ("digits", lambda x: keras.Sequential([
        keras.Input((64,)), L.Rescaling(1 / 16), L.Dense(32, "relu"), L.Dense(10, "softmax")]), "classes", 15, 0.003, 5),
    "iris": ("iris", lambda x: tabular(x, 3), "classes", 40, 0.01, 5),
    "wine": ("wine", lambda x: tabular(x, 3), "classes", 30, 0.01, 5),
    "breast_cancer": ("breast_cancer", lambda x: tabular(x, 2), "classes", 20, 0.01, 5),
    "diabetes": ("diabetes", lambda x: keras.Sequential([
        keras.Input((10,)), normalized(x), L.Dense(16, "relu"), L.Dense(1)]), "value", 60, 0.02, 5),
    "sunspots": ("sunspots", lambda x: keras.Sequential([
        keras.Input((24, 1)), L.LSTM(16), L.Dense(1)]), "value", 40, 0.01, 5),
    "co2": ("co2", lambda x: keras.Sequential([
        keras.Input((52, 1)), L.Conv1D(8, 5, strides=2, activation="relu"), L.GRU(8), L.Dense(1)]), "value", 30, 0.01, 5),
    "names": ("names_gender", lambda x: keras.Sequential([
        keras.Input((11,)), L.Embedding(27, 16, mask_zero=True), L.GRU(24), L.Dense(1, "sigmoid")]), "binary", 6, 0.003, 3),
}
TARGETS = {"classes": ("sparse_categorical_crossentropy", "accuracy"), "binary": ("binary_crossentropy", "accuracy"), "value": ("mse", "mae")}


def windows(series, length, ahead, stride):
    """What comes `ahead` steps after each window, both standardized."""
    series = (series - series.mean()) / series.std()
    starts = range(0, len(series) - length - ahead, stride)
    x = np.stack([series[i: i + length] for i in starts])[..., None]
    y = np.array([series[i + length + ahead - 1] for i in starts])
    return x.astype("float32").round(4), y.astype("float32").round(4)


def make_series():
    """sunspots.npz and co2.npz, windows of data/series.npz; they are shuffled, so that what is held out is of all times."""
    raw = np.load(os.path.join(DATA, "series.npz"))
    co2 = raw["co2_weekly"].astype("float64")
    gaps = np.isnan(co2)
    co2[gaps] = np.interp(np.flatnonzero(gaps), np.flatnonzero(~gaps), co2[~gaps])
    for name, series, length, ahead, stride in (("sunspots", raw["sunspots"].astype("float64"), 24, 1, 1), ("co2", co2, 52, 4, 5)):
        x, y = windows(series, length, ahead, stride)
        order = np.random.Generator(np.random.PCG64(1)).permutation(len(x))
        np.savez_compressed(os.path.join(FOLDER, f"{name}.npz"), x=x[order], y=y[order])


def data_path(name):
    own = os.path.join(FOLDER, f"{name}.npz")
    return own if os.path.exists(own) else os.path.join(DATA, f"{name}.npz")


def main():
    os.makedirs(FOLDER, exist_ok=True)
    make_series()
    path = os.path.join(FOLDER, "reference.json")
    reference = json.load(open(path)) if os.path.exists(path) else {}
    for name in sys.argv[1:] or CASES:
        data, make, target, epochs, rate, seeds = CASES[name]
        arrays = np.load(data_path(data))
        x, y = arrays["x"], arrays["y"]
        loss, metric = TARGETS[target]
        results, losses = [], []
        for seed in range(RUNS):
            keras.utils.set_random_seed(seed)
            model = make(x)
            model.compile(keras.optimizers.Adam(rate), loss, metrics=[metric])
            if seed == 0:
                model.save(os.path.join(FOLDER, f"{name}.keras"))
            history = model.fit(x, y, batch_size=32, epochs=epochs, validation_split=0.2, verbose=0).history
            results.append(history[f"val_{metric}"][-1])
            losses.append(history["loss"][-1])
        reference[name] = {"data": data, "metric": f"val_{metric}", "epochs": epochs, "seeds": seeds, "runs": len(results),
                           "mean": float(np.mean(results)), "sd": float(np.std(results, ddof=1)), "loss": float(np.mean(losses)),
                           "loss_sd": float(np.std(losses, ddof=1))}
        print(name, reference[name], flush=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(reference, file, indent=1)


if __name__ == "__main__":
    main()
