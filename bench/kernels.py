#!/usr/bin/env python3
"""Keratin's products and convolutions beside OpenBLAS and oneDNN: bench/kernels.py --environments DIR [--only conv-7] > kernels.md

The layers of problems.py, each by itself, called from C, weights laid out beforehand and warm in the caches. Peers take turns as in
run.py; of each the least time counts. All that was measured is kept in kernels.json, and the table is of all in there.
"""

import argparse
import json
import math
import pathlib
import statistics
import struct
import sys
import tempfile

import numpy as np

import run
from problems import PROBLEMS, expected, flops, is_conv, kir, numbers_of, shapes

DIRECT, WINOGRAD = "keratin:direct", "keratin:loop"
PEERS = ["openblas:SkylakeX", "openblas:Haswell", "onednn", "onednn:own"]
LARGEST_ERROR = 1e-4


def write(folder, problem, batch):
    """Text and weights for Keratin, arrays for the others."""
    folder = folder / problem
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    of_x, of_weights, _ = shapes(problem, batch)
    terms = math.prod(of_weights[:-1])
    weights = random.standard_normal(of_weights, "float32") / np.float32(math.sqrt(terms))
    bias = random.standard_normal(of_weights[-1:], "float32")
    x = random.standard_normal(of_x, "float32")
    for name, array in {"x": x, "w": weights, "b": bias, "y": expected(problem, x, weights, bias)}.items():
        np.save(folder / f"{name}_b{batch}.npy", array)
    (folder / f"model_b{batch}.kir").write_text(kir(problem, batch))
    header, data = {}, b""
    for name, array in {"kernel": weights, "bias": bias}.items():
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    (folder / f"model_b{batch}.kir.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def measure(problems, threads, given, results):
    """The least seconds of each peer for each problem, in rounds."""
    workers = {peer: run.Worker(peer, "kernels", threads, given) for peer in [*PEERS, DIRECT, WINOGRAD]}
    for problem in problems:
        cell = results["cells"]["%s b%d t%d" % (*problem, threads)] = {}
        ready = {}
        for peer, worker in workers.items():
            if peer == WINOGRAD and not problem[0].endswith("-3-1"):
                continue
            answer = worker.load(*problem)
            worker.stop()
            if "version" in answer:
                results["versions"][peer] = answer["version"]
            if answer.get("error", 1) < LARGEST_ERROR:
                ready[peer] = worker
            elif "no product of matrices" not in answer.get("failed", ""):
                print(f"{peer} {problem}: {answer}", file=sys.stderr)
        for _ in range(given.rounds):
            limit = run.limit_of(*problem, threads, given, f"model_b{problem[1]}.kir")
            cell["peak"] = max(cell.get("peak", 0), limit["ceilings"]["flops_per_second"])
            if limit["limit"]["by"] != "fma":
                cell["reading"] = min(cell.get("reading", 1), limit["limit"]["seconds"])
            for peer, worker in ready.items():
                times = [time for part in run.slice_of(worker, problem, given) for time in part["times"]]
                cell[peer] = min([cell.get(peer, 1), *times])
        given.out.write_text(json.dumps(results))
        print(problem, threads, {peer: microseconds(cell[peer]) for peer in ready}, file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.end()


def title(problem, batch):
    if not is_conv(problem):
        terms, columns = numbers_of(problem)
        return f"{batch} × {terms} by {terms} × {columns}"
    size, features, outputs, window, stride = numbers_of(problem)
    return (f"{window}×{window}{f'/{stride}' if stride > 1 else ''}, {size}×{size}×{features} → {outputs}" +
            (f", {batch} images" if batch > 1 else ""))


def least(cell, name):
    return min((seconds for peer, seconds in cell.items() if peer.startswith(name)), default=None)


def microseconds(seconds):
    return "" if seconds is None else f"{seconds * 1e6:.3g}" if seconds < 1e-3 else f"{seconds * 1e6:.0f}"


def table(results, threads):
    """Markdown."""
    rows = [f"## {threads} thread{'s' if threads > 1 else ''}", "",
            "| layer | OpenBLAS | oneDNN | Keratin | faster by | of the peak | of the limit | Winograd |",
            "|---|---|---|---|---|---|---|---|"]
    cells = {problem: results["cells"].get("%s b%d t%d" % (*problem, threads)) for problem in PROBLEMS}
    cells = {problem: cell for problem, cell in cells.items() if cell}
    # On a busy machine a thread may begin late; how far its clock is raised differs a little from time to time.
    usual = statistics.median(cell["peak"] for cell in cells.values())
    ratios = []
    for problem, cell in cells.items():
        peers = [least(cell, "openblas"), least(cell, "onednn")]
        ratios.append(min(filter(None, peers)) / cell[DIRECT])
        computing = flops(*problem) / max(usual, cell["peak"])
        shares = [computing / cell[DIRECT], max(computing, cell.get("reading", 0)) / cell[DIRECT]]
        columns = [title(*problem), *map(microseconds, peers), microseconds(cell[DIRECT]), f"{ratios[-1]:.2f}",
                   *(f"{share:.0%}" for share in shares), microseconds(cell.get(WINOGRAD))]
        rows.append("| " + " | ".join(columns) + " |")
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    return "\n".join([*rows, "", f"Geometric mean {mean:.2f}, least {min(ratios):.2f}."])


def report(results):
    machine = results["machine"]
    versions = "; ".join(sorted(set(results["versions"].values())))
    print(f"# Kernels\n\nMicroseconds of a layer with bias and ReLU (OpenBLAS: the product alone), as `bench/kernels.py` measured them; "
          f"see [README.md](README.md#kernels).\n\n{machine['cpu']} (family {machine['family']}), {machine['cores']} cores, caches "
          f"{', '.join(f'{level} {size}' for level, size in machine['caches'].items())}; {machine['date']}; {versions}.")
    for threads in sorted({int(cell.split(" t")[1]) for cell in results["cells"]}):
        print("\n" + table(results, threads))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=pathlib.Path, required=True, help="the folder of the Python environments")
    parser.add_argument("--keratin", type=pathlib.Path, default=run.HERE.parent / "build" / "release" / "bin" / "keratin")
    parser.add_argument("--only", default="", help="layers whose names, with the batch, begin so or so; none: print the table")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=1000, help="most measurements in a slice")
    parser.add_argument("--slice", type=float, default=0.2, help="most seconds of a slice")
    parser.add_argument("--again", type=int, default=2, help="most repetitions of a slice that others disturbed")
    parser.add_argument("--out", type=pathlib.Path, default=run.HERE / "kernels.json")
    given = parser.parse_args()
    given.environments, given.keratin = given.environments.resolve(), given.keratin.resolve()
    results = json.loads(given.out.read_text()) if given.out.exists() else {"cells": {}, "versions": {}}
    results["machine"] = run.machine()
    problems = [problem for problem in PROBLEMS if "-".join(map(str, problem)).startswith(tuple(given.only.split(",")))]
    with tempfile.TemporaryDirectory() as folder:
        given.artefacts = pathlib.Path(folder)
        for problem in problems if given.only != "none" else []:
            write(given.artefacts, *problem)
        for threads in map(int, given.threads.split(",") if given.only != "none" else []):
            given.thread_count = threads
            measure(problems, threads, given, results)
    report(results)


main()
