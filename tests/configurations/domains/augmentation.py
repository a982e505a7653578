"""Layers of augmentation: at inference, and in training where the arguments leave nothing to chance."""
from keras import layers

from domain import OMIT, Domain, T

LAST = [T(2, 6, 7, 3, low=0, high=255), T(3, 5, 4, 3, dtype="uint8", high=256), T(2, 4, 6, 3, dtype="int32", high=256)]
FIRST = [T(2, 3, 6, 7, low=0, high=255), T(3, 3, 5, 4, dtype="uint8", high=256), T(2, 3, 4, 6, dtype="int32", high=256)]
FLOATS = dict(last=T(2, 5, 6, 3, low=0, high=255), first=T(2, 3, 5, 6, low=0, high=255),
              unit=T(2, 5, 6, 3, low=0, high=1), unit_first=T(2, 3, 5, 6, low=0, high=1))
FORMAT = [OMIT, "channels_first"]
MODES, FILL, VALUES = [OMIT, "nearest"], [OMIT, "wrap", "constant", "nearest", "reflect"], [OMIT, 50.0]
UNIT = (0.0, 1.0)
RANGE = [OMIT, UNIT]
BOXES = [OMIT, "xyxy"]  # says nothing of images


class Images:
    """Floats, bytes and integers by turns."""

    def __init__(self):
        self.drawn = 0

    def __call__(self, arguments):
        self.drawn += 1
        return [(FIRST if arguments.get("data_format") == "channels_first" else LAST)[self.drawn % 3]]


def floats(arguments):
    kind = "unit" if tuple(arguments.get("value_range", ())) == UNIT else "last"
    if arguments.get("data_format") == "channels_first":
        kind = "unit_first" if kind == "unit" else "first"
    return [FLOATS[kind]]


def at_inference(name, count=8, **arguments):
    return Domain(name, getattr(layers, name), dict(**arguments, data_format=FORMAT, bounding_box_format=BOXES), Images(),
                  count=count, trains=False)


def in_training(name, count=8, tensors=floats, **arguments):
    return Domain(f"{name} training", getattr(layers, name), arguments, tensors, count=count, training=True)


def within_pipeline(make):
    return lambda inputs, arguments: layers.Pipeline([make(**arguments)], name="layer")(inputs[0])


def odd_floats(arguments):
    """A quarter of a turn about the middle of them takes pixels to pixels. Between two, rounding would decide what is nearest."""
    return [T(2, 3, 5, 7, high=255) if arguments.get("data_format") == "channels_first" else T(2, 5, 7, 3, high=255)]


