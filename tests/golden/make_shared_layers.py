"""Writes layers/shared_between_models and layers/shared_in_wrappers: what is in several places of a model.

    KERAS_BACKEND=jax python tests/golden/make_shared_layers.py [NAME…]
"""
import keras
from keras import layers as L

from golden_case import write


def two_levels(name, layer, features):
    """A model with a layer that others have, too."""
    x = L.Input((features,))
    return keras.Model(x, L.Dense(features, name=f"{name}_own")(layer(x)), name=name)


x = L.Input((4,), name="x")
shared, norm = L.Dense(4, "tanh", name="shared"), L.BatchNormalization(name="norm")
first, second = two_levels("first", shared, 4), two_levels("second", shared, 4)
outer = two_levels("outer", first, 4)
h = norm(first(x) + second(x)) + outer(shared(x)) + two_levels("normed", norm, 4)(x)
write("shared_between_models", "Layers and a model in several models; Keras itself cannot load the file.", keras.Model(x, L.Dense(3)(h)),
      x=(3, 4))

x, y = L.Input((5, 4), name="x"), L.Input((4,), name="y")
step, slope = two_levels("step", L.Dense(4, "relu"), 4), L.PReLU(name="slope")
h = L.GlobalAveragePooling1D()(L.TimeDistributed(step)(x)) + step(y) + slope(L.Dense(4, activation=slope)(y))
write("shared_in_wrappers", "A model in a wrapper and by itself, an activation in a layer and by itself.",
      keras.Model([x, y], L.Dense(3)(h)), x=(3, 5, 4), y=(3, 4))
