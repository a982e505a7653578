"""Layers that turn raw inputs into numbers to compute with."""
from keras import layers

from domain import OMIT, Domain, T

IMAGES = [[T(2, 6, 7, 3)], [T(3, 5, 4, 2, dtype="uint8", high=256)], [T(2, 4, 6, 3, dtype="int32", high=100)]]
FIRST = [[T(2, 3, 6, 7)], [T(3, 2, 5, 4, dtype="uint8", high=256)], [T(2, 3, 4, 6, dtype="int32", high=100)]]
SINGLE = [[T(6, 7, 3)], [T(5, 4, 2)]]  # one image, not a batch
CATEGORIES = [[T(3, 4, dtype="int32")], [T(3, 1, dtype="int64")], [T(2, 3, 4, dtype="uint8")], [T(4, dtype="int32")],
              [T(2, 3, 1, dtype="int32")]]
INTEGERS = [[T(3, 4, dtype="int32", low=-2000, high=2000)], [T(4, 1, dtype="int64", low=-9000000, high=9000000)],
            [T(2, 3, 4, dtype="uint8", high=256)], [T(5, dtype="int32", high=10000000)],
            [T(3, 5, dtype="int32", low=-12, high=12)]]


def both_formats(arguments):
    return (FIRST if arguments.get("data_format") == "channels_first" else IMAGES)[len(str(arguments)) % 3]


def discretization(inputs, arguments):
    return layers.Discretization(name="layer", **arguments)(inputs[0])


def adapted(inputs, arguments):
    import numpy as np
    layer = layers.Discretization(name="layer", **arguments)
    layer.adapt(np.linspace(-1.4, 1.3, 40, dtype="float32") ** 3)
    return layer(inputs[0])


def counted(inputs, arguments):
    return layers.CategoryEncoding(name="layer", output_mode="count", **arguments)(inputs[0], count_weights=inputs[1])


def looked_up(inputs, arguments):
    arguments = dict(arguments)
    if arguments.get("output_mode") == "tf_idf":
        arguments["idf_weights"] = [0.5 + 0.25 * i for i in range(len(arguments["vocabulary"]))]
    return layers.IntegerLookup(name="layer", **arguments)(inputs[0])


def crossed(inputs, arguments):
    return layers.HashedCrossing(name="layer", **arguments)(inputs)


def pipeline(inputs, arguments):
    return layers.Pipeline([layers.Rescaling(1 / 255), *arguments["layers"]()], name="layer")(inputs[0])


MODES = ["one_hot", "multi_hot", "count"]
ASPECT = dict(
    height=[3, 5, 8], width=[4, 9], interpolation=[OMIT, "nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"],
    data_format=[OMIT, "channels_first"])

