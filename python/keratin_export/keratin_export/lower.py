"""Jaxprs as statements of Graph IR. What each primitive becomes stands in the modules of `RULES`."""
import os

import jax
import keras
import numpy as np
from jax.extend import core

from .graph import Number, Parts, complex_of, untyped

_HERE = os.path.dirname(os.path.abspath(__file__))


def _is_below(path, package):
    return path.startswith(os.path.dirname(package.__file__) + os.sep)


def is_of_jax(path):
    return _is_below(path, jax)


class Unsupported(Exception):
    """What Graph IR has no form for: the message names it, the layer and the line that asked for it."""


class Named(Unsupported):
    """It says which primitive, but not where."""


class Placed(Named):
    pass


def where(equation):
    """The layer and the source line that an equation comes from; nothing if it is one of JAX's own, inside a function of JAX's."""
    frames = equation.source_info.traceback.frames if equation.source_info.traceback else []
    frames = [f for f in frames if not f.file_name.startswith(_HERE) and not is_of_jax(f.file_name)]
    if not frames:
        return ""
    # Up to the innermost layer's call: somebody's own source, or else Keras's.
    end = next((i for i, f in enumerate(frames) if f.function_name.endswith("Layer.__call__")), len(frames))
    own = [f for f in frames[:end] if not _is_below(f.file_name, keras)]
    layer, near = layer_of(equation), (own or frames)[0]
    return f'{f"layer {chr(34)}{layer}{chr(34)}" if layer else "the model"}, {near.file_name}:{near.line_num}'


def layer_of(equation):
    """Names of layers around an equation: "encoder/dense". JAX's own words for what it does have brackets."""
    steps = str(equation.source_info.name_stack).split("/")
    return "/".join(step for step in steps if step and "(" not in step)


class Lowering:
    """Writes jaxprs into one body."""

    def __init__(self, body, rules, rules_of_parts):
        self.body, self.rules, self.rules_of_parts = body, rules, rules_of_parts

    def into(self, body):
        """The same for another body."""
        return Lowering(body, self.rules, self.rules_of_parts)

    def run(self, jaxpr, constants, arguments):
        """The values of a jaxpr's results; what they do not need is left out."""
        values = dict(zip(jaxpr.constvars, constants)) | dict(zip(jaxpr.invars, arguments))

        def read(atom):
            if isinstance(atom, core.Literal):
                return self.literal(atom.val, atom.aval)
            return values[atom]

        for equation in needed(jaxpr):
            name, operands = equation.primitive.name, [read(atom) for atom in equation.invars]
            rule = (self.rules_of_parts if has_parts(equation) else self.rules).get(name)
            layer = layer_of(equation)
            outer, self.body.location = self.body.location, layer or self.body.location
            try:
                if rule is None:
                    raise Unsupported("is not supported" + (" on complex numbers or keys" if name in self.rules else ""))
                results = rule(self, equation, *operands)
            except (Unsupported, ValueError) as error:
                named = error if isinstance(error, Named) else Named(f"the primitive {equation.primitive.name} {error}")
                place = where(equation)
                raise (Placed(f"{place}: {named}") if place and not isinstance(named, Placed) else named) from None
            finally:
                self.body.location = outer
            for variable, value in zip(equation.outvars, results if isinstance(results, (list, tuple)) else [results]):
                values[variable] = value
        return [read(atom) for atom in jaxpr.outvars]

    def closed(self, jaxpr, arguments):
        return self.run(jaxpr.jaxpr, [self.constant(c) for c in jaxpr.consts], arguments)

    def constant(self, array):
        if isinstance(array, (int, float, bool, np.generic)) or getattr(array, "dtype", None) is not None:
            if jax.dtypes.issubdtype(array.dtype if hasattr(array, "dtype") else type(array), jax.dtypes.prng_key):
                words = np.asarray(jax.random.key_data(array))
                return Parts(array.dtype, [self.body.constant(words[..., i].copy()) for i in range(words.shape[-1])])
            array = np.asarray(array)
            if array.dtype == "complex64":
                return complex_of(self.body.constant(array.real.copy()), self.body.constant(array.imag.copy()))
            if untyped(array.dtype):
                raise Unsupported("reads a constant of " + untyped(array.dtype))
            return self.body.constant(array)
        raise Unsupported(f"reads a constant of type {type(array).__name__}")

    def literal(self, value, aval):
        number = np.asarray(value).item()
        if isinstance(number, complex):
            return complex_of(Number(number.real, "float32"), Number(number.imag, "float32"))
        return Number(number, str(aval.dtype), ())

    def traced(self, function, *arguments):
        """What a function of JAX computes of values, in place."""
        shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arguments]
        return self.closed(jax.make_jaxpr(function)(*shapes), arguments)


def has_parts(equation):
    """Whether there are complex numbers or keys among its operands and results."""
    dtypes = [v.aval.dtype for v in (*equation.invars, *equation.outvars) if hasattr(v.aval, "dtype")]
    return any(jax.dtypes.issubdtype(dtype, kind) for dtype in dtypes for kind in (np.complexfloating, jax.dtypes.prng_key))


def needed(jaxpr):
    """The equations whose results are asked for, in order."""
    wanted = {v for v in jaxpr.outvars if not isinstance(v, core.Literal)}
    kept = []
    for equation in reversed(jaxpr.eqns):
        if any(v in wanted for v in equation.outvars):
            kept.append(equation)
            wanted.update(v for v in equation.invars if not isinstance(v, core.Literal))
    return reversed(kept)
