"""Operations on images that sample between pixels."""
import numpy as np
from keras import ops

from domain import OMIT, T
from operations import op

KINDS = ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]


def images(given):
    first = given.get("data_format") == "channels_first"
    return [T(2, 3, 6, 7) if first else T(2, 6, 7, 3)]


def affine(images, parts, *, single=False, **arguments):
    """Transforms near the identity, of which the last two numbers are 0: back ends do not agree on others."""
    near = parts * np.float32(0.3) + np.array([1, 0, 0, 0, 1, 0, 0, 0], "float32")
    transform = near * np.array([1, 1, 3, 1, 1, 3, 0, 0], "float32")
    if single:
        images, transform = images[0], transform[0]
    return ops.image.affine_transform(images, transform, **arguments)


def scaled(x, scale, translation, size, **arguments):
    return ops.image.scale_and_translate(x, (2, *size, 3), scale, translation, **arguments)


def corners(height, width):
    return np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], "float32")


def perspective(images, moved, *, single=False, **arguments):
    start = np.broadcast_to(corners(6, 7), (2, 4, 2))
    end = moved * np.float32(0.8) + start
    if single:
        images, start, end = images[0], start[0], end[0]
    return ops.image.perspective_transform(images, start, end, **arguments)


def with_images(more):
    return lambda given: [*images(given), more]


FILL = dict(fill_mode=[OMIT, "constant", "nearest", "wrap", "mirror", "reflect"], fill_value=[OMIT, 2.5])
SAMPLED = dict(interpolation=[OMIT, "nearest", "bilinear"], data_format=[OMIT, "channels_first"], single=[OMIT, True])

DOMAINS = [
    op("image.resize", images, dict(size=[(3, 4), (8, 9), (6, 10)], interpolation=[OMIT, *KINDS], antialias=[OMIT, True],
                                    data_format=[OMIT, "channels_first"]), count=12),
    op("image.resize aspect", images, dict(
        size=[(3, 4), (8, 3), (6, 10)], interpolation=[OMIT, *KINDS], crop_to_aspect_ratio=[OMIT, True],
        pad_to_aspect_ratio=[OMIT, True], fill_value=[OMIT, 3.5], data_format=[OMIT, "channels_first"]), count=12),
    op("image.resize integers", [[T(2, 6, 7, 3, dtype="int32", high=100)]],
       dict(size=[(3, 4), (8, 9)], interpolation=["nearest", "bilinear"]), count=3),
    op("image.resize single", [[T(4, 5, 3)], [T(6, 4, 2)]], dict(size=[(3, 4), (8, 9)], interpolation=[OMIT, "nearest", "bicubic"]),
       fixed_batch=True, count=4),
    op("image.affine_transform", with_images(T(2, 8)), SAMPLED | FILL, function=affine, fixed_batch=True, count=12),
    op("image.affine_transform of all", images, dict(transform=[[1, 0, 2, 0, 1, -1, 0, 0], [0.9, 0.2, -0.5, -0.1, 1.1, 0.3, 0, 0]],
                                                    interpolation=[OMIT, "nearest"]),
       function=lambda x, transform, **a: ops.image.affine_transform(x, np.array([transform] * 2, "float32"), **a), fixed_batch=True),
    *[op(f"image.affine_transform of {dtype}", [[T(2, 6, 7, 3, dtype=dtype, **high), T(2, 8)]],
       dict(interpolation=[OMIT, "nearest"], fill_value=[OMIT, 7]),
         function=affine, fixed_batch=True, count=2, tolerance=tolerance)
      for dtype, high, tolerance in (("int32", dict(high=100), None), ("uint8", dict(high=200), None), ("float16", {}, 1e-3))],
    op("image.perspective_transform", with_images(T(2, 4, 2)), SAMPLED | dict(fill_value=[OMIT, 2.5]), function=perspective,
       fixed_batch=True, count=8,
       tolerance=1e-4),  # a system of equations is solved
    *[op(f"image.map_coordinates of {len(shape)} axes",
       [[T(*shape), T(len(shape), 4, 5, low=-3, high=8)], [T(*shape), T(len(shape), 6, low=-1, high=6)]],
         dict(order=[0, 1]) | FILL, function=ops.image.map_coordinates, fixed_batch=True, count=count)
      for shape, count in (((9,), 4), ((5, 7), 12), ((4, 3, 6), 6))],
    op("image.map_coordinates of integers",
       [[T(5, 7, dtype="int32", high=100), T(2, 4, 5, low=-3, high=8)], [T(5, 7, dtype="int32", high=100), T(2, 6, dtype="int32", high=7)]],
       dict(order=[0, 1], fill_mode=[OMIT, "reflect"],
          fill_value=[OMIT, 7.5]), function=ops.image.map_coordinates, fixed_batch=True, count=4),
    op("image.scale_and_translate", [[T(2, 6, 7, 3), T(2, low=0.4, high=2.2), T(2, low=-1, high=2)]],
       dict(method=["linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5"],
          antialias=[OMIT, True, False], spatial_dims=[(1, 2), (-3, -2)],
            size=[(3, 4), (8, 9), (6, 7)]), function=scaled, fixed_batch=True, count=12),
    op("image.scale_and_translate otherwise", [[T(2, 6, 5, low=-3, high=3), T(1, low=0.4, high=2.2), T(1, low=-1, high=2)]],
       dict(method=["linear", "cubic", "lanczos3"]), function=lambda x, s, t, method: ops.image.scale_and_translate(x, (2, 8, 5), s, t,
          (1,), method), fixed_batch=True),
    op("image.scale_and_translate by numbers", [[T(2, 6, 7, 3, dtype="int32", high=100)]],
       dict(method=["linear", "cubic", "lanczos5"]), function=lambda x, method: ops.image.scale_and_translate(
           x, (2, 4, 9, 3), np.array([0.6, 1.3], "float32"), np.array([0.2, -0.5], "float32"), (1, 2), method), fixed_batch=True),
]
