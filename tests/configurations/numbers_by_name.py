"""Numbers that follow from a name: drawn here and in the tests by the same rule, so that files need not hold them.

Element i of what is called NAME is low + (high - low) * u, u being the upper 24 bits, as a fraction, of
splitmix64(fnv1a64(NAME) + i * 0x9E3779B97F4A7C15). tests/configurations.cpp has the same in C++.
"""
import numpy as np

GOLDEN = 0x9E3779B97F4A7C15


def fnv1a64(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def fill(name, shape, low, high, dtype="float32"):
    count = int(np.prod(shape, dtype=np.int64))
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a64(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    fraction = (z >> np.uint64(40)).astype(np.float64) / 2**24
    values = low + (high - low) * fraction
    if np.dtype("float32" if dtype == "bfloat16" else dtype).kind in "iub":
        values = np.floor(values)
    if dtype == "bfloat16":
        import ml_dtypes
        return values.astype(np.float32).astype(ml_dtypes.bfloat16).reshape(shape)
    if dtype != "float64":
        values = values.astype(np.float32)
    return values.astype(dtype).reshape(shape)
