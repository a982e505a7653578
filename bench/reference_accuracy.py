#!/usr/bin/env python3
"""Trains the three reference models from fresh weights and compares their test accuracy with Keras's.

    bench/reference_accuracy.py build/release/bin/keratin [--seeds 5]

First 8,000 digits of data/mnist10k.npz to learn from, last 2,000 to test; pixels / 255, batches of 32, Adam, 5 epochs,
seeds from 0 on. Keras's figures are those of ten runs of Keras 3.15.1 (five on JAX, five on TensorFlow). A mean of n seeds passes if it
is not below Keras's mean by more than 3 · deviation · sqrt(1/n + 1/10). Needs numpy. The exit status is 0 if all pass.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
# model file, shape of a sample, Keras's mean and deviation in percent
MODELS = {
    "Dense": ("digits_mlp.keras", (784,), 92.05, 0.62),
    "convolutions": ("reference_cnn.keras", (28, 28, 1), 97.65, 0.21),
    "LSTM": ("digits_lstm.keras", (28, 28), 92.55, 0.83),
}


def train(trainer, folder, seed):
    """Test accuracy in percent, and seconds."""
    began = time.monotonic()
    subprocess.run([trainer, "fit", "--data", folder / "train.npz", "--epochs", "5", "--batch-size", "32", "--verbose", "0",
                    "--reinitialize", "--seed", str(seed), "--save", folder / "w.safetensors"], check=True)
    seconds = time.monotonic() - began
    tested = subprocess.run([trainer, "evaluate", "--data", folder / "test.npz", "--weights", folder / "w.safetensors"],
                            check=True, capture_output=True, text=True)
    return 100 * json.loads(tested.stdout)["accuracy"], seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keratin")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    digits = np.load(ROOT / "data" / "mnist10k.npz")
    x, y = digits["x"].astype("float32") / 255, np.eye(10, dtype="float32")[digits["y"]]
    passed = True
    for name, (file, shape, mean, deviation) in MODELS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            rows = x.reshape((-1,) + shape)
            np.savez(folder / "train.npz", x=rows[:8000], y=y[:8000])
            np.savez(folder / "test.npz", x=rows[8000:], y=y[8000:])
            trainer = folder / "trainer"
            subprocess.run([given.keratin, "compile", ROOT / "models" / file, "--trainer", "-o", trainer], check=True)
            runs = [train(trainer, folder, seed) for seed in range(given.seeds)]
        found = sum(accuracy for accuracy, _ in runs) / len(runs)
        bound = mean - 3 * deviation * math.sqrt(1 / len(runs) + 1 / 10)
        passed &= found >= bound
        print(f"{name:13} {found:.2f} %, at least {bound:.2f} (Keras: {mean:.2f} ± {deviation:.2f}); "
              f"{min(seconds for _, seconds in runs):.2f} s a run; "
              f"seeds: {' '.join(f'{accuracy:.2f}' for accuracy, _ in runs)}", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
