#!/usr/bin/env python3
"""Checks with real Keras that exported .keras files are Keras's own.

    python check_export.py KERATIN [CASE...]        KERATIN: the program, build/release/bin/keratin; needs keras, jax, numpy and
                                          safetensors

Every case of tests/golden/training is trained for an epoch by its trainer and exported. Keras loads the file, predicts what the
compiled model predicts, has the optimizer's variables of the original, and trains for another epoch. Of the file that the trainer itself
exports, with the optimizer's state, Keras has that state, and its next epoch has the loss of the trainer's. Every .keras file
of tests/golden/layers that Keras itself can read is exported with its own weights: Keras finds the same arrays in both.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"


class Unsupported(Exception):
    """Keratin refuses to compile the model: no fault of the export."""


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode == 69:
        raise Unsupported(done.stderr.splitlines()[0])
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{command[0]} failed")


def arrays_of(data, kind):
    return {name[2:]: data[name] for name in data.files if name.startswith(kind + ":")}


def equal(ours, keras_own):
    return len(ours) == len(keras_own) and all(np.array_equal(a, b) for a, b in zip(ours, keras_own))


def output_names(model):
    """In the model's order; a Sequential has one output, its last layer's."""
    return getattr(model, "output_names", None) or [model.layers[-1].name]


def check_training(keratin, case, folder):
    model, data = case / "model.keras", np.load(case / "data.npz")
    weights, exported = folder / "w.safetensors", folder / "exported.keras"
    run(keratin, "compile", model, "--trainer", "-o", folder / "trainer")
    run(folder / "trainer", "fit", "--data", case / "data.npz", "--epochs", 1, "--no-shuffle", "--verbose", 0, "--save", weights)
    run(keratin, "export", model, "--weights", weights, "-o", exported)
    run(keratin, "compile", model, "--weights", weights, "-o", folder / "m.so")
    x, y = arrays_of(data, "x"), arrays_of(data, "y")
    np.savez(folder / "x.npz", **x)
    run(keratin, "run", folder / "m.so", "--input", folder / "x.npz", "--output", folder / "y.npz")

    ours, original = keras.models.load_model(exported), keras.models.load_model(model)
    got = ours.predict([x[tensor.name] for tensor in ours.inputs], verbose=0)
    difference = 0
    mine_by_name = np.load(folder / "y.npz")
    for name, theirs in zip(output_names(ours), got if isinstance(got, list) else [got]):
        mine = mine_by_name[name]
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)
        difference = max(difference, float(np.abs(mine - theirs).max()))
    if equal(ours.get_weights(), original.get_weights()):
        raise RuntimeError("the weights are the original's")
    if not equal([v.numpy() for v in ours.optimizer.variables], [v.numpy() for v in original.optimizer.variables]):
        raise RuntimeError("the optimizer's variables are not the original's")
    targets = [y[name] for name in output_names(ours) if name in y]
    log = ours.fit([x[tensor.name] for tensor in ours.inputs], targets if len(targets) > 1 else targets[0], epochs=1, verbose=0)
    loss = log.history["loss"][0]
    if not np.isfinite(loss):
        raise RuntimeError(f"training goes wrong: {loss}")
    return f"predictions differ by {difference:.1e}, loss of the next epoch {loss:.4f}; {check_state(case, folder)}"


def random_layers(model):
    return [layer for layer in model._flatten_layers() if "Dropout" in type(layer).__name__ or "Noise" in type(layer).__name__]


def check_state(case, folder):
    """The trainer's own file: Keras goes on where the trainer was."""
    trainer, checkpoint, history = folder / "trainer", folder / "run.safetensors", folder / "h.json"
    info = json.loads((case / "case.json").read_text())
    batch = info["batch_size"] if "batch_size" in info else 32
    fit = ("fit", "--data", case / "data.npz", "--no-shuffle", "--verbose", 0, "--batch-size", batch)
    run(trainer, *fit, "--epochs", 1, "--checkpoint", checkpoint)
    run(trainer, "export", "--checkpoint", checkpoint, "--keras", folder / "own.keras")
    state = {name: array for name, array in safetensors_arrays(checkpoint).items() if name.startswith("optimizer/")}
    checkpoint.unlink()
    run(trainer, *fit, "--epochs", 2, "--history", history)
    expected = json.loads(history.read_text())["loss"][1]

    own, data = keras.models.load_model(folder / "own.keras"), np.load(case / "data.npz")
    variables = [v.numpy() for v in own.optimizer.variables]
    for variable in variables:
        if not any(np.array_equal(array, variable) for array in state.values()):
            raise RuntimeError(f"an optimizer's variable of shape {variable.shape} is not the trainer's")
    x, y = arrays_of(data, "x"), arrays_of(data, "y")
    y = [y[name] for name in output_names(own) if name in y]
    weights = data["sample_weight"] if "sample_weight" in data.files else None
    inputs = [x[tensor.name] for tensor in own.inputs]
    log = own.fit(
        inputs, y if len(y) > 1 else y[0], sample_weight=weights, epochs=1, verbose=0, shuffle=False, batch_size=batch
    )
    loss = log.history["loss"][0]
    if not random_layers(own) and not np.isclose(loss, expected, rtol=1e-3, atol=1e-5):
        raise RuntimeError(f"the loss of the next epoch is {loss} in Keras, {expected} in the trainer")
    return f"{len(variables)} optimizer's variables as they were, loss of the next epoch {loss:.5f}, the trainer's {expected:.5f}"


def safetensors_arrays(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    types = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U32": "<u4", "U64": "<u8", "BOOL": "?", "U8": "u1", "I8": "i1"}
    arrays = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__" or entry["dtype"] not in types:
            continue
        begin, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(data[8 + size + begin : 8 + size + end], types[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def check_layers(keratin, case, folder):
    model, exported, text = case / "model.keras", folder / "exported.keras", folder / "m.kir"
    try:
        original = keras.models.load_model(model)
    except Exception as error:  # the files that Keras cannot read back
        return f"Keras cannot read the original: {type(error).__name__}"
    weights = pathlib.Path(f"{text}.safetensors")
    run(keratin, "dump", model, "-o", text)
    if not weights.exists():
        return "no weights"
    import safetensors.numpy

    arrays = safetensors.numpy.load_file(weights)  # constants of the graph, c0, c1, …, are among them
    safetensors.numpy.save_file({name: a for name, a in arrays.items() if "/" in name}, weights)
    run(keratin, "export", model, "--weights", weights, "-o", exported)
    ours = keras.models.load_model(exported)
    if not equal(ours.get_weights(), original.get_weights()):
        raise RuntimeError("the weights are not the original's")
    return f"{len(ours.get_weights())} arrays"


def main():
    keratin = pathlib.Path(sys.argv[1]).resolve()
    wanted = set(sys.argv[2:])
    failed = 0
    for suite, check in (("training", check_training), ("layers", check_layers)):
        for case in sorted(GOLDEN.glob(f"{suite}/*")):
            if not (case / "model.keras").is_file() or case.name.startswith("reject_"):
                continue
            if wanted and case.name not in wanted:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    print(f"{suite}/{case.name}: {check(keratin, case, pathlib.Path(folder))}", flush=True)
                except Unsupported as error:
                    print(f"{suite}/{case.name}: {error}", flush=True)
                except Exception as error:
                    failed += 1
                    print(f"{suite}/{case.name}: FAILED: {error}", flush=True)
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
