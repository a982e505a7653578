#!/usr/bin/env python3
"""Writes logs/: what the loggers of real Keras write of a small run.

    python make_logs.py        needs keras, jax, tensorflow and tensorboard

train.tfevents, validation.tfevents    of the TensorBoard callback, with metrics of batches and histograms of weights
weights.npz                            what the histograms are of
run.csv                                of CSVLogger, the same run
unvalidated.csv, validated_late.csv    of CSVLogger, told the logs below
"""
import os
import pathlib
import shutil
import tempfile

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np

LOGS = pathlib.Path(__file__).resolve().parent / "logs"


class Weights(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            np.savez(LOGS / "weights.npz", **{weight.path: keras.ops.convert_to_numpy(weight) for weight in self.model.weights})


def record_run(folder):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(2, name="hidden"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(1, name="out"),
        ],
        name="line",
    )
    model.compile(keras.optimizers.Adam(0.05), "mse", metrics=["mae"])
    x = np.random.rand(10, 3).astype("float32")
    board = keras.callbacks.TensorBoard(folder, histogram_freq=2, write_graph=False, update_freq="batch")
    model.fit(
        x,
        x.sum(1, keepdims=True),
        batch_size=4,
        epochs=2,
        validation_split=0.2,
        verbose=0,
        callbacks=[Weights(), board, keras.callbacks.CSVLogger(LOGS / "run.csv")],
    )
    for part in ["train", "validation"]:
        (file,) = (pathlib.Path(folder) / part).iterdir()
        shutil.copy(file, LOGS / f"{part}.tfevents")


def record_csv(name, epochs):
    logger = keras.callbacks.CSVLogger(LOGS / name)
    logger.on_train_begin()
    for epoch, logs in enumerate(epochs):
        logger.on_epoch_end(epoch, logs)
    logger.on_train_end()


LOGS.mkdir(exist_ok=True)
with tempfile.TemporaryDirectory() as folder:
    record_run(folder)
odd = 'a,"b"'
record_csv(
    "unvalidated.csv",
    [
        {"loss": float("nan"), odd: 1e-5, "learning_rate": 1e-4},
        {"loss": float("inf"), odd: 100000.0, "learning_rate": 123456789012345680.0},
        {"loss": -float("inf"), odd: 0.0, "learning_rate": 9007199254740992.0},
    ],
)
record_csv("validated_late.csv", [{"loss": 0.5, "mae": 2.0}, {"loss": 0.25, "mae": 1.0, "val_loss": 0.125, "val_mae": 4.0}])
