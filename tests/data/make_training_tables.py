#!/usr/bin/env python3
"""Makes training_tables.json: schedules, constraints, regularizers and initializers of Keras, with more arguments than the tables
schedules.json … initializers.json have.

    KERAS_BACKEND=jax python make_training_tables.py        needs Keras 3.15, jax and scipy
"""
import json
import os

import keras
import numpy as np
from keras import constraints, initializers, regularizers
from keras.optimizers import schedules

HERE = os.path.dirname(os.path.abspath(__file__))
RNG = np.random.Generator(np.random.PCG64(13))


def described(made):
    one = keras.saving.serialize_keras_object(made)
    return {"class_name": one["class_name"], "config": one["config"]}


def numbers(value):
    array = np.asarray(keras.ops.convert_to_numpy(value))
    if array.ndim == 0:
        return float(np.format_float_positional(np.float32(array), unique=True)) if np.isfinite(array) else str(array)
    return [numbers(v) for v in array]


def schedule_rows():
    s = schedules
    made = [
        s.ExponentialDecay(0.3, 4, 0.9), s.ExponentialDecay(0.01, 2, 1.5, staircase=True),
        s.InverseTimeDecay(0.3, 3, 2.0), s.InverseTimeDecay(0.01, 8, 0.1, staircase=True),
        s.PiecewiseConstantDecay([1], [0.5, 0.25]), s.PiecewiseConstantDecay([2, 3, 9], [1.0, 0.5, 0.75, 0.0]),
        s.PolynomialDecay(0.3, 5), s.PolynomialDecay(0.3, 5, 0.02, 0.5), s.PolynomialDecay(0.01, 7, 0.3, 3.0, cycle=True),
        s.CosineDecay(0.3, 9, alpha=0.5), s.CosineDecay(0.0, 6, 0.1, warmup_target=0.2, warmup_steps=5),
        s.CosineDecay(0.05, 6, warmup_target=0.2, warmup_steps=0), s.CosineDecay(0.3, 9, warmup_steps=4),
        s.CosineDecayRestarts(0.3, 4, t_mul=1.5, m_mul=0.9), s.CosineDecayRestarts(0.3, 5, t_mul=1.0, alpha=0.3),
        s.CosineDecayRestarts(0.01, 3, t_mul=3.0, m_mul=1.1, alpha=0.05)]
    return [dict(described(each), lr=[numbers(each(step)) for step in range(30)]) for each in made]


def applied(made, shapes):
    rows = []
    for each, shape in zip(made, shapes):
        w = (RNG.standard_normal(shape) * 2).astype("float32")
        rows.append(dict(described(each), w=numbers(w), value=numbers(each(keras.ops.convert_to_tensor(w)))))
    return rows


def constraint_rows():
    c = constraints
    return applied(
        [c.MaxNorm(), c.MaxNorm(0.5, axis=None), c.MaxNorm(1.0, axis=[0, 1, 2]), c.MaxNorm(3, axis=-1),
         c.MinMaxNorm(), c.MinMaxNorm(1.0, 2.0, 0.5, axis=[0, 1]), c.MinMaxNorm(0.1, 0.2, 1.0, axis=1),
         c.MinMaxNorm(4.0, 5.0, 0.25), c.UnitNorm(), c.UnitNorm(axis=[0, 1, 2]), c.UnitNorm(axis=-2), c.UnitNorm(axis=None),
         c.NonNeg()],
        [(3,), (3, 2), (2, 2, 3, 2), (2, 2, 3), (4, 3), (2, 3, 2), (3, 4), (3,), (5,), (2, 1, 3, 2), (3, 2, 2), (2, 3),
         (2, 2, 2)])


def regularizer_rows():
    r = regularizers
    return applied(
        [r.L1(), r.L1(0.5), r.L2(), r.L2(0.3), r.L1L2(), r.L1L2(0.1, 0.0), r.L1L2(0.0, 0.2),
         r.OrthogonalRegularizer(), r.OrthogonalRegularizer(0.5, "columns"), r.OrthogonalRegularizer(1.0, "rows")],
        [(3,), (2, 3, 2), (3, 2), (2, 2, 2, 2), (3,), (4,), (2, 2), (3, 4), (4, 2), (5, 2)])


def initializer_rows():
    i = initializers
    rows = [(i.Constant([1.5, -2.0, 0.25]), (2, 3)), (i.Constant(np.arange(6, dtype="float32").reshape(2, 3)), (2, 3)),
            (i.Constant([[1.0], [2.0]]), (2, 3)), (i.Constant(3), (2,)), (i.Identity(), (3, 3)),
            (i.Identity(), (2, 4)), (i.Identity(), (4, 2))]
    for n, window in enumerate((
            "hann", "hamming", "blackman", "nuttall", "blackmanharris", "flattop", "boxcar", "triang", "bartlett", "parzen",
            "bohman", "barthann", "cosine", "exponential", "tukey", "lanczos", None, np.array([1.0, 2.0, 3.0, 2.0, 0.5]))):
        length = 5 if isinstance(window, np.ndarray) else 7 + n % 2
        rows.append((i.STFT("imag" if n % 3 == 0 else "real", window, ("density", "spectrum", None)[n % 3], n % 4 > 1),
                     (length, 1, 4)))
    return [dict(described(made), shape=shape, value=numbers(made(shape))) for made, shape in rows]


def main():
    tables = {"schedules": schedule_rows(), "constraints": constraint_rows(), "regularizers": regularizer_rows(),
              "initializers": initializer_rows()}
    with open(os.path.join(HERE, "training_tables.json"), "w", encoding="utf-8") as file:
        file.write("{" + ",\n".join(
            f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for name, rows in tables.items()) + "}\n")


if __name__ == "__main__":
    main()
