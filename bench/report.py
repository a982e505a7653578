#!/usr/bin/env python3
"""The table of what run.py measured: bench/report.py [results.json] > bench/results.md"""

import json
import math
import pathlib
import statistics
import sys

from cells import TITLES, cell_key, is_training

NAMES = {"tf:graph": "TF", "tf:xla": "TF XLA", "kjax": "Keras JAX", "torch_:eager": "PyTorch", "torch_:inductor": "Inductor",
         "ort": "ONNX RT", "ov": "OpenVINO", "ov:bf16": "OpenVINO bf16", "litert": "LiteRT"}
KERATIN, LOOP, REFERENCE = "keratin", "keratin:loop", "tf:graph"
VARIANTS = {"keratin:exact": "`--exact`", KERATIN: "default", "keratin:fast": "`--fast-conv`", "keratin:bf16": "`--precision bf16`"}
INEXACT = {"ov:bf16"}  # not float32: shown, never the best
LARGEST_ERROR = 1e-2   # relative; what is further from Keras's result is wrong
FEATURES = ("fma", "avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")


def milliseconds(seconds):
    value = seconds * 1e3
    return f"{value:.4f}" if value < 0.1 else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def times_of(measured):
    """All that were taken while no other program disturbed; of nothing else, the least disturbed slice."""
    quiet = [run for run in measured["runs"] if not run["disturbed"]]
    runs = quiet or [min(measured["runs"], key=lambda run: run["others"])]
    return [time for run in runs for time in run["times"]]


def failure_of(measured, cell, peers):
    """Why a peer's figure does not count; None if it does."""
    if "failed" in measured:
        return measured["failed"]
    if is_training(cell):
        wanted = peers.get(REFERENCE, {}).get("loss")
        error = abs(measured["loss"] - wanted) / max(wanted, 1) if wanted else 0
    else:
        error = measured["error"]
    return None if error < LARGEST_ERROR else f"relative error {error:.2g}"


def figures(cell, peers, statistic):
    """Seconds by peer, of those that count."""
    return {peer: statistic(times_of(measured)) for peer, measured in peers.items()
            if failure_of(measured, cell, peers) is None}


def best_of(seconds):
    return min((peer for peer in seconds if peer not in INEXACT | {LOOP, *VARIANTS}), key=seconds.get, default=None)


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


class Ceilings:
    """What the machine did at most in any cell, by threads: noise makes a measurement lower only."""

    def __init__(self, limits):
        self.flops, self.bytes = {}, {}  # threads -> per second; level -> threads -> per second
        for cell, measured in limits.items():
            if "ceilings" not in measured:
                continue
            threads, found = cell.split()[2], measured["ceilings"]
            self.flops[threads] = max(self.flops.get(threads, 0), found["flops_per_second"])
            for level, rate in found["bytes_per_second"].items():
                rates = self.bytes.setdefault(level, {})
                rates[threads] = max(rates.get(threads, 0), rate)

    def limit(self, cell, measured):
        """The least seconds, and what they go to; nothing where nothing is known."""
        if "ceilings" not in measured:
            return None
        threads, level = cell.split()[2], measured["bytes_in"]
        return max((measured["flops"] / self.flops[threads], "fma"),
                   (measured["bytes"] / self.bytes[level][threads], level))

    def table(self):
        rows = {"multiply-adds, GFLOP/s": self.flops, **{f"reads from {level}, GB/s": self.bytes[level]
                                                         for level in ("L1", "L2", "L3", "memory") if level in self.bytes}}
        counts = sorted(self.flops)
        return ["| threads | " + " | ".join(count[1:] for count in counts) + " |", "|---|" + "---:|" * len(counts)] + [
            f"| {name} | " + " | ".join(f"{rates[count] * 1e-9:.1f}" if count in rates else "" for count in counts) + " |"
            for name, rates in rows.items()]


def table(cells, limits, ceilings, statistic):
    columns = [peer for peer in NAMES if any(peer in peers for peers in cells.values())]
    lines = ["| | " + " | ".join(NAMES[peer] for peer in columns) + " | **Keratin** | × best peer | limit | ÷ limit |",
             "|---|" + "---:|" * (len(columns) + 4)]
    ahead = {}
    for cell in sorted(cells, key=cell_key):
        seconds = figures(cell, cells[cell], statistic)
        best, own = best_of(seconds), seconds.get(KERATIN)
        row = []
        for peer in columns:
            text = milliseconds(seconds[peer]) if peer in seconds else "fails" if peer in cells[cell] else ""
            row.append(f"**{text}**" if peer == best else text)
        limit = ceilings.limit(cell, limits.get(cell, {}))
        row.append(milliseconds(own) if own else "fails" if KERATIN in cells[cell] else "")
        row.append(f"{seconds[best] / own:.2f}" if own and best else "")
        row.append(f"{milliseconds(limit[0])} {limit[1]}" if limit else "")
        row.append(f"{own / limit[0]:.2f}" if own and limit else "")
        if own and best:
            ahead.setdefault(cell.split()[2], []).append(seconds[best] / own)
        lines.append(f"| {cell} | " + " | ".join(row) + " |")
    for threads, ratios in sorted(ahead.items()):
        lines += ["", f"Geometric mean of “× best peer”, {threads[1:]} thread{'s' * (threads != 't1')}: "
                      f"{geometric_mean(ratios):.2f}; least {min(ratios):.2f}."]
    return lines


