"""Operations on images that sample between pixels."""
from domain import OMIT, T
from operations import op

KINDS = ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]


def images(given):
    first = given.get("data_format") == "channels_first"
    return [T(2, 3, 6, 7) if first else T(2, 6, 7, 3)]


DOMAINS = [
    op("image.resize", images, dict(size=[(3, 4), (8, 9), (6, 10)], interpolation=[OMIT, *KINDS], antialias=[OMIT, True],
                                    data_format=[OMIT, "channels_first"]), count=12),
    op("image.resize aspect", images, dict(
        size=[(3, 4), (8, 3), (6, 10)], interpolation=[OMIT, *KINDS], crop_to_aspect_ratio=[OMIT, True],
        pad_to_aspect_ratio=[OMIT, True], fill_value=[OMIT, 3.5], data_format=[OMIT, "channels_first"]), count=12),
    op("image.resize integers", [[T(2, 6, 7, 3, dtype="int32", high=100)]], dict(size=[(3, 4), (8, 9)], interpolation=["nearest", "bilinear"]), count=3),
    op("image.resize single", [[T(4, 5, 3)], [T(6, 4, 2)]], dict(size=[(3, 4), (8, 9)], interpolation=[OMIT, "nearest", "bicubic"]),
       fixed_batch=True, count=4),
]