DOMAINS = [
    Domain("Rescaling", layers.Rescaling, dict(scale=[0.5, 1 / 255, [0.5, 2.0, 3.0]], offset=[OMIT, -1.0, [1.0, 2.0, 3.0]]),
           [[T(2, 4, 3)], [T(2, 3, 5, 3, dtype="uint8", high=256)], [T(3, 3, dtype="int32", low=-9)]]),
    Domain("Normalization", layers.Normalization, dict(axis=[OMIT, -1, 1, (1, 2), None], invert=[OMIT, True]),
           [[T(2, 4, 3)], [T(2, 3, 5, 2, dtype="uint8", high=256)], [T(3, 4, 2, dtype="int32", low=-9)]], count=10,
           weights=dict(mean=(0.0, 0.0), variance=(1.0, 1.0))),  # Keras uses those that it was loaded with
    Domain("Normalization given", layers.Normalization,
           dict(mean=[0.5, [1.0, 2.0, 3.0]], variance=[2.0, [1.0, 0.5, 4.0]], axis=[OMIT, -1, (1, 2)], invert=[OMIT, True]),
           [[T(2, 4, 3)], [T(2, 5, 3, dtype="uint8", high=256)], [T(4, 3, dtype="int32", low=-9)]]),
    Domain("Discretization", None, dict(
        bin_boundaries=[[0.0, 0.5, 1.0], [-1.0, 0.25], [0.5]], output_mode=[OMIT, "int", *MODES]),
        [[T(3, 4)], [T(3, 1)], [T(2, 3, 4)], [T(4)], [T(3, 4, dtype="int32", low=-3, high=4)]], call=discretization, count=10,
        trains=False),
    Domain("Discretization adapted", None, dict(num_bins=[2, 4, 5], epsilon=[OMIT, 0.1]), [[T(3, 4)], [T(2, 5)]], call=adapted,
           count=4, trains=False),
    Domain("CategoryEncoding", layers.CategoryEncoding, dict(num_tokens=[6, 9], output_mode=[OMIT, *MODES]), CATEGORIES,
           count=10),
    Domain("CategoryEncoding weights", None, dict(num_tokens=[6, 9]),
           [[T(3, 4, dtype="int32"), T(3, 4)], [T(3, 1, dtype="int64"), T(3, 1)], [T(4, dtype="int32"), T(4)],
            [T(2, 5, dtype="uint8"), T(2, 5)]], call=counted),
    Domain("Hashing", layers.Hashing, dict(
        num_bins=[1, 3, 10, 1000], mask_value=[OMIT, 3, 0], salt=[OMIT, OMIT, 7, [123456789, 987654321]],
        output_mode=[OMIT, OMIT, *MODES]), INTEGERS, count=18),
    Domain("Hashing floats", layers.Hashing, dict(num_bins=[3, 100], salt=[OMIT, 1]),
           [[T(3, 4, low=-1000, high=1000)], [T(2, 2, low=0, high=50)]], trains=False),
    Domain("HashedCrossing", None, dict(num_bins=[2, 10, 100, 1000], output_mode=[OMIT, "int", "one_hot"]),
           [[T(4, 1, dtype="int32", low=-50, high=50), T(4, 1, dtype="int32", high=9000000)],
            [T(5, dtype="int64", low=-9, high=9), T(5, dtype="int64", high=100)]],
           call=crossed, count=10),
    Domain("IntegerLookup", None, dict(
        vocabulary=[[3, 1, 10], [5, 4, 2, 9, 7], [8], list(range(100, 0, -7))], num_oov_indices=[OMIT, 1, 2, 3],
        mask_token=[OMIT, 0], oov_token=[OMIT, -1, 77], output_mode=[OMIT, "int", *MODES, "tf_idf"],
        max_tokens=[OMIT, OMIT, 20], pad_to_max_tokens=[OMIT, True], oov_method=[OMIT, "farmhash"], salt=[OMIT, OMIT, 5]),
        [[T(3, 4, dtype="int32", high=12)], [T(3, 1, dtype="int64", high=12)], [T(2, 3, 4, dtype="int32", high=12)],
         [T(4, dtype="int32", low=-3, high=12)]], call=looked_up, count=24, trains=False),
    Domain("IntegerLookup inverted", layers.IntegerLookup, dict(
        vocabulary=[[3, 1, 10], [5, 4, 2, 9, 7]], invert=[True], num_oov_indices=[OMIT, 0, 2], mask_token=[OMIT, 0],
        oov_token=[OMIT, 77]), [[T(3, 4, dtype="int32", high=9)], [T(6, dtype="int64", high=9)]]),
    Domain("Resizing", layers.Resizing, dict(**ASPECT, antialias=[OMIT, True]),
           lambda a: [T(2, 3, 6, 7) if "data_format" in a else T(2, 6, 7, 3)], count=12),
    Domain("Resizing aspect", layers.Resizing, dict(
        **ASPECT, crop_to_aspect_ratio=[OMIT, True], pad_to_aspect_ratio=[OMIT, True], fill_value=[OMIT, 3.5]),
        lambda a: [T(2, 3, 6, 4) if "data_format" in a else T(2, 6, 4, 3)], count=12),
    Domain("Resizing integers", layers.Resizing, dict(
        **ASPECT, antialias=[OMIT, True], crop_to_aspect_ratio=[OMIT, True], pad_to_aspect_ratio=[OMIT, True]),
        lambda a: [T(2, 3, 6, 7, dtype="uint8", high=100) if "data_format" in a else T(2, 6, 7, 3, dtype="int32", high=100)],
        count=12),
    Domain("Resizing single", layers.Resizing, dict(height=[3, 8], width=[4, 9], interpolation=[OMIT, "nearest", "bicubic"],
                                                   pad_to_aspect_ratio=[OMIT, True], bounding_box_format=[OMIT, "xyxy"]),
        SINGLE, fixed_batch=True),
    Domain("CenterCrop", layers.CenterCrop, dict(
        height=[2, 3, 8], width=[1, 4, 9], data_format=[OMIT, "channels_first"], bounding_box_format=[OMIT, "xyxy"]),
        both_formats, count=12),
    Domain("CenterCrop single", layers.CenterCrop, dict(height=[2, 3, 8], width=[1, 4, 9]), SINGLE, fixed_batch=True),
    Domain("UpSampling2D interpolated", layers.UpSampling2D, dict(
        size=[OMIT, 3, (1, 2), (3, 2)], interpolation=["bilinear", "bicubic", "lanczos3", "lanczos5"],
        data_format=[OMIT, "channels_first"]), lambda a: [T(2, 3, 4, 2)]),
    Domain("MelSpectrogram", layers.MelSpectrogram, dict(
        fft_length=[16, 24, 32], sequence_stride=[8, 11], sequence_length=[OMIT, 13, 16], window=[OMIT, "hamming"],
        sampling_rate=[8000, 16000], num_mel_bins=[4, 7], min_freq=[OMIT, 100.0], max_freq=[OMIT, 3500.0],
        power_to_db=[OMIT, True, False], top_db=[OMIT, 20.0], mag_exp=[OMIT, 1.0, 1.5], min_power=[OMIT, 1e-4],
        ref_power=[OMIT, 2.0]), [[T(2, 50)], [T(3, 64)]], count=12, trains=False),
    Domain("STFTSpectrogram", layers.STFTSpectrogram, dict(
        mode=[OMIT, "log", "magnitude", "psd", "real", "imag", "stft", "angle"], frame_length=[8, 11], frame_step=[OMIT, 3],
        fft_length=[OMIT, 16, 20], window=[OMIT, "hamming"], periodic=[OMIT, True], scaling=[OMIT, "spectrum", None],
        padding=[OMIT, "same"], expand_dims=[OMIT, True], data_format=[OMIT, "channels_first"]),
        lambda a: [T(2, 2, 22) if a.get("data_format") else T(2, 22, 2)], count=16),
    Domain("MaxNumBoundingBoxes", layers.MaxNumBoundingBoxes, dict(
        max_number=[2, 5], fill_value=[OMIT, 7], data_format=[OMIT, "channels_first"], bounding_box_format=[OMIT, "xyxy"]),
        IMAGES),
    Domain("Pipeline", None, dict(layers=[
        lambda: [layers.Normalization()], lambda: [layers.Resizing(3, 4), layers.CenterCrop(2, 2)],
        lambda: [layers.AutoContrast(value_range=(0, 1)), layers.RandomFlip(seed=1)],
        lambda: [layers.Equalization(value_range=(0, 1))]]),
        [[T(2, 4, 6, 3, low=0, high=255)], [T(2, 5, 4, 2, dtype="uint8", high=256)]], call=pipeline, trains=False),
]
