#!/usr/bin/env python3
"""Records what real Keras computes for the 40 models of keras.applications with weights that follow from their names.

    KERAS_BACKEND=tensorflow python applications.py [NAME…]

Each is a line of the kind that draw.py writes, NAME.json in recorded/applications.zip: the classifier's logits for one image.
Kernels keep the variance of what goes through them, so that logits say something of all layers before.
"""
import gc
import json
import math
import os
import sys
import zipfile

import keras
import numpy as np

from numbers_by_name import fill

HERE = os.path.dirname(os.path.abspath(__file__))
ARCHIVE = os.path.join(HERE, "recorded", "applications.zip")
NAMES = (
    [f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")]
    + [f"DenseNet{depth}" for depth in (121, 169, 201)]
    + [f"EfficientNetB{size}" for size in range(8)]
    + [f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")]
    + ["InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large",
       "NASNetMobile", "NASNetLarge"]
    + [f"ResNet{depth}{version}" for depth in (50, 101, 152) for version in ("", "V2")]
    + ["VGG16", "VGG19", "Xception"])


def range_of(weight):
    name = weight.path.split("/")[-1]
    if name in ("kernel", "depthwise_kernel", "pointwise_kernel"):
        window = math.prod(weight.shape[:-2])
        depthwise = name == "depthwise_kernel" or (len(weight.shape) == 4 and weight.shape[-1] == 1)
        spread = math.sqrt(3 / (window * (1 if depthwise else weight.shape[-2])))
        return -spread, spread
    if name in ("gamma", "moving_variance", "variance") or "layer_scale" in weight.path:
        return 0.5, 1.5
    return -0.1, 0.1


def record(name):
    keras.backend.clear_session()
    gc.collect()
    model = getattr(keras.applications, name)(weights=None, classifier_activation=None)
    weights = {}
    for weight in model.weights:
        if "seed_generator" in weight.path:
            continue
        low, high = range_of(weight)
        dtype = "int32" if weight.dtype == "int64" else weight.dtype  # integers are 64 bits wide on TensorFlow only
        weights[weight.path] = [dtype, list(weight.shape), low, high]
        weight.assign(fill(weight.path, weight.shape, low, high, weight.dtype))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    image = model.inputs[0]
    shape = [1] + [extent or 224 for extent in image.shape[1:]]
    logits = np.asarray(model(fill(image.name, shape, 0, 255)))
    assert np.isfinite(logits).all()
    print(f"{name}: {len(model.weights)} weights, logits of {np.abs(logits).max():.3g}, deviation {logits.std():.3g}",
          flush=True)
    return {
        "name": name,
        "model": keras.saving.serialize_keras_object(model),
        "weights": weights,
        "inputs": [{"name": image.name, "dtype": "float32", "shape": shape, "range": [0, 255]}],
        "outputs": [["float32", list(logits.shape), [float(f"{x:.9g}") for x in logits.reshape(-1)]]],
        "tolerance": 1e-4,
    }


def main():
    for name in sys.argv[1:] or NAMES:
        line = json.dumps(record(name))
        kept = {}
        if os.path.exists(ARCHIVE):
            with zipfile.ZipFile(ARCHIVE) as old:
                kept = {entry: old.read(entry) for entry in old.namelist()}
        kept[f"{name}.json"] = line.encode()
        with zipfile.ZipFile(ARCHIVE + ".new", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
            for entry in sorted(kept):
                new.writestr(zipfile.ZipInfo(entry), kept[entry], zipfile.ZIP_DEFLATED)
        os.replace(ARCHIVE + ".new", ARCHIVE)


if __name__ == "__main__":
    main()
