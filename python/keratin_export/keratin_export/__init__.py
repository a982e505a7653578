"""Keras models with layers of one's own, written in Python, for Keratin.

    from keratin_export import export
    export(model, "mine.kir")            # and mine.kir.safetensors; then: keratin compile mine.kir -o mine.so

What the layers compute is traced by JAX and written as Keratin's Graph IR. Needs KERAS_BACKEND=jax.
"""
from .export import export
from .lower import Unsupported

__all__ = ["Unsupported", "export"]