GEOMETRY = dict(interpolation=MODES, fill_mode=FILL, fill_value=VALUES, data_format=FORMAT)
DOMAINS = [
    at_inference("AutoContrast", count=8, value_range=[OMIT, (0, 300)]),
    at_inference("ContrastLimitedAdaptiveHistogramEqualization", count=8, value_range=[OMIT, (0, 300)],
                 clip_limit=[OMIT, 0.0, 1.5],
                 tile_grid_size=[OMIT, (2, 3), (1, 2)]),
    at_inference("RandomFlip", mode=[OMIT, "horizontal", "vertical"]),
    at_inference("RandomRotation", factor=[0.2, (0.1, 0.3)]),
    at_inference("RandomZoom", height_factor=[0.2, (0.1, 0.3)], width_factor=[OMIT, 0.1]),
    at_inference("RandomTranslation", height_factor=[0.2, (0.1, 0.3)], width_factor=[0.1]),
    at_inference("RandomShear", x_factor=[0.2, (0.1, 0.3)], y_factor=[OMIT, 0.1]),
    Domain("RandomCrop", layers.RandomCrop, dict(
        height=[6, 8], width=[7, 9], seed=[1], data_format=FORMAT, bounding_box_format=BOXES), Images(), trains=False),
    at_inference("RandomPerspective", factor=[OMIT, 0.5], scale=[OMIT, 0.5]),
    at_inference("RandomElasticTransform", factor=[OMIT, 0.5], scale=[OMIT, 0.5], fill_mode=[OMIT, "mirror"],
                 interpolation=MODES, fill_value=VALUES),
    at_inference("RandomBrightness", factor=[0.2, (0.1, 0.3)]),
    at_inference("RandomContrast", factor=[0.2, (0.1, 0.3)]),
    at_inference("RandomSaturation", factor=[0.2, (0.1, 0.3)]),
    at_inference("RandomHue", factor=[0.2, (0.1, 0.3)]),
    at_inference("RandomColorDegeneration", factor=[0.2, (0.1, 0.3)]),
    at_inference("RandomPosterization", factor=[3, (2, 5)]),
    at_inference("RandomSharpness", factor=[0.2, (0.1, 0.3)]),
    at_inference("RandomGrayscale", factor=[OMIT, 0.2]),
    Domain("MixUp", layers.MixUp, dict(alpha=[OMIT, 0.5], data_format=FORMAT, bounding_box_format=BOXES), Images(), trains=False,
           fixed_batch=True),
    at_inference("CutMix", factor=[OMIT, 0.5]),
    at_inference("AugMix", num_chains=[OMIT, 2], chain_depth=[OMIT, 1], alpha=[OMIT, 0.5], all_ops=[OMIT, False],
                 value_range=RANGE, factor=[OMIT, 0.2], interpolation=MODES),
    at_inference("RandAugment", num_ops=[OMIT, 1], factor=[OMIT, 0.2], value_range=RANGE, interpolation=MODES),
    at_inference("RandomColorJitter", brightness_factor=[OMIT, 0.2], value_range=RANGE),
    at_inference("RandomErasing", factor=[OMIT, 0.5], scale=[OMIT, (0.1, 0.2)], fill_value=[OMIT, 3.0], value_range=RANGE),
    at_inference("RandomGaussianBlur", factor=[OMIT, 0.5], kernel_size=[OMIT, 5]),
    at_inference("RandomInvert", factor=[OMIT, 0.5], value_range=RANGE),
    at_inference("Solarization", addition_factor=[OMIT, 0.5], value_range=RANGE),
    Domain("Equalization", None, dict(
        value_range=[OMIT, (0, 300)], bins=[OMIT, 16], data_format=FORMAT, bounding_box_format=BOXES), Images(),
           call=within_pipeline(layers.Equalization), trains=False),

    in_training("AutoContrast", count=4, value_range=RANGE, data_format=FORMAT),
    Domain("Equalization training", None, dict(value_range=RANGE, bins=[OMIT, 16], data_format=FORMAT), floats,
           call=within_pipeline(layers.Equalization), training=True),
    in_training("RandomRotation", count=12, tensors=odd_floats, factor=[(0.25, 0.25), (0.1, 0.1), (-0.3, -0.3)], **GEOMETRY),
    in_training("RandomZoom", count=12, height_factor=[(0.3, 0.3), (-0.4, -0.4), (0.0, 0.0)],
                width_factor=[OMIT, (0.2, 0.2), (-0.5, -0.5)], **GEOMETRY),
    in_training("RandomTranslation", count=12, height_factor=[(0.3, 0.3), (-0.4, -0.4), (0.0, 0.0)],
                width_factor=[(0.25, 0.25), (-0.6, -0.6)], **GEOMETRY),
    in_training("RandomShear", x_factor=[OMIT, (0.0, 0.0)], y_factor=[OMIT], **GEOMETRY),
    in_training("RandomCrop", count=6, height=[5, 6, 8], width=[4, 7, 9], seed=[1]),
    in_training("RandomPerspective", factor=[OMIT, (1.0, 1.0)], scale=[0.0], interpolation=MODES, fill_value=VALUES,
                data_format=FORMAT),
    in_training("RandomElasticTransform", count=6, factor=[(0.0, 0.0), OMIT], scale=[(0.0, 0.0)], value_range=RANGE,
                data_format=FORMAT),
    in_training("RandomBrightness", factor=[(0.2, 0.2), (-0.3, -0.3)], value_range=RANGE, data_format=FORMAT),
    in_training("RandomContrast", count=6, factor=[0.0], value_range=[OMIT, UNIT, (50, 200)], data_format=FORMAT),
    in_training("RandomSaturation", count=6, factor=[(0.2, 0.2), (0.5, 0.5), (0.8, 0.8)], value_range=[UNIT],
                data_format=FORMAT),
    in_training("RandomHue", count=4, factor=[(0.0, 0.0)], value_range=RANGE, data_format=FORMAT),
    in_training("RandomColorDegeneration", factor=[(0.2, 0.2), (0.9, 0.9), (-0.5, -0.5)], value_range=RANGE,
                data_format=FORMAT),
    in_training("RandomPosterization", factor=[(3, 3), (1, 1), (8, 8), (5, 5)], value_range=[OMIT, (0, 256)],
                data_format=FORMAT),
    in_training("RandomSharpness", factor=[(0.2, 0.2), (1.0, 1.0), (0.0, 0.0)], value_range=RANGE, data_format=FORMAT),
    in_training("RandomGrayscale", count=4, factor=[0.0, 1.0], data_format=FORMAT, seed=[1]),
    in_training("RandomInvert", count=6, factor=[(1.0, 1.0), (0.0, 0.0)], value_range=RANGE, data_format=FORMAT),
    in_training("Solarization", addition_factor=[OMIT, (0.0, 0.0)], threshold_factor=[OMIT, (0.0, 0.0)], value_range=RANGE,
                data_format=FORMAT),
    in_training("RandomColorJitter", brightness_factor=[OMIT, (0.2, 0.2)], saturation_factor=[OMIT, (0.4, 0.4)],
                hue_factor=[OMIT, (0.0, 0.0)], contrast_factor=[OMIT, 0.0], value_range=[UNIT]),
    in_training("RandomGaussianBlur", factor=[(1.0, 1.0), (0.0, 0.0)], sigma=[(0.5, 0.5), (1.0, 1.0)],
                kernel_size=[OMIT, 5, (3, 5)], value_range=RANGE, data_format=FORMAT),
    in_training("RandomErasing", count=4, factor=[(0.0, 0.0), (1.0, 1.0)], scale=[(1.0, 1.0)], fill_value=[3.0],
                value_range=[OMIT, (0, 100)]),
]
