"""What bench/job.py runs in the environment "keras": job_peers.py prepare|fit|scan FOLDER, with KERAS_BACKEND set."""

import pathlib
import sys

import numpy as np

SAMPLES, FEATURES, HIDDEN, CLASSES, BATCH, EPOCHS = 60000, 784, 32, 10, 32, 5


def compiled_model():
    import keras
    layers = [keras.Input((FEATURES,)), keras.layers.Dense(HIDDEN, activation="relu"), keras.layers.Dense(CLASSES)]
    model = keras.Sequential(layers)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def prepare(folder):
    random = np.random.default_rng(0)
    np.save(folder / "x.npy", random.random((SAMPLES, FEATURES), dtype="float32"))
    np.save(folder / "t.npy", random.integers(0, CLASSES, SAMPLES))
    compiled_model().save(folder / "model.keras")


def fit(folder):
    """As a user writes it."""
    history = compiled_model().fit(np.load(folder / "x.npy"), np.load(folder / "t.npy"), epochs=EPOCHS, batch_size=BATCH, verbose=0)
    print(history.history["loss"])


def scan(folder):
    """XLA at its best: each epoch one compiled loop, in which rows are gathered."""
    import jax
    import jax.numpy as jnp
    random = np.random.default_rng(0)

    def uniform(rows, columns):
        return jnp.asarray(random.uniform(-1, 1, (rows, columns)) * (6 / (rows + columns)) ** .5, jnp.float32)

    def loss_of(weights, x, t):
        scores = jax.nn.relu(x @ weights[0] + weights[1]) @ weights[2] + weights[3]
        hits = (scores.argmax(1) == t).mean()
        return -jnp.take_along_axis(jax.nn.log_softmax(scores), t[:, None], 1).mean(), hits

    def step(state, batch):
        weights, first, second, count = state
        result, gradients = jax.value_and_grad(loss_of, has_aux=True)(weights, *batch)
        count = count + 1
        rate = 1e-3 * jnp.sqrt(1 - .999 ** count) / (1 - .9 ** count)
        first = [.9 * m + .1 * g for m, g in zip(first, gradients)]
        second = [.999 * v + .001 * g * g for v, g in zip(second, gradients)]
        weights = [w - rate * m / (jnp.sqrt(v) + 1e-7) for w, m, v in zip(weights, first, second)]
        return (weights, first, second, count), result

    x, t = jnp.asarray(np.load(folder / "x.npy")), jnp.asarray(np.load(folder / "t.npy"))
    epoch = jax.jit(lambda state, x, t, order: jax.lax.scan(lambda state, rows: step(state, (x[rows], t[rows])), state,
                                                            order.reshape(-1, BATCH)))
    weights = [uniform(FEATURES, HIDDEN), jnp.zeros(HIDDEN), uniform(HIDDEN, CLASSES), jnp.zeros(CLASSES)]
    zeros = [jnp.zeros_like(weight) for weight in weights]
    state = (weights, zeros, zeros, jnp.float32(0))
    for _ in range(EPOCHS):
        state, (losses, hits) = epoch(state, x, t, jnp.asarray(random.permutation(SAMPLES)))
        print(float(losses.mean()), float(hits.mean()))


{"prepare": prepare, "fit": fit, "scan": scan}[sys.argv[1]](pathlib.Path(sys.argv[2]))
