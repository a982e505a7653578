"""Writes tests/data/images: small images in the formats that are read, in folders of classes, and beside them what real Keras
makes of the folder (keras.utils.image_dataset_from_directory, on TensorFlow), at 8 x 12: images_rgb.npz and images_grayscale.npz.

    make_images.py
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

FOLDER = pathlib.Path(__file__).resolve().parent / "images"


def picture(kind, height, width):
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    circle = np.hypot(x - 0.5, y - 0.5) < 0.2 + 0.05 * kind
    channels = [np.sin(8 * x + kind) * np.cos(5 * y * kind) * 0.5 + 0.5, x * y, circle * 0.8 + 0.1 * np.sin(20 * x)]
    return (np.stack(channels, -1).clip(0, 1) * 255).astype("uint8")


def deep(image):
    return image.astype("uint16") * np.uint16(257) - (image > 100).astype("uint16") * np.uint16(99)


FILES = {
    "ant/fine.JPEG": lambda p: tf.io.encode_jpeg(p, quality=95, chroma_downsampling=False),
    "ant/gray.png": lambda p: tf.io.encode_png(p[..., :1]),
    "ant/progressive.jpg": lambda p: tf.io.encode_jpeg(p, progressive=True),
    "ant/usual.jpg": lambda p: tf.io.encode_jpeg(p, quality=80),
    "bee/below/usual.png": tf.io.encode_png,
    "bee/clear.png": lambda p: tf.io.encode_png(np.concatenate([p, p[..., :1]], -1)),
    "bee/deep.png": lambda p: tf.io.encode_png(deep(p)),
    "bee/gray.jpg": lambda p: tf.io.encode_jpeg(p[..., :1]),
    "bee/gray_clear.png": lambda p: tf.io.encode_png(np.concatenate([p[..., 1:2], p[..., :1]], -1)),
}


def main():
    for kind, (name, encode) in enumerate(FILES.items(), start=1):
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(picture(kind, 14 + 2 * kind, 30 - kind)).numpy())
    for mode in ("rgb", "grayscale"):
        read = keras.utils.image_dataset_from_directory(
            FOLDER, image_size=(8, 12), color_mode=mode, shuffle=False, batch_size=64, verbose=False)
        x, y = next(iter(read))
        np.savez(FOLDER.parent / f"images_{mode}.npz", x=x, y=y)


if __name__ == "__main__":
    main()
