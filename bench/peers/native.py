"""Peers that are libraries of C or C++: a source of bench/native, compiled when the process begins, called by ctypes."""

import ctypes
import os
import pathlib
import subprocess
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "native"


def compiled(source, *options):
    library = pathlib.Path(tempfile.mkdtemp(prefix="peer")) / "peer.so"
    compiler = os.environ.get("CXX", "c++") if source.endswith(".cpp") else os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", FOLDER / source, "-o", library, *options], check=True)
    return ctypes.CDLL(str(library))


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def numbers(*values):
    return [ctypes.c_int64(value) for value in values]
