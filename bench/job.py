#!/usr/bin/env python3
"""A whole training job, from the start of a process to its end: bench/job.py --environments DIR [--keratin …] [--threads 2]

Perceptron 784-32-10 (relu, logits), Adam, sparse categorical cross-entropy, accuracy; 60,000 samples of 784 float32 in a .npy that
the page cache holds, batches of 32, shuffled, 5 epochs. Keratin's trainer, Keras's fit on TensorFlow and on JAX, and a scan over
each epoch written by hand in JAX take turns, each on the same cores; of each the least and the median are printed. Making the
trainer (`keratin compile --trainer`) is timed by itself: it is done once for any number of runs.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
EPOCHS = "5"


def timed(command, environment, threads):
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
                   preexec_fn=lambda: os.sched_setaffinity(0, set(range(threads))))
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=pathlib.Path, required=True, help="the folder of the Python environments")
    parser.add_argument("--keratin", type=pathlib.Path, default=HERE.parent / "build" / "release" / "bin" / "keratin")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="of the peers; Keratin runs five times in each")
    given = parser.parse_args()
    python = given.environments.resolve() / "keras" / "bin" / "python"
    environment = dict(os.environ, CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3",
                       KERAS_BACKEND="jax", OMP_NUM_THREADS=str(given.threads))
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        peer = [python, HERE / "job_peers.py"]
        subprocess.run([*peer, "prepare", folder], check=True, env=environment)
        making = timed([given.keratin, "compile", folder / "model.keras", "--trainer", "--batch", "32", "-o", folder / "trainer"],
                       environment, given.threads)
        jobs = {
            "Keratin": [folder / "trainer", "fit", "--data", f"x={folder}/x.npy", f"y={folder}/t.npy", "--epochs", EPOCHS,
                        "--reinitialize"],
            "JAX, a scan by hand": [*peer, "scan", folder],
            "Keras on JAX": [*peer, "fit", folder],
            "Keras on TensorFlow": [*peer, "fit", folder],
        }
        found = {name: [] for name in jobs}
        for _ in range(given.rounds):
            for name, command in jobs.items():
                backend = "tensorflow" if name.endswith("TensorFlow") else "jax"
                for _ in range(5 if name == "Keratin" else 1):
                    found[name].append(timed(command, dict(environment, KERAS_BACKEND=backend), given.threads))
        best = min(found["Keratin"])
        print(f"making the trainer: {making:.2f} s\n\n| job | least | median | Keratin is faster by |\n|---|---|---|---|")
        for name, seconds in found.items():
            least = min(seconds)
            print(f"| {name} | {least:.3f} s | {statistics.median(seconds):.3f} s | "
                  f"{'' if name == 'Keratin' else f'{least / best:.1f}'} |")


main()
