#!/usr/bin/env python3
"""Makes plugin/: a model of the classes of examples/plugin/mine.py, what it gives, and how Keras trains it.

    KERAS_BACKEND=jax python make_plugin_run.py        needs Keras 3.15 and jax
"""
import json
import pathlib
import sys

import keras
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "examples" / "plugin"))
import mine  # noqa: E402

SAMPLES, BATCH, EPOCHS = 40, 8, 3


def logged(logs):
    return {name: float(value) for name, value in logs.items()}


keras.utils.set_random_seed(7)
rng = np.random.Generator(np.random.PCG64(7))
x = keras.Input((6,), name="x")
y = keras.layers.Dense(5, activation=mine.squared_relu, kernel_constraint=mine.Centered(), bias_initializer=mine.Spread(-0.5, 2.0),
                       name="hidden")(x)
y = mine.Snake(name="snake")(y)
y = keras.layers.Dense(4, kernel_regularizer=mine.LogPenalty(0.02), name="code")(y)
y = keras.layers.Reshape((2, 2), name="pairs")(y)
y = keras.layers.TimeDistributed(mine.Snake(squared=False, name="wave"), name="each")(y)
y = keras.layers.Dense(2, name="y")(keras.layers.Flatten(name="flat")(y))
model = keras.Model(x, y, name="waves")
for variable in model.weights:
    variable.assign(rng.normal(1.0 if "frequency" in variable.path else 0.0, 0.4, variable.shape))
model.compile(optimizer=mine.Signum(mine.Noam(0.02, 4), momentum=0.8, weight_decay=0.1, clipnorm=1.0), loss=mine.TiltedError(0.8),
              metrics=["mae", mine.TiltedError(0.2, name="low")], weighted_metrics=[mine.MeanBias(name="bias")])
inputs = rng.normal(size=(SAMPLES, 6)).astype("float32")
targets = np.stack([np.sin(2 * inputs[:, 0]) + inputs[:, 1], inputs[:, 2] * inputs[:, 3]], axis=1).astype("float32")

folder = HERE / "plugin"
folder.mkdir(exist_ok=True)
model.fit(inputs, targets, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)   # the optimizer has slots in the file
model.save(folder / "model.keras")
np.savez_compressed(folder / "inputs.npz", x=inputs)
np.savez_compressed(folder / "outputs.npz", y=model.predict(inputs, verbose=0))
np.savez_compressed(folder / "data.npz", **{"x:x": inputs, "y:y": targets})
fitted = keras.saving.load_model(folder / "model.keras")
history = fitted.fit(inputs, targets, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0).history
np.savez_compressed(folder / "final_weights.npz", **{v.path: keras.ops.convert_to_numpy(v) for v in fitted.weights})
(folder / "trajectory.json").write_text(json.dumps({
    "keras_version": keras.__version__,
    "epochs": [{name: float(values[epoch]) for name, values in history.items()} for epoch in range(EPOCHS)],
    "evaluate_after": logged(fitted.evaluate(inputs, targets, batch_size=BATCH, verbose=0, return_dict=True)),
}, indent=1) + "\n")
(folder / "case.json").write_text(json.dumps({
    "epochs": EPOCHS, "batch_size": BATCH, "ignore_weights": [],
    "tolerance": {"loss_rtol": 1e-5, "loss_atol": 1e-6, "weights_atol": 1e-5},
}, indent=1) + "\n")
