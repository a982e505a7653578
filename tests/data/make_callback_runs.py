#!/usr/bin/env python3
"""Makes callbacks/: what real Keras's fit does with callbacks and with its rarer arguments.

    KERAS_BACKEND=jax python make_callback_runs.py         needs Keras 3.15 and jax

tests/tools/callbacks_test.cpp gives a trainer the same as options, and compares histories and weights. The models are small, and so
badly set up that callbacks have something to do.
"""
import json
import os

import keras
import numpy as np
from keras import callbacks, layers

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "callbacks")
ROWS, FEATURES, BATCH = 60, 6, 8


def model(optimizer):
    made = keras.Sequential([keras.Input((FEATURES,), name="x"), layers.Dense(5, activation="tanh", name="hidden"),
                             layers.Dense(1, name="y")], name="model")
    made.compile(optimizer, "mse", metrics=["mae", keras.metrics.R2Score(name="r2")])
    return made


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.2, momentum=0.5),
    "averaged": lambda: keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.8),
    "scheduled": lambda: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.7)),
}
SPLIT = {"validation_split": 0.25}
# name: optimizer, arguments of fit, callbacks, the options of the trainer that mean the same
CASES = {
    "early_stopping": ("sgd", {"epochs": 40, **SPLIT}, lambda: [callbacks.EarlyStopping(patience=3, min_delta=1e-3)],
                       "--early-stopping patience=3 min_delta=0.001"),
    "best_weights": ("sgd", {"epochs": 40, **SPLIT},
                     lambda: [callbacks.EarlyStopping("val_r2", patience=4, restore_best_weights=True, start_from_epoch=2)],
                     "--early-stopping monitor=val_r2 patience=4 restore_best_weights start_from_epoch=2"),
    "best_weights_to_the_end": ("sgd", {"epochs": 7, **SPLIT},
                                lambda: [callbacks.EarlyStopping("val_mae", patience=40, restore_best_weights=True)],
                                "--early-stopping monitor=val_mae patience=40 restore_best_weights=true"),
    "baseline": ("sgd", {"epochs": 20}, lambda: [callbacks.EarlyStopping("loss", patience=5, baseline=0.001)],
                 "--early-stopping monitor=loss patience=5 baseline=0.001"),
    "plateau": ("sgd", {"epochs": 30, **SPLIT},
                lambda: [callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.01)],
                "--reduce-lr-on-plateau factor=0.5 patience=2 cooldown=1 min_lr=0.01"),
    "plateau_of_r2": ("averaged", {"epochs": 20},
                      lambda: [callbacks.ReduceLROnPlateau("r2", patience=1, mode="max", min_delta=0.02)],
                      "--reduce-lr-on-plateau monitor=r2 patience=1 mode=max min_delta=0.02"),
    "scheduler": ("sgd", {"epochs": 5}, lambda: [callbacks.LearningRateScheduler(lambda e, r: 0.1 if e < 2 else 0.03 if e < 4 else 0.001)],
                  "--learning-rate-scheduler 1:0.1 3:0.03 5:0.001"),
    "rates_of_a_schedule": ("scheduled", {"epochs": 4}, lambda: [LogRate()], "--learning-rate-scheduler model"),
    "averages_judged": ("averaged", {"epochs": 4, **SPLIT}, lambda: [callbacks.SwapEMAWeights()], "--swap-ema-weights"),
    "averages_kept": ("averaged", {"epochs": 3, **SPLIT}, lambda: [callbacks.SwapEMAWeights(swap_on_epoch=True)],
                      "--swap-ema-weights swap_on_epoch"),
    # Keras leaves the weights of the last step there.
    "averages_stopped": ("averaged", {"epochs": 30, **SPLIT},
                         lambda: [callbacks.SwapEMAWeights(swap_on_epoch=True), callbacks.EarlyStopping(patience=1, min_delta=0.05)],
                         "--swap-ema-weights swap_on_epoch --early-stopping patience=1 min_delta=0.05"),
    "averages": ("averaged", {"epochs": 3, **SPLIT}, lambda: [], ""),
    "several": ("sgd", {"epochs": 30, **SPLIT},
                lambda: [callbacks.EarlyStopping("mae", patience=6, min_delta=1e-3), callbacks.ReduceLROnPlateau("loss", 0.3, 2)],
                "--early-stopping monitor=mae patience=6 min_delta=0.001 --reduce-lr-on-plateau monitor=loss factor=0.3 patience=2"),
    "some_validations": ("sgd", {"epochs": 7, "initial_epoch": 2, "validation_freq": 3, "validation_steps": 2, "validation_batch_size": 4,
                                 **SPLIT}, lambda: [],
                         "--initial-epoch 2 --validation-freq 3 --validation-steps 2 --validation-batch-size 4"),
    "some_steps": ("sgd", {"epochs": 5, "steps_per_epoch": 3}, lambda: [], "--steps-per-epoch 3"),
    "more_steps": ("sgd", {"epochs": 3, "steps_per_epoch": 11}, lambda: [], "--steps-per-epoch 11"),
}


class LogRate(callbacks.Callback):
    """What LearningRateScheduler logs, for optimizers whose rate cannot be set."""

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def main():
    rng = np.random.Generator(np.random.PCG64(3))
    x = rng.normal(size=(ROWS, FEATURES)).astype("float32").round(3)
    y = (np.sin(x[:, :1] * 2) + 0.3 * x[:, 1:2] + rng.normal(0, 0.3, (ROWS, 1))).astype("float32").round(3)
    os.makedirs(FOLDER, exist_ok=True)
    np.savez_compressed(os.path.join(FOLDER, "data.npz"), x=x, y=y)
    for name, optimizer in OPTIMIZERS.items():
        keras.utils.set_random_seed(11)
        model(optimizer()).save(os.path.join(FOLDER, f"{name}.keras"))
    runs = {}
    for name, (optimizer, arguments, make, options) in CASES.items():
        trained = keras.models.load_model(os.path.join(FOLDER, f"{optimizer}.keras"))
        history = trained.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=make(), **arguments).history
        options += f" --epochs {arguments['epochs']}" + (" --validation-split 0.25" if "validation_split" in arguments else "")
        runs[name] = {"model": optimizer, "options": options.strip(), "history": {k: [float(n) for n in v] for k, v in history.items()},
                      "weights": {v.path: np.asarray(v, "float64").ravel().round(7).tolist() for v in trained.weights}}
        print(name, len(history["loss"]), "epochs")
    with open(os.path.join(FOLDER, "runs.json"), "w", encoding="utf-8") as file:
        json.dump(runs, file, indent=1)


if __name__ == "__main__":
    main()
