#!/usr/bin/env python3
"""Makes tests/data/strings: models whose inputs are strings, as real Keras saves them, with strings and what Keras computes for them.

    KERAS_BACKEND=tensorflow python tests/data/make_strings.py

In one model each input goes to a layer of its own: arguments of StringLookup in lookups, of TextVectorization in texts; classifier is a
model of several layers with texts of any length, tags has two inputs of strings beside one of numbers,
and losses of a short training.
"""
import json
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf
from keras import layers

FOLDER = pathlib.Path(__file__).parent / "strings"

TEXTS = ["the cat sat on the mat", "The CAT, the dog!", "", "   ", "don't stop-me now_or never", "naïve Ätherwelle café",
         "日本語 の テキスト", "\ttabs\nand\r\nlines ", "😀 smile ~ 100%", "a b c d e f g h i j k l", "cat\u00a0dog the\u2003cat",
         "UNK [UNK] the cat"]
RAW = [b"the \xff cat", b"\xe2\x82 sat \xed\xa0\x80", b"\xf0\x9f\x98", b"mat\xc3", b"the\x0bcat\x0cdog\x1csat", b"\xc3\xa4 mat \xc0\x80",
       b"(cat)", b"!\xe2!\x82(\xac", b"", b"dog dog dog dog", b"CAT", b"x" * 90]
WORDS = ["cat", "dog", "Cat", "", "ünder", "[UNK]", "a word", "mat ", "日本", "x" * 70, "<pad>", "q"]
VOCABULARY = ["the", "cat", "dog", "sat", "mat", "ünder", "日本", "a", "t", "e", "the cat", "cat sat", "dont", "stopme", "\u00e4", "\ufffd", "of"]


def saved(name, inputs, outputs, arrays):
    model = keras.Model(inputs, outputs, name=name)
    if name == "tags":
        model.compile(keras.optimizers.SGD(0.05), "mse")
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    results = keras.saving.load_model(folder / "model.keras")([tf.constant(arrays[x.name]) for x in inputs])
    results = results if isinstance(results, (list, tuple)) else [results]
    np.savez_compressed(folder / "inputs.npz", **arrays)
    names = [x._keras_history.operation.name for x in model.outputs]
    np.savez_compressed(folder / "outputs.npz", **{n: np.asarray(r) for n, r in zip(names, results)})
    if name == "tags":
        y = np.random.default_rng(4).normal(size=(12, 1)).astype("float32")
        np.savez_compressed(folder / "data.npz", y=y, **{f"x:{n}": a for n, a in arrays.items()})
        batches = tf.data.Dataset.from_tensor_slices((arrays, y)).batch(4)
        losses = model.fit(batches, epochs=3, verbose=0).history["loss"]
        (folder / "losses.json").write_text(json.dumps(losses) + "\n")
    print(name, {n: np.asarray(r).shape for n, r in zip(names, results)})


def one_layer_each(name, made, arrays):
    inputs, outputs = [], []
    for i, layer in enumerate(made):
        array = arrays[i % len(arrays)]
        x = keras.Input(array.shape[1:], dtype="string", name=f"{name}_{i}")
        inputs.append(x)
        outputs.append(layer(x))
    saved(name, inputs, outputs, {x.name: arrays[i % len(arrays)] for i, x in enumerate(inputs)})


def adapted(layer, data):
    layer.adapt(data)
    return layer


def lookups():
    words, pairs = np.array(WORDS)[:, None], np.array(WORDS).reshape(6, 2)
    words = np.concatenate([words, words[::-1]], 1)
    pairs = np.concatenate([pairs, pairs[::-1]], 0)
    raw = np.array(RAW)[:, None]
    V = VOCABULARY
    S = layers.StringLookup
    weights = [0.5 + 0.25 * i for i in range(len(V))]
    one_layer_each("lookups", [
        S(vocabulary=V), S(vocabulary=V, num_oov_indices=3), S(vocabulary=V, num_oov_indices=5, salt=[133, 137]),
        S(vocabulary=V, mask_token="", num_oov_indices=2), S(vocabulary=["<pad>", "[UNK]"] + V, mask_token="<pad>"),
        S(vocabulary=V, oov_token="dog", max_tokens=30), S(vocabulary=V, output_mode="one_hot", num_oov_indices=4, salt=7),
        S(vocabulary=[v for v in V if v != "cat"], output_mode="multi_hot", mask_token="cat"),
        S(vocabulary=V, output_mode="count", pad_to_max_tokens=True, max_tokens=25),
        S(vocabulary=V, output_mode="tf_idf", idf_weights=weights),
        S(vocabulary=V, output_mode="tf_idf", idf_weights=weights, pad_to_max_tokens=True, max_tokens=22, encoding="latin-1"),
        adapted(S(max_tokens=6, num_oov_indices=2, mask_token=""), np.array(WORDS + ["cat", "cat", "日本"])),
        adapted(S(output_mode="tf_idf"), np.array(WORDS[:3] + WORDS[4:])[:, None]),
        S(vocabulary=V, oov_token=None, num_oov_indices=2),
    ], [words, pairs, raw])


