#!/usr/bin/env python3
"""Checks with real Keras the models that keratin_check_models (tests/keras/check_models_main.cpp) made with the C++ API.

    python check_models.py FOLDER [NAME…]        FOLDER: what the program wrote; needs keras, jax, numpy and h5py

Keras loads each model, predicts what the program did, trains for one more epoch and has the same losses, metrics and then
predictions. A file that was loaded and saved again has the same configuration and arrays.
"""
import io
import json
import os
import pathlib
import re
import sys
import traceback
import zipfile

os.environ.setdefault("KERAS_BACKEND", "jax")
import h5py
import keras
import numpy as np

BATCH_SIZE = 8


def arrays(folder, name, kind):
    found = []
    while (path := folder / f"{name}.{kind}{len(found)}.npy").exists():
        found.append(np.load(path))
    return found


def close(ours, keras_own, tolerance, what):
    if len(ours) != len(keras_own):
        raise AssertionError(f"{what}: {len(ours)} outputs, Keras has {len(keras_own)}")
    worst = 0.0
    for i, (mine, theirs) in enumerate(zip(ours, keras_own)):
        theirs = np.asarray(theirs)
        if mine.shape != theirs.shape:
            raise AssertionError(f"{what} {i}: the shape is {mine.shape}, Keras has {theirs.shape}")
        difference = np.max(np.abs(mine - theirs)) / max(1e-3, np.max(np.abs(theirs)))
        if not difference <= tolerance:
            raise AssertionError(f"{what} {i}: differs by {difference:.2g} of its scale")
        worst = max(worst, difference)
    return worst


def shaped(arrays, like):
    """In the structure that the model has: Keras warns of others."""
    return arrays if isinstance(like, (list, tuple)) else arrays[0]


def predict(model, x):
    outputs = model.predict(shaped(x, getattr(model, "_inputs_struct", None)), batch_size=BATCH_SIZE, verbose=0)
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def by_keras_names(history):
    """Outputs that one layer gives have one name in Keras, and the last one's values; here they are NAME__0, NAME__1, …"""
    ours = {}
    for key in sorted(history, key=lambda key: int(re.search(r"__(\d+)_|$", key)[1] or 0)):
        ours[re.sub(r"__\d+_", "_", key)] = history[key]
    return ours


def contents(path):
    """The configuration and every array of a .keras file."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        weights = {}
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            file.visititems(lambda name, item: weights.update({name: item[()].tobytes()})
                            if isinstance(item, h5py.Dataset) else None)
    return config, weights


def check_again(folder, name):
    config, weights = contents(folder / f"{name}.keras")
    config_again, weights_again = contents(folder / f"{name}.again.keras")
    if config != config_again:
        raise AssertionError("loaded and saved, it has another configuration")
    if weights != weights_again:
        raise AssertionError("loaded and saved, it has other weights")


def check(folder, name):
    model = keras.models.load_model(folder / f"{name}.keras")
    x, y = arrays(folder, name, "x"), arrays(folder, name, "y")
    before = close(arrays(folder, name, "before"), predict(model, x), 1e-5, "prediction")

    fitted = model.fit(shaped(x, getattr(model, "_inputs_struct", None)), shaped(y, getattr(model, "_outputs_struct", None)), batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    theirs = {key: values[-1] for key, values in fitted.history.items()}
    ours = by_keras_names(json.loads((folder / f"{name}.json").read_text()))
    if ours.keys() != theirs.keys():
        raise AssertionError(f"the history has {sorted(ours)}, Keras has {sorted(theirs)}")
    for key, value in theirs.items():
        if not abs(ours[key] - value) <= 1e-4 * max(1e-2, abs(value)):
            raise AssertionError(f"{key} is {ours[key]}, Keras has {value}")
    after = close(arrays(folder, name, "after"), predict(model, x), 1e-4, "prediction after training")
    check_again(folder, name)
    return before, after


def main():
    folder = pathlib.Path(sys.argv[1])
    names = sys.argv[2:] or sorted(path.stem for path in folder.glob("*.json"))
    failures = 0
    for name in names:
        try:
            before, after = check(folder, name)
            print(f"{name}: ok (predictions differ by {before:.1e}, after training by {after:.1e} of their scale)", flush=True)
        except Exception as error:
            failures += 1
            print(f"{name}: FAILED: {error}", flush=True)
            if not isinstance(error, AssertionError):
                traceback.print_exc()
    print(f"{len(names)} models, {failures} failures")
    sys.exit(failures != 0 or not names)


main()
