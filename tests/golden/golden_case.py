"""Writes a folder of layers/ with real Keras."""
import json
import pathlib
import sys
import zlib

import keras
import numpy as np

OUT = pathlib.Path(__file__).parent / "layers"


def write(name, about, model, kept=False, **given):
    """One call with inputs of the shapes `given`. Weights are drawn, unless they are integers or `kept`."""
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    for weight in model.weights:
        if kept or "int" in weight.dtype:
            continue
        value = draw.normal(size=weight.shape) * 0.3
        weight.assign(np.abs(value) + 0.1 if "variance" in weight.path else value)
    inputs = {t.name: draw.integers(0, 20, given[t.name]).astype(t.dtype) if "int" in t.dtype
              else draw.normal(size=given[t.name]).astype(t.dtype) for t in model.inputs}
    outputs = model([inputs[t.name] for t in model.inputs])
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    layers = [t._keras_history.operation.name for t in model.outputs]
    keys = [k if layers.count(k) == 1 else f"{k}__{i}" for i, k in enumerate(layers)]
    folder = OUT / name
    folder.mkdir(exist_ok=True)
    model.save(folder / "model.keras")
    np.savez_compressed(folder / "inputs.npz", **inputs)
    np.savez_compressed(folder / "outputs.npz", **{k: np.asarray(v) for k, v in zip(keys, outputs)})
    case = {"name": name, "suite": "layers", "expect": "match", "about": about,
            "keras_version": keras.__version__, "backend": keras.backend.backend(),
            "tolerance": {"atol": 1e-5, "rtol": 1e-4},
            "inputs": [{"name": t.name, "dtype": t.dtype, "shape": list(t.shape), "given": list(given[t.name])}
                       for t in model.inputs],
            "outputs": [{"key": k} for k in keys]}
    (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")
