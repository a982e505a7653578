#!/usr/bin/env python3
"""Writes tests/data/weights: a model as text (model.json), its weights in the two forms that Keras saves them alone in, and what it
computes.

    KERAS_BACKEND=jax python make_weights.py        needs Keras 3.15 and h5py
"""
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")
import h5py
import keras
import numpy as np
from keras import layers as L
from keras.src.legacy.saving import legacy_h5_format

OUT = pathlib.Path(__file__).parent / "weights"

draw = np.random.default_rng(1)
inner = keras.Sequential([L.Input((8, 4)), L.Conv1D(5, 3), L.BatchNormalization()], name="inner")
x = L.Input((8, 4), name="x")
model = keras.Model(x, L.Dense(2, name="y")(L.GRU(3)(inner(x))), name="model")
for weight in model.weights:
    weight.assign(draw.uniform(0.1, 0.9, weight.shape))
OUT.mkdir(exist_ok=True)
(OUT / "model.json").write_text(model.to_json())
model.save_weights(OUT / "keras3.weights.h5")
with h5py.File(OUT / "keras2.h5", "w") as file:
    legacy_h5_format.save_weights_to_hdf5_group(file, model)
given = draw.normal(size=(3, 8, 4)).astype("float32")
np.savez_compressed(OUT / "inputs.npz", x=given)
np.savez_compressed(OUT / "outputs.npz", y=np.asarray(model(given)))