def loops(cells):
    """Short calls: from Python, and in C."""
    lines = ["| | from Python | in C |", "|---|---:|---:|"]
    for cell in sorted(cells, key=cell_key):
        seconds = figures(cell, cells[cell], min)
        if KERATIN in seconds and LOOP in seconds:
            lines.append(f"| {cell} | {seconds[KERATIN] * 1e6:.2f} | {seconds[LOOP] * 1e6:.2f} |")
    return lines


def variants(cells):
    """Keratin compiled in other ways, and the error against Keras."""
    lines = ["| | " + " | ".join(VARIANTS.values()) + " | OpenVINO bf16 | errors |", "|---|" + "---:|" * (len(VARIANTS) + 1) + "---|"]
    for cell in sorted(cells, key=cell_key):
        seconds = figures(cell, cells[cell], min)
        if not any(peer in seconds for peer in VARIANTS if peer != KERATIN):
            continue
        row = [milliseconds(seconds[peer]) if peer in seconds else "" for peer in (*VARIANTS, "ov:bf16")]
        errors = [f"{cells[cell][peer]['error']:.0e}" for peer in VARIANTS if peer in seconds]
        lines.append(f"| {cell} | " + " | ".join(row) + " | " + ", ".join(errors) + " |")
    return lines


def agreement(cells):
    """How far Keratin's results are from Keras's."""
    lines = ["| | relative error | loss of the fifth step | Keras's |", "|---|---:|---:|---:|"]
    for cell in sorted(cells, key=cell_key):
        own, keras = cells[cell].get(KERATIN, {}), cells[cell].get(REFERENCE, {})
        if "error" in own:
            lines.append(f"| {cell} | {own['error']:.1e} | | |")
        elif "loss" in own:
            wanted = keras.get("loss")
            lines.append(f"| {cell} | " + (f"{abs(own['loss'] / wanted - 1):.1e}" if wanted else "") +
                         f" | {own['loss']:.6f} | " + (f"{wanted:.6f}" if wanted else "") + " |")
    return lines


def notes(cells, limits):
    """What failed, and what was measured while others used the machine."""
    lines = []
    for cell in sorted(cells, key=cell_key):
        for peer, measured in cells[cell].items():
            why = failure_of(measured, cell, cells[cell])
            if why is None and all(run["disturbed"] for run in measured["runs"]):
                least = min(run["others"] for run in measured["runs"])
                why = f"measured while other programs used {least:.1f} cores"
            if why:
                lines.append(f"* {cell}, {NAMES.get(peer, peer.capitalize())}: " + " ".join(why.replace("|", "/").split()))
        if "failed" in limits.get(cell, {}):
            lines.append(f"* {cell}, limit: " + " ".join(limits[cell]["failed"].split()))
    return lines or ["Nothing."]


def machine_text(machine):
    flags = machine["flags"].split()
    caches = ", ".join(f"{level} {size}" for level, size in machine["caches"].items())
    return (f"{machine['cpu']} (family {machine['family']}), {machine['cores']} cores, {caches}, Linux {machine['kernel']}; "
            f"{' '.join(flag for flag in FEATURES if flag in flags)}. {machine['date']}.")


def main():
    here = pathlib.Path(__file__).resolve().parent
    data = json.loads(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else here / "results.json").read_text())
    cells, limits = data["cells"], data["limits"]
    ceilings = Ceilings(limits)
    versions = {measured["version"] for peers in cells.values() for measured in peers.values() if "version" in measured}
    works = [work for work in TITLES if any(cell.split()[0] == work for cell in cells)]
    lines = ["# Keratin and its peers", "", machine_text(data["machine"]), "", "; ".join(sorted(versions)) + ".", "",
             "Milliseconds per call; “b32 t2” is 32 samples at a time on 2 threads. The best peer is in bold; “× best peer” is its "
             "time divided by Keratin's, “÷ limit” Keratin's time divided by what the machine allows. "
             "[README.md](README.md) has the method.", ""]
    lines += [f"* {work}: {TITLES[work]}" for work in works] + [""]
    for title, statistic in (("minimum", min), ("median", statistics.median)):
        lines += [f"## Milliseconds, {title}", ""] + table(cells, limits, ceilings, statistic) + [""]
    if any(LOOP in peers for peers in cells.values()):
        lines += ["## Short calls of Keratin, microseconds", ""] + loops(cells) + [""]
    if any(peer in peers for peers in cells.values() for peer in VARIANTS if peer != KERATIN):
        lines += ["## Keratin in other ways, milliseconds", ""] + variants(cells) + [""]
    lines += ["## Agreement with Keras", ""] + agreement(cells) + [""]
    lines += ["## Ceilings", ""] + ceilings.table() + [""]
    lines += ["## What does not count, or counts less", ""] + notes(cells, limits) + [""]
    lines += ["## Commands", "", "```sh"] + data["commands"] + ["```"]
    print("\n".join(lines))


main()
