"""oneDNN of PyPI's onednn-devel-cpu-gomp: a layer with bias and ReLU as one primitive, its weights as it wants them.

The variant `own` also has images in its own layouts, and dense layers as an inner product (native/onednn.cpp).
"""

import ctypes
import sys

import numpy as np

from peers import base, native
from problems import is_conv, numbers_of


class Peer(base.Peer):
    @classmethod
    def set_up(cls, job):
        cls.native = native.compiled("onednn.cpp", f"-I{sys.prefix}/include", f"-L{sys.prefix}/lib", "-ldnnl",
                                     f"-Wl,-rpath,{sys.prefix}/lib")
        cls.native.dense.restype = cls.native.conv.restype = ctypes.c_void_p

    def load(self):
        job = self.job
        self.arrays = [*map(job.array, "xwb"), base.aligned(np.zeros_like(job.array("y")))]
        make = self.native.conv if is_conv(job.work) else self.native.dense
        self.layer = ctypes.c_void_p(make(int(job.variant == "own"), *native.numbers(job.batch, *numbers_of(job.work)),
                                          *map(native.pointer, self.arrays)))

    def repeat(self, count):
        self.native.repeat(self.layer, *native.numbers(count))

    def result(self):
        self.repeat(1)
        self.native.finish(self.layer)
        return self.arrays[3]

    def version(self):
        self.native.dnnl_version.restype = ctypes.POINTER(ctypes.c_int * 3)
        return "oneDNN " + ".".join(map(str, self.native.dnnl_version().contents))
