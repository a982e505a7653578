"""A compiled model in Python, by nothing but ctypes: what it takes and gives is asked of the shared object.

    keratin compile ../../models/digits_mlp.keras -o digits_mlp.so
    python3 predict.py ./digits_mlp.so
"""
import ctypes
import math
import sys

library = ctypes.CDLL(sys.argv[1])


class Dim(ctypes.Structure):
    _fields_ = [("size", ctypes.c_int64), ("symbol", ctypes.c_int32), ("reserved", ctypes.c_int32)]


class Array(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_uint32), ("rank", ctypes.c_uint32),
                ("shape", ctypes.POINTER(Dim))]

    def shape_for(self, n):
        return [dim.size if dim.symbol < 0 else dim.size * n for dim in self.shape[:self.rank]]


class Info(ctypes.Structure):  # the beginning of struct keratin_info: what is used here
    _fields_ = [("size", ctypes.c_uint32), ("abi_version", ctypes.c_uint32), ("name", ctypes.c_char_p),
                ("input_count", ctypes.c_uint32), ("output_count", ctypes.c_uint32),
                ("inputs", ctypes.POINTER(Array)), ("outputs", ctypes.POINTER(Array)),
                ("batch", ctypes.c_uint64), ("state_bytes", ctypes.c_uint64)]


library.keratin_info.restype = ctypes.POINTER(Info)
info = library.keratin_info().contents
prefix = info.name.decode()
for kind, arrays in ("takes", info.inputs[:info.input_count]), ("gives", info.outputs[:info.output_count]):
    for array in arrays:
        print(f"{prefix} {kind} {array.name.decode()} {array.shape_for(1)}")

n = 1
pixels = (ctypes.c_float * math.prod(info.inputs[0].shape_for(n)))()
for row in range(5, 23):  # a one: a stroke down the middle of 28 x 28 pixels
    for column in range(13, 15):
        pixels[row * 28 + column] = 1.0
results = (ctypes.c_float * math.prod(info.outputs[0].shape_for(n)))()

predict = getattr(library, prefix + "_predict_alloc")
status = predict(pixels, results, ctypes.c_size_t(n))
if status != 0:
    explain = getattr(library, prefix + "_strerror")
    explain.restype = ctypes.c_char_p
    sys.exit(explain(status).decode())
print("class", max(range(len(results)), key=lambda i: results[i]))
