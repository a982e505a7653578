#!/usr/bin/env python3
"""Has TensorBoard read what a trainer wrote for it.

    python check_tensorboard.py KERATIN        KERATIN: the program, build/release/bin/keratin; needs tensorboard

Training is stopped after two epochs and goes on for a third, so that there are two files to read. What TensorBoard finds in them is what
the trainer's history says. Exits with 77 if Python has no tensorboard.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray
except ImportError:
    print("skipped: this Python has no tensorboard")
    sys.exit(77)

CASE = pathlib.Path(__file__).resolve().parent.parent / "golden" / "training" / "cce_adam"


def read(folder):
    """Of each tag the plugin and, by step, the arrays."""
    events = EventAccumulator(str(folder), size_guidance={TENSORS: 0})
    events.Reload()
    tags = {}
    for tag in events.Tags()["tensors"]:
        plugin = events.SummaryMetadata(tag).plugin_data.plugin_name
        tags[tag] = plugin, [(event.step, make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)]
    return tags


def expect(found, wanted, what):
    if found != wanted:
        sys.exit(f"{what}: {found}, not {wanted}")


def expect_scalars(tags, tag, steps, values=None):
    plugin, events = tags.pop(tag)
    expect(plugin, "scalars", tag)
    expect([step for step, _ in events], list(steps), f"steps of {tag}")
    for _, value in events:
        expect((value.dtype, value.shape), ("float32", ()), tag)
    if values is not None:
        expect([float(value) for _, value in events], values, tag)


def main(keratin):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([keratin, "compile", CASE / "model.keras", "--trainer", "-o", folder / "trainer"], check=True)
        for epochs in ["2", "3"]:
            options = ["--epochs", epochs, "--validation-split", "0.25", "--batch-size", "8", "--verbose", "0"]
            files = ["--history", folder / "h.json", "--checkpoint", folder / "c.safetensors"]
            board = ["--tensorboard", f"log_dir={folder}/logs", "update_freq=2", "histogram_freq=2", "write_steps_per_second"]
            subprocess.run([folder / "trainer", "fit", "--data", CASE / "data.npz", *options, *files, *board], check=True)
        history = json.loads((folder / "h.json").read_text())
        train, validation = read(folder / "logs" / "train"), read(folder / "logs" / "validation")

    metrics = [name for name in history if not name.startswith("val_")]
    steps_of_evaluations = [step for step, _ in validation["evaluation_loss_vs_iterations"][1]]
    batches = steps_of_evaluations[-1]
    expect(steps_of_evaluations, [batches // 3, 2 * batches // 3, batches], "steps of evaluations")
    for name in metrics:
        expect_scalars(train, f"epoch_{name}", range(3), history[name])
        expect_scalars(train, f"batch_{name}", range(2, batches + 1, 2))
        expect_scalars(validation, f"epoch_{name}", range(3), history[f"val_{name}"])
        expect_scalars(validation, f"evaluation_{name}_vs_iterations", steps_of_evaluations, history[f"val_{name}"])
    expect_scalars(train, "epoch_learning_rate", range(3))
    expect_scalars(train, "epoch_steps_per_second", range(3))
    expect_scalars(train, "batch_steps_per_second", range(2, batches + 1, 2))
    expect(list(validation), [], "other tags of the validation")
    expect(any(tag.endswith("/kernel/histogram") for tag in train), True, "a kernel is among the histograms")
    for tag, (plugin, events) in train.items():
        expect(plugin, "histograms", tag)
        expect([step for step, _ in events], [0, 2], f"steps of {tag}")
        for _, buckets in events:
            expect((buckets.dtype, buckets.shape), ("float64", (30, 3)), tag)
            expect(buckets[:, 2].sum() >= 1, True, f"{tag} counts")
    print(f"TensorBoard reads all that a trainer of {CASE.name} wrote")


main(*sys.argv[1:])
