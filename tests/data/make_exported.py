#!/usr/bin/env python3
"""Makes exported/ and exported_step/: models with layers written in Python, as python/keratin_export writes them, what they give, and
how Keras trains them.

exported/ is a Functional model with layers of one's own; exported_step/ a subclassed one that has its own training step, too.

    KERAS_BACKEND=jax python make_exported.py        needs Keras 3.15 and jax
"""
import json
import pathlib
import sys

import jax
import keras
import numpy as np
from keras import layers, ops

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "python" / "keratin_export"))
from keratin_export import export  # noqa: E402

SAMPLES, BATCH, EPOCHS = 22, 8, 3


class Mixer(layers.Layer):
    """Steps look at each other by a learned kernel; the two that matter most are added up."""

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], shape[-1]))
        self.table = self.add_weight(name="table", shape=(shape[-2], shape[-1]), initializer="uniform")

    def call(self, x):
        scores = ops.einsum("btc,cd,bsd->bts", x, self.kernel, x) / np.sqrt(x.shape[-1])
        mixed = ops.softmax(scores) @ x + ops.cumsum(self.table, axis=0)
        weights, places = ops.top_k(ops.sum(ops.square(mixed), axis=-1), k=2)
        best = ops.take_along_axis(mixed, places[..., None], axis=1)
        return ops.concatenate([mixed, best * ops.tanh(weights)[..., None]], axis=1)


