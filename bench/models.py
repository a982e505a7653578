"""The benchmark's models, each written once, in plain Keras 3, without a custom layer; those that are trained end in logits."""

import keras
import numpy as np
from keras import layers

from cells import is_training


def sequential(name, shape, hidden, classes=10, softmax=True):
    return keras.Sequential([keras.Input(shape), *hidden, layers.Dense(classes, activation="softmax" if softmax else None)],
                            name=name)


def small_mlp(softmax=True):
    return sequential("small_mlp", (784,), [layers.Dense(32, activation="relu")], softmax=softmax)


def mlp512(softmax=True):
    return sequential("mlp512", (784,), [layers.Dense(512, activation="relu"), layers.Dense(512, activation="relu")],
                      softmax=softmax)


def mnist_cnn(softmax=True):
    return sequential("mnist_cnn", (28, 28, 1), [
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dense(128, activation="relu")], softmax=softmax)


def lstm(softmax=True):
    return sequential("lstm", (100, 64), [layers.LSTM(128)], softmax=softmax)


def gru(softmax=True):
    return sequential("gru", (100, 64), [layers.GRU(128)], softmax=softmax)


def encoder(blocks=6, width=256, heads=8, length=128):
    """A transformer's encoder, normalised after each half of a block."""
    given = x = keras.Input((length, width))
    for _ in range(blocks):
        attended = layers.MultiHeadAttention(heads, width // heads)(x, x)
        x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, attended]))
        hidden = layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(x))
        x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, hidden]))
    return keras.Model(given, x, name="encoder%d" % blocks)


def resnet18_cifar():
    def normalised(x, filters, stride=1, relu=True, size=3):
        x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9)(x)
        return layers.ReLU()(x) if relu else x

    given = keras.Input((32, 32, 3))
    x = normalised(given, 64)
    for filters, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        y = normalised(normalised(x, filters, stride), filters, relu=False)
        if stride != 1:
            x = normalised(x, filters, stride, relu=False, size=1)
        x = layers.ReLU()(layers.Add()([x, y]))
    return keras.Model(given, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)), name="resnet18_cifar")


BUILDERS = {
    "W1": small_mlp,
    "W2": mlp512,
    "W3": mnist_cnn,
    "W4": lambda: keras.applications.ResNet50(weights=None),
    "W5": lambda: keras.applications.MobileNetV2(weights=None),
    "W6": lstm,
    "W7": gru,
    "W8": encoder,
    "T1": lambda: small_mlp(False),
    "T2": lambda: mlp512(False),
    "T3": lambda: mnist_cnn(False),
    "T4": lambda: lstm(False),
    "T5": resnet18_cifar,
}


def build(name):
    keras.utils.set_random_seed(1)
    model = BUILDERS[name]()
    if not is_training(name):
        move_statistics(model)
    return model


def move_statistics(model):
    """Batch normalisations get statistics that do something, so that whoever drops them is caught."""
    random = np.random.default_rng(2)
    for layer in model.layers:
        if not isinstance(layer, layers.BatchNormalization):
            continue
        channels = layer.moving_mean.shape[0]
        values = [random.uniform(0.6, 1.0, channels)] if layer.scale else []
        values += [random.normal(0, 0.1, channels)] if layer.center else []
        values += [random.normal(0, 0.1, channels), random.uniform(0.7, 1.3, channels)]
        layer.set_weights([value.astype("float32") for value in values])
