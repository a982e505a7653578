#!/usr/bin/env python3
"""Makes what all peers read: bench/prepare.py FOLDER [WORK…], in the environment "prep" (bench/README.md).

For each work load: model.keras, weights.npz, x_bN.npy, and for inference y_bN.npy (Keras on TensorFlow), model_bN.onnx and
model_bN.tflite; for training labels, t_bN.npy. Files of peers that are there already are kept.
"""

import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import numpy as np
import tensorflow as tf

import models
import onnx_rnn
from cells import BATCHES, is_training


def with_plain_gelu(model):
    """On TensorFlow Keras's gelu is an Erfc, which converters do not know; an Erf they fuse to a Gelu again."""
    for layer in model.layers:
        if getattr(getattr(layer, "activation", None), "__name__", "") == "gelu":
            layer.activation = lambda x: 0.5 * x * (1.0 + tf.math.erf(x * 0.7071067811865476))
    return model


def concrete(model, shape):
    spec = (tf.TensorSpec(shape, tf.float32, name="x"),)
    return tf.function(lambda x: model(x, training=False), input_signature=spec), spec


def write_onnx(model, work, shape, path):
    if work in ("W6", "W7"):
        return onnx_rnn.export(model, {"W6": "LSTM", "W7": "GRU"}[work], shape[0], path)
    import onnx
    import tf2onnx
    function, spec = concrete(model, shape)
    made, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=17)
    used = {name for node in made.graph.node for name in node.input}
    for unused in [each for each in made.graph.input if each.name not in used]:  # left by constants that were folded
        made.graph.input.remove(unused)
    onnx.save(made, path)


def write_tflite(model, work, shape, path):
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    function, _ = concrete(model, shape)
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())


def prepare(folder, work):
    folder.mkdir(parents=True, exist_ok=True)
    model = models.build(work)
    model.save(folder / "model.keras")
    np.savez(folder / "weights.npz", **{"%s|%d" % (layer.name, i): weight for layer in model.layers
                                        for i, weight in enumerate(layer.get_weights())})
    for batch in BATCHES[work]:
        random = np.random.default_rng(100 + batch)
        shape = (batch, *model.inputs[0].shape[1:])
        x = random.standard_normal(shape).astype("float32")
        np.save(folder / f"x_b{batch}.npy", x)
        if is_training(work):
            np.save(folder / f"t_b{batch}.npy", random.integers(0, 10, batch).astype("int32"))
            continue
        np.save(folder / f"y_b{batch}.npy", model(x, training=False).numpy())
    if is_training(work):
        return
    plain = with_plain_gelu(model)
    for batch in BATCHES[work]:
        for kind, write in (("onnx", write_onnx), ("tflite", write_tflite)):
            path = folder / f"model_b{batch}.{kind}"
            if path.exists():
                continue
            try:
                write(plain, work, (batch, *model.inputs[0].shape[1:]), path)
            except Exception as error:  # a converter that cannot is a peer without this cell
                print(f"{work} b{batch} {kind}: {type(error).__name__}: {str(error)[:200]}", flush=True)


def main():
    for work in sys.argv[2:] or BATCHES:
        prepare(pathlib.Path(sys.argv[1]) / work, work)
        print(work, flush=True)


main()
