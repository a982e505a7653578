#!/usr/bin/env python3
"""What compiled models cost beside the time of a call: bench/footprint.py KERATIN NAME=MODEL… [--cpu x86-64-v2,x86-64-v3,x86-64-v4]

Prints, as a table, the bytes of code for each level of processors; how long a process that has just begun takes to its first
prediction, the file being in the page cache; and the most memory that it then has held. Batch 1, one thread, processes in
turns, of times the least (the median in brackets). Needs a C compiler and binutils.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def output_of(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def compile_model(keratin, model, library, cpu):
    output_of(keratin, "compile", model, "-o", library, "--name", "m", "--batch", "1", "--cpu", cpu)


def sections(library):
    """Bytes by section."""
    rows = [line.split() for line in output_of("size", "-A", library).splitlines()]
    return {row[0]: int(row[1]) for row in rows if row and row[0].startswith(".")}


def kilobytes(count):
    return f"{count / 1024:,.0f} KB"


def milliseconds(value):
    return f"{value:.3f} ms" if value < 1 else f"{value:.1f} ms"


def least_and_median(values):
    return f"{milliseconds(min(values))} ({milliseconds(statistics.median(values))})"


def code_rows(keratin, models, levels, folder):
    for name, model in models.items():
        library = folder / "code.so"
        sizes = []
        for cpu in levels + [",".join(levels)]:
            compile_model(keratin, model, library, cpu)
            sizes.append(sections(library)[".text"])
        yield name, *map(kilobytes, sizes)


def process_rows(keratin, models, runs, folder):
    program, libraries = folder / "footprint", {}
    output_of("cc", "-O2", "-I", HERE.parent, HERE / "native" / "footprint.c", "-o", program)
    for name, model in models.items():
        libraries[name] = folder / f"{len(libraries)}.so"
        compile_model(keratin, model, libraries[name], "native")
        libraries[name].read_bytes()  # into the page cache
    found = {name: [] for name in models}
    for _ in range(runs):
        for name, library in libraries.items():
            lines = output_of(program, library).split("\n")
            found[name].append({key: float(value) for key, value in (line.split() for line in lines if line)})
    for name, results in found.items():
        first, warm, read = ([run[key] for run in results] for key in ("first_ms", "warm_ms", "read_ms"))
        stored = sections(libraries[name])[".rodata"]
        beside = max(run["peak_kb"] - run["planned_kb"] for run in results) * 1024 - stored
        yield (name, least_and_median(first), least_and_median(warm), least_and_median(read), kilobytes(stored),
               kilobytes(results[0]["planned_kb"] * 1024), kilobytes(beside))


def print_table(columns, rows):
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keratin", type=pathlib.Path)
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--cpu", default="x86-64-v2,x86-64-v3,x86-64-v4")
    parser.add_argument("--runs", type=int, default=20)
    given = parser.parse_args()
    models = dict(text.split("=", 1) for text in given.models)
    levels = given.cpu.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        print_table(["code", *levels, "all in one"], code_rows(given.keratin, models, levels, folder))
        print_table(["process", "load and first call", "later call", "reading the file", "weights", "workspace and arrays",
                     "peak beyond both"],
                    process_rows(given.keratin, models, given.runs, folder))


if __name__ == "__main__":
    sys.exit(main())
