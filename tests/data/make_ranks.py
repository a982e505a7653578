"""Makes ranks/: a convolution with BatchNormalization and Dropout, and 50 samples that count differently.

    KERAS_BACKEND=jax python make_ranks.py
"""

import pathlib

import keras
import numpy as np
from keras import layers

FOLDER = pathlib.Path(__file__).parent / "ranks"


def main():
    FOLDER.mkdir(exist_ok=True)
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, use_bias=False, name="conv"),
            layers.BatchNormalization(momentum=0.9, name="norm"),
            layers.ReLU(name="relu"),
            layers.Dropout(0.5, name="dropout"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.01), name="classes"),
        ],
        name="ranks",
    )
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    model.save(FOLDER / "model.keras")
    random = np.random.default_rng(1)
    y = random.integers(0, 3, 50)
    x = random.normal(0, 0.5, (50, 8, 8, 1))
    x[np.arange(50), y, y] += 2
    weight = random.choice([0.5, 1.0, 2.0], 50)
    np.savez(FOLDER / "data.npz", x=x.astype(np.float32), y=y, sample_weight=weight.astype(np.float32))


if __name__ == "__main__":
    main()
