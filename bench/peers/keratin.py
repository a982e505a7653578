"""Keratin: models compiled by the program that BENCH_KERATIN names, build/release/bin/keratin, for the batch at hand.

Inference is `keratin compile` and a Python module over its header (native/predict.c); training the step of a trainer, through a
module that is built with the project (training_step.cpp). The variant `loop` makes its repetitions in C, `direct` too, without Winograd;
the others compile with an option.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sysconfig
import tempfile

import numpy as np

from cells import LOSS, OPTIMIZER
from peers import base

OPTIONS = {"exact": ["--exact"], "direct": ["--exact"], "fast": ["--fast-conv"], "bf16": ["--precision", "bf16"]}  # by variant
NATIVE = pathlib.Path(__file__).resolve().parent.parent / "native"


def loaded(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


class Peer(base.Peer):
    @classmethod
    def set_up(cls, job):
        cls.program = pathlib.Path(os.environ["BENCH_KERATIN"]).resolve()
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="keratin"))

    def load(self):
        job = self.job
        self.x = job.array("x")
        if job.is_training:
            self.load_step()
        else:
            self.load_library()
        if job.variant in ("loop", "direct"):
            self.repeat = self.repeat_in_c

    def load_library(self):
        job, name = self.job, f"{self.job.work}_b{self.job.batch}".replace("-", "_")
        library, module = self.folder / f"{name}.so", self.folder / f"python_{name}.so"
        batch = [] if job.model.suffix == ".kir" else ["--batch", str(job.batch)]  # text states its shapes
        output_of(self.program, "compile", job.model, "-o", library, *batch, "--name", name, *OPTIONS.get(job.variant, []))
        output_of(os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-I", sysconfig.get_paths()["include"],
                  "-I", self.folder, f"-DMODULE=python_{name}", f"-DMODEL={name}", f'-DHEADER="{name}.h"',
                  NATIVE / "predict.c", library, f"-Wl,-rpath,{self.folder}", "-o", module)
        self.y = base.aligned(np.zeros(job.array("y").shape, "float32"))
        compiled = loaded(f"python_{name}", module)
        compiled.start(job.batch, job.threads)
        predict, x, y = compiled.predict, self.x, self.y
        self.call = lambda: predict(x, y)
        self.repeat_in_c = lambda count: compiled.repeat(x, y, count)

    def load_step(self):
        job = self.job
        training = loaded("keratin_training", self.program.parent.parent / "lib" / "keratin_training.abi3.so")
        model = training.load(str(job.model), job.batch, job.threads, json.dumps(LOSS), json.dumps(OPTIMIZER))
        step, x, t = training.step, self.x, job.array("t")
        self.call = lambda: step(model, x, t)
        self.repeat_in_c = lambda count: training.repeat(model, x, t, count)

    def result(self):
        returned = self.call()
        return returned if self.job.is_training else self.y.copy()

    def version(self):
        return output_of(self.program, "--version").splitlines()[0].replace("keratin", "Keratin")