def texts():
    column, flat, raw = np.array(TEXTS)[:, None], np.array(TEXTS), np.array(RAW)
    V = VOCABULARY
    T = layers.TextVectorization
    weights = [0.5 + 0.25 * i for i in range(len(V))]
    one_layer_each("texts", [
        T(vocabulary=V), T(vocabulary=V, output_sequence_length=4), T(vocabulary=V, standardize="lower"),
        T(vocabulary=V, standardize="strip_punctuation", output_sequence_length=30), T(vocabulary=V, standardize=None),
        T(vocabulary=V, split="character"), T(vocabulary=V, split="character", standardize=None, output_sequence_length=7),
        T(vocabulary=V, ngrams=2), T(vocabulary=V, ngrams=(3, 1), output_sequence_length=9),
        T(vocabulary=V, ngrams=2, split="character", standardize="lower"),
        T(vocabulary=V, output_mode="multi_hot"), T(vocabulary=V, output_mode="count", ngrams=2),
        T(vocabulary=V, output_mode="count", max_tokens=40, pad_to_max_tokens=True, split="character"),
        T(vocabulary=V, output_mode="tf_idf", idf_weights=weights),
        adapted(T(max_tokens=12, output_sequence_length=5), flat), adapted(T(output_mode="tf_idf", max_tokens=20), column),
        T(vocabulary=["", "[UNK]"] + V), T(vocabulary=V, encoding="latin-1", output_mode="multi_hot", standardize=None),
    ], [column, flat, raw])
    words = np.array(WORDS + WORDS[::-1]).reshape(8, 3)
    one_layer_each("unsplit", [
        T(vocabulary=V, split=None), T(vocabulary=V, split=None, output_sequence_length=2), T(vocabulary=V, split=None, output_sequence_length=5),
        T(vocabulary=V, split=None, output_mode="count", standardize="lower"), T(vocabulary=V, split=None, output_mode="one_hot"),
    ], [words])


def classifier():
    keras.utils.set_random_seed(1)
    text = keras.Input((1,), dtype="string", name="text")
    tokens = adapted(layers.TextVectorization(max_tokens=30), np.array(TEXTS))(text)
    x = layers.Embedding(30, 6, mask_zero=True)(tokens)
    x = layers.LSTM(5)(x)
    saved("classifier", [text], layers.Dense(3, activation="softmax")(x), {"text": np.array(TEXTS)[:, None]})


def tags():
    keras.utils.set_random_seed(2)
    text = keras.Input((), dtype="string", name="text")
    kind = keras.Input((2,), dtype="string", name="kind")
    size = keras.Input((3,), name="size")
    tokens = adapted(layers.TextVectorization(max_tokens=30, output_sequence_length=6), np.array(TEXTS))(text)
    x = layers.GlobalAveragePooling1D()(layers.Embedding(30, 4)(tokens))
    hot = layers.StringLookup(vocabulary=WORDS[:3], output_mode="multi_hot", num_oov_indices=2)(kind)
    y = layers.Dense(1)(layers.Concatenate()([x, layers.Rescaling(1.0)(hot), size]))
    arrays = {"text": np.array(TEXTS), "kind": np.array(WORDS + WORDS).reshape(12, 2),
              "size": np.random.default_rng(3).normal(size=(12, 3)).astype("float32")}
    saved("tags", [text, kind, size], y, arrays)


if __name__ == "__main__":
    assert os.environ.get("KERAS_BACKEND") == "tensorflow"
    for make in (lookups, texts, classifier, tags):
        keras.backend.clear_session()  # names are counted anew
        make()
