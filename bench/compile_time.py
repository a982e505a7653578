#!/usr/bin/env python3
"""How long `keratin compile` takes against the size of the model.

    KERAS_BACKEND=jax python bench/compile_time.py [KERATIN]        needs Keras

Two kinds of models: chains of equal residual blocks, which show whether time grows faster than the number of nodes, and models of
keras.applications, whose weights have to be read, prepared and written. Seconds of processor time, the least of three runs; what is not
LLVM's, linking's or weights' share is what `keratin dump --stage loops` takes. A table in Markdown.
"""
import os
import resource
import subprocess
import sys
import tempfile

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
from keras import layers

KERATIN = sys.argv[1] if len(sys.argv) > 1 else "build/release/bin/keratin"
CHAINS = [50, 100, 200, 400, 800]
APPLICATIONS = ["MobileNet", "ResNet50", "DenseNet201", "EfficientNetB7", "EfficientNetV2L", "NASNetLarge", "ConvNeXtXLarge"]


def chain(blocks):
    x = image = layers.Input((16, 16, 8))
    for _ in range(blocks):
        y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x))
        x = layers.Add()([x, layers.Activation("relu")(y)])
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def processor_seconds(*arguments):
    """The least of three runs."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([KERATIN, *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds)


def measure(name, model, folder):
    path, library = os.path.join(folder, "model.keras"), os.path.join(folder, "model.so")
    model.save(path)
    nodes = subprocess.run([KERATIN, "dump", path], check=True, capture_output=True, text=True).stdout.count(" = ")
    megabytes = os.path.getsize(path) / 1e6
    loops, whole = processor_seconds("dump", path, "--stage", "loops"), processor_seconds("compile", path, "-o", library)
    print(f"| {name} | {nodes:,} | {megabytes:,.0f} | {loops:.2f} | {whole:.2f} | {1e3 * whole / nodes:.2f} |", flush=True)


def main():
    print("| model | nodes | file, MB | to loops, s | all, s | ms per node |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for blocks in CHAINS:
            measure(f"{blocks} residual blocks", chain(blocks), folder)
        for name in APPLICATIONS:
            keras.backend.clear_session()
            measure(name, getattr(keras.applications, name)(weights=None), folder)


if __name__ == "__main__":
    main()
