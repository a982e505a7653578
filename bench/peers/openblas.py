"""OpenBLAS of PyPI's scipy-openblas64: dense layers and 1x1 convolutions with stride 1, as a product alone, without bias and ReLU.

The variant is the name of its kernels, which it does not choose well itself on processors newer than it is: openblas:SkylakeX.
"""

import ctypes
import os

import numpy as np

from peers import base, native
from problems import is_conv, numbers_of


class Peer(base.Peer):
    @classmethod
    def set_up(cls, job):
        os.environ["OPENBLAS_CORETYPE"] = job.variant
        import scipy_openblas64

        library = os.path.join(scipy_openblas64.get_lib_dir(), f"lib{scipy_openblas64.get_library()}.so")
        cls.native = native.compiled("openblas.c", library, f"-Wl,-rpath,{os.path.dirname(library)}")
        cls.native.scipy_openblas_get_config64_.restype = cls.native.scipy_openblas_get_corename64_.restype = ctypes.c_char_p

    def load(self):
        job = self.job
        self.x, self.weights, self.y = job.array("x"), job.array("w"), base.aligned(np.zeros_like(job.array("y")))
        if is_conv(job.work) and numbers_of(job.work)[3:] != [1, 1]:
            raise ValueError("no product of matrices")
        terms, columns = self.weights.shape[-2:]
        sizes = native.numbers(self.x.size // terms, terms, columns)
        given = [native.pointer(array) for array in (self.x, self.weights, self.y)]
        self.repeat = lambda count: self.native.repeat(*native.numbers(count), *sizes, *given)

    def result(self):
        self.repeat(1)
        return np.maximum(self.y + self.job.array("b"), 0)

    def version(self):
        core = self.native.scipy_openblas_get_corename64_().decode()
        return " ".join(self.native.scipy_openblas_get_config64_().decode().split()[:2]) + f", {core}"