class Leaky(layers.Layer):
    """A state that leaks, step by step; noise on it in training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator(3)

    def build(self, shape):
        self.leak = self.add_weight(name="leak", shape=(shape[-1],), initializer="ones")

    def call(self, x, training=False):
        rate = ops.sigmoid(self.leak)

        def step(state, now):
            state = ops.where(now > 0, state * rate + now, ops.expm1(ops.minimum(state, 1.0)))
            return state, ops.clip(state, -2.0, 3.0)
        last, steps = ops.scan(step, ops.zeros_like(x[:, 0]), ops.moveaxis(x, 1, 0))
        if training:
            last = last + 0.1 * keras.random.normal(ops.shape(last), seed=self.seeds)
        return ops.concatenate([last, ops.max(steps, axis=0), jax.numpy.flip(last, -1) ** 2], axis=-1)


class Asymmetric(keras.losses.Loss):
    def call(self, y_true, y_pred):
        error = y_pred - y_true
        return ops.mean(ops.logaddexp(error, -2 * error), axis=-1)


class Filter(layers.Layer):
    """Frequencies are weighed and turned."""

    def build(self, shape):
        bins = shape[-1] // 2 + 1
        self.real = self.add_weight(name="real", shape=(bins,), initializer="ones")
        self.imaginary = self.add_weight(name="imaginary", shape=(bins,), initializer="uniform")

    def call(self, x):
        spectrum = jax.numpy.fft.rfft(x) * jax.lax.complex(self.real.value, self.imaginary.value)
        return jax.numpy.fft.irfft(spectrum, x.shape[-1]), jax.numpy.abs(spectrum)


@ops.custom_gradient
def squashed(x):
    """As if it were straight."""
    def gradient(*upstream_of_jax, upstream=None):
        return upstream_of_jax[0] if upstream is None else upstream
    return ops.tanh(x), gradient


class Loudest(layers.Layer):
    """The maximum of each group of places, and how often a signal may be halved before it is soft."""

    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        self.groups = np.asarray(groups)

    def call(self, x, signal):
        loudest = jax.numpy.zeros((x.shape[0], self.groups.max() + 1)).at[:, self.groups].max(x)
        loud = lambda count, left: ops.max(left) > 1
        halvings, _ = ops.while_loop(loud, lambda count, left: (count + 1, left / 2), (0.0, signal), maximum_iterations=8)
        return loudest + 0.1 * halvings


class Filtered(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.filter, self.loudest, self.last = Filter(name="filter"), Loudest([0, 2, 1, 0, 1, 1, 2], name="loudest"), layers.Dense(2, name="last")

    def call(self, x):
        signal, spectrum = self.filter(x["signal"])
        pooled = ops.max_pool(signal[..., None], 3, 2)[..., 0]
        return self.last(ops.concatenate([squashed(3 * pooled) * x["gain"], self.loudest(spectrum, x["signal"])], -1))

    def train_step(self, state, data):
        """Gradients are cut, each by itself."""
        trainable, rest, slots, sums = state
        x, y = data
        compute = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (_, (loss, outputs, rest, sums)), gradients = compute(trainable, rest, sums, x, y, None, training=True, optimizer_variables=slots)
        trainable, slots = self.optimizer.stateless_apply(slots, [jax.numpy.clip(g, -0.1, 0.1) for g in gradients], trainable)
        logs, sums = self._update_metrics_variables(sums, loss, x, y, outputs, None)
        return logs, (trainable, rest, slots, sums)


def logged(logs):
    return {name: float(value) for name, value in logs.items()}


def record(folder, model, inputs, targets):
    """`inputs` by name; the model is given them so if there are several."""
    folder = HERE / folder
    folder.mkdir(exist_ok=True)
    given = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    export(model, folder / "model.kir", training_data=(given, targets))
    output = model.layers[-1].name if isinstance(model, keras.src.models.Functional) else model.name
    np.savez_compressed(folder / "inputs.npz", **inputs)
    np.savez_compressed(folder / "outputs.npz", **{output: model.predict(given, verbose=0)})
    np.savez_compressed(folder / "data.npz", **{f"x:{name}": array for name, array in inputs.items()}, **{f"y:{output}": targets})
    history = model.fit(given, targets, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0).history
    np.savez_compressed(folder / "final_weights.npz", **{
        v.path: keras.ops.convert_to_numpy(v) for v in model.weights if "seed" not in v.path})
    (folder / "trajectory.json").write_text(json.dumps({
        "keras_version": keras.__version__,
        "epochs": [{name: float(values[epoch]) for name, values in history.items()} for epoch in range(EPOCHS)],
        "evaluate_after": logged(model.evaluate(given, targets, batch_size=BATCH, verbose=0, return_dict=True)),
    }, indent=1) + "\n")
    (folder / "case.json").write_text(json.dumps({
        "epochs": EPOCHS, "batch_size": BATCH, "ignore_weights": [],
        "tolerance": {"loss_rtol": 1e-4, "loss_atol": 1e-6, "weights_atol": 1e-4},
    }, indent=1) + "\n")


keras.utils.set_random_seed(5)
rng = np.random.Generator(np.random.PCG64(5))
image = keras.Input((6, 4), name="x")
y = layers.Conv1D(5, 3, padding="same", activation="gelu", name="conv")(image)
y = layers.BatchNormalization(name="norm")(y)
y = Mixer(name="mixer")(y)
y = layers.Dropout(0.25, name="drop")(y)
y = layers.Dense(2, name="y")(Leaky(name="leaky")(layers.MaxPooling1D(2, name="pool")(y)))
model = keras.Model(image, y, name="mixed")
for variable in model.trainable_variables:
    variable.assign(rng.normal(1.0 if "gamma" in variable.path else 0.0, 0.5, variable.shape))
model.compile(optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 20), clipnorm=1.0),
              loss=Asymmetric(), metrics=["mae"])
inputs = rng.normal(size=(SAMPLES, 6, 4)).astype("float32")
targets = np.stack([inputs[:, 0, 0] * inputs[:, 1, 1], inputs.sum((1, 2))], axis=1).astype("float32")
record("exported", model, {"x": inputs}, targets)

model = Filtered(name="filtered")
signals = {"signal": rng.normal(size=(SAMPLES, 12)).astype("float32"), "gain": rng.normal(size=(SAMPLES, 1)).astype("float32")}
model(signals)
for variable in model.trainable_variables:
    variable.assign(rng.normal(0.0, 0.5, variable.shape))
# Operation by operation: compiled by XLA, what is a group's maximum is at times not equal to it, as it is computed twice.
model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss="mse", metrics=["mae"], run_eagerly=True)
targets = np.stack([signals["signal"].max(1), signals["gain"][:, 0]], axis=1).astype("float32")
record("exported_step", model, signals, targets)
