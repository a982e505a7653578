"""Operations of neural networks, on windows and images, of linear algebra, on pieces, segments and lines. Models with conv_transpose do
not run in Keras 3.15, which takes its padding for output_padding."""
import numpy as np
from keras import ops

from domain import OMIT, T
from operations import op


def of_pair(function):
    return lambda a, b, **arguments: function((a, b), **arguments)


FORMATS = dict(data_format=[OMIT, "channels_last", "channels_first"])
LINE, IMAGE, VOLUME = [T(2, 7, 3)], [T(2, 6, 5, 3)], [T(2, 4, 4, 3, 2)]
POOL = dict(pool_size=[2, 3], strides=[OMIT, 1, 2], padding=[OMIT, "valid", "same"]) | FORMATS
CONV = dict(strides=[OMIT, 1, 2], padding=[OMIT, "valid", "same"], dilation_rate=[OMIT, 1, 2]) | FORMATS
CONVOLVED = [[T(2, 7, 4), T(3, 4, 2)], [T(2, 6, 6, 4), T(2, 3, 4, 2)], [T(2, 6, 7, 4), T(2, 2, 2, 4)], [T(2, 4, 6, 6), T(2, 3, 4, 2)]]
STEPS = [[T(2, 3, 2, 4), T(2, 5, 2, 4), T(2, 5, 2, 4)], [T(2, 3, 4, 4), T(2, 5, 2, 4), T(2, 5, 2, 4)]]


def positive(function, **more):
    """Of symmetric matrices that are positive definite."""
    return lambda x, **arguments: function(ops.matmul(x, ops.swapaxes(x, -1, -2)) + 2 * np.eye(x.shape[-1], dtype="float32"), **arguments)


def lower(x):
    return ops.tril(x) + 2 * np.eye(x.shape[-1], dtype="float32")


def symmetric(x):
    return x + ops.swapaxes(x, -1, -2)


def of_eigh(x):
    """What does not depend on the signs of vectors."""
    values, vectors = ops.eigh(x)
    weighted = ops.matmul(vectors * ops.expand_dims(values ** 3 + 1, -2), ops.swapaxes(vectors, -1, -2))
    return values, vectors ** 2, weighted


def of_svd(x, full_matrices=False):
    u, s, vh = ops.svd(x, full_matrices=full_matrices)
    k = s.shape[-1]
    return s, u[..., :k] ** 2, vh[..., :k, :] ** 2, ops.matmul(u[..., :k] * ops.expand_dims(s ** 2 + 1, -2), vh[..., :k, :])


def complements(x):
    """Of the columns that a matrix leaves out, their space is what is determined."""
    u, s, vh = ops.svd(x)
    k = s.shape[-1]
    u, vh = u[..., k:], vh[..., k:, :]
    return s, ops.matmul(u, ops.swapaxes(u, -1, -2)), ops.matmul(ops.swapaxes(vh, -1, -2), vh)


def of_low_rank(function):
    """Of products whose rank is 2."""
    return lambda a, b, **arguments: function(ops.matmul(a, b), **arguments)


MATRICES = [[T(2, 4, 3)], [T(2, 3, 5)], [T(2, 4, 4)], [T(2, 2, 3, 2)], [T(2, 1, 3)], [T(2, 7, 2)]]
FACTORS = [[T(2, 4, 2), T(2, 2, 5)], [T(2, 5, 2), T(2, 2, 5)], [T(2, 6, 2), T(2, 2, 3)]]

def of_lengths(function):
    """Of [labels,] logits and fractions of the lengths, which are at least 1."""
    def call(*tensors, **arguments):
        sequences, fractions = tensors[:len(tensors) // 2], tensors[len(tensors) // 2:]
        lengths = [ops.cast(f * (x.shape[1] - 1) + 1, "int32") for x, f in zip(sequences, fractions)]
        return function(*sequences, *lengths, **arguments)
    return call


FRACTION = T(3, low=0, high=1.2)  # of some sequences more than there is


def labelled(steps, labels, classes, least=0):
    return [T(3, labels, dtype="int32", high=classes), T(3, steps, classes, low=-3, high=3), FRACTION, T(3, low=least, high=1.2)]


def windows(extent, a):
    """How many of two elements there are."""
    return (extent + 2 * a.get("padding", 0) - a.get("dilation", 1) - 1) // a.get("stride", 1) + 1


DOMAINS = [
    op("max_pool", [LINE, IMAGE, VOLUME], POOL, count=8), op("average_pool", [LINE, IMAGE, VOLUME], POOL, count=8),
    *[op(f"adaptive_{kind}_pool of {what}", [tensors], dict(output_size=sizes) | FORMATS, function=getattr(ops, f"adaptive_{kind}_pool"))
      for kind in ("max", "average") for what, tensors, sizes in (("lines", LINE, [(2,), (3,), (4,)]),
         ("images", IMAGE, [(2, 3), (4, 2), (3, 3)]))],
    op("conv", CONVOLVED, CONV, count=8, fixed_batch=True),
    op("depthwise_conv", [[T(2, 7, 4), T(3, 4, 2)], [T(2, 6, 6, 4), T(2, 3, 4, 2)], [T(2, 4, 6, 6), T(2, 3, 4, 1)]], CONV, count=6,
       fixed_batch=True),
    op("separable_conv", [[T(2, 7, 4), T(3, 4, 2), T(1, 8, 3)], [T(2, 6, 6, 4), T(2, 3, 4, 1), T(1, 1, 4, 2)]], CONV, count=5,
       fixed_batch=True),
    op("unfold", [[T(2, 2, 5, 6)]], dict(kernel_size=[2, (2, 3)], dilation=[OMIT, 1, 2], padding=[OMIT, 1, (1, 0)], stride=[OMIT, 2]),
       count=6),
    op("fold", lambda a: [T(2, 8, windows(5, a) * windows(4, a))],
       dict(output_size=[(5, 4)], kernel_size=[2, (2, 2)], dilation=[OMIT, 1, 2], padding=[OMIT, 1], stride=[OMIT, 1]), count=4),
    op("image.extract_patches", [IMAGE, [T(2, 3, 6, 5)]],
       dict(size=[2, (2, 3)], strides=[OMIT, 1, 2], dilation_rate=[OMIT, 1, 2], padding=[OMIT, "valid", "same"]) | FORMATS, count=8),
    op("depth_to_space", [[T(2, 4, 6, 8)], [T(3, 8, 2, 4)]], dict(block_size=[2]) | FORMATS),
    op("space_to_depth", [[T(2, 4, 6, 2)], [T(3, 2, 4, 6)]], dict(block_size=[2]) | FORMATS),

    op("moments", [[T(2, 3, 4)], [T(2, 3, 4, dtype="float16")]], dict(axes=[[1], [0, 1], [-1]], keepdims=[OMIT, True]), count=4,
       tolerance=2e-3),
    op("batch_normalization", [[T(2, 3, 4), T(4), T(4, low=0.2)]], dict(axis=[-1, 2], epsilon=[OMIT, 0.1]), fixed_batch=True),
    op("batch_normalization of all", [[T(2, 3, 4), T(4), T(4, low=0.2), T(4), T(4)]], dict(axis=[-1, 2], epsilon=[OMIT, 0.1]),
       fixed_batch=True),
    op("batch_normalization moved", [[T(2, 3, 4), T(3), T(3, low=0.2), T(3)]], dict(epsilon=[OMIT, 0.1]), fixed_batch=True, count=2,
       function=lambda x, m, v, o, **more: ops.batch_normalization(x, m, v, axis=1, offset=o, **more)),
    op("rms_normalization", [[T(2, 3, 4), T(4)]], dict(axis=[OMIT, -1, (1, 2)], epsilon=[OMIT, 0.1]), fixed_batch=True),
    op("layer_normalization", [[T(2, 3, 4), T(4), T(4)]], dict(axis=[OMIT, -1, 2], epsilon=[OMIT, 0.1], rms_scaling=[OMIT, True]),
       fixed_batch=True,
       function=lambda x, g, b, **a: ops.layer_normalization(x, gamma=g, beta=b, **a), count=4),
    op("layer_normalization of axes", [[T(2, 3, 4), T(3, 4), T(3, 4)], [T(2, 3, 4), T(3), T(3)]],
       dict(axis=[(1, 2), 1], epsilon=[OMIT, 0.1]), fixed_batch=True,
       function=lambda x, g, b, **a: ops.layer_normalization(x, gamma=g, beta=b, **a), count=3),
    op("layer_normalization alone", [[T(2, 3, 4)]], dict(axis=[OMIT, 1, (1, 2)]), function=ops.layer_normalization),
    op("normalize", [[T(2, 3, 4)], [T(3, 5)]], dict(axis=[OMIT, 1, (0, 1)], order=[OMIT, 1, 2, 3], epsilon=[OMIT, 0.5]), count=6),
    op("binary_crossentropy", [[T(2, 3, low=0, high=1), T(2, 3, low=0.1, high=0.9)]], dict(from_logits=[OMIT, True]), count=2),
    op("categorical_crossentropy", [[T(2, 3, 4, low=0, high=1), T(2, 3, 4, low=0.1, high=0.9)]],
       dict(from_logits=[OMIT, True, False], axis=[OMIT, -1, 1]), count=4),
    op("sparse_categorical_crossentropy",
       [[T(2, 3, dtype="int32", high=4), T(2, 3, 4, low=0.1, high=0.9)], [T(2, 1, dtype="int32", high=4), T(2, 4, low=0.1)]],
       dict(from_logits=[OMIT, True, False], axis=[OMIT, -1]), count=4),
    op("psnr", [[T(2, 3), T(2, 3)], [T(2, 3, 2), T(2, 3, 2)]], dict(max_val=[1.0, 255, 2])),
    op("dot_product_attention", STEPS, dict(is_causal=[OMIT, True], scale=[OMIT, 0.3]), count=4),
    op("dot_product_attention with a mask", [s + [T(2, 1, 3, 5), T(2, s[0].shape[2], 3, 5, dtype="bool")] for s in STEPS],
       dict(is_causal=[OMIT, True], which=["bias", "mask", "both"]),
       function=lambda q, k, v, bias, mask, which, **a: ops.dot_product_attention(
           q, k, v, bias=bias if which != "mask" else None, mask=mask if which != "bias" else None, **a), count=4),

    *[op(f"image.{name}", [[T(2, 3, 4, 3, low=0, high=1)], [T(2, 3, 4, 5, low=0, high=1)]], FORMATS)
       for name in ("rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb")],
    op("image.rgb_to_grayscale of integers", [[T(2, 3, 4, 3, dtype="uint8", high=255)], [T(2, 3, 4, 1)]],
       function=ops.image.rgb_to_grayscale, count=2),
    op("image.pad_images", [IMAGE],
       dict(top_padding=[1, 2], left_padding=[0, 2], bottom_padding=[OMIT, 1], right_padding=[OMIT, 1], target_height=[OMIT, 10],
       target_width=[OMIT, 9]), count=4),
    op("image.crop_images", [IMAGE],
       dict(top_cropping=[1, 2], left_cropping=[0, 2], bottom_cropping=[OMIT, 1], right_cropping=[OMIT, 1], target_height=[OMIT, 2],
       target_width=[OMIT, 2]), count=4),
    op("image.gaussian_blur", [IMAGE, [T(2, 3, 5, 6)]], dict(kernel_size=[OMIT, (3, 5), (5, 3)], sigma=[OMIT, (1.5, 0.7)]) | FORMATS,
       count=5),
    op("image.sobel_edges", [IMAGE, [T(2, 3, 5, 6)]], FORMATS),
    op("image.ssim", [[T(2, 8, 8, 2, low=0, high=1), T(2, 8, 8, 2, low=0, high=1)]],
       dict(max_val=[OMIT, 2.0], filter_size=[5, 4], filter_sigma=[OMIT, 1.0], k1=[OMIT, 0.05], k2=[OMIT, 0.1]) | FORMATS, count=5),

    op("cholesky", [[T(2, 3, 3)], [T(2, 5, 5)]], dict(upper=[OMIT, True]), function=positive(ops.cholesky)),
    op("cholesky_inverse", [[T(3, 3)], [T(4, 4)]], dict(upper=[OMIT, True]), fixed_batch=True,
       function=lambda x, upper=False: ops.cholesky_inverse(ops.swapaxes(lower(x), -1, -2) if upper else lower(x),
          **(dict(upper=True) if upper else {}))) if hasattr(ops, "cholesky_inverse") else
    op("linalg.cholesky_inverse", [[T(3, 3)], [T(4, 4)]], dict(upper=[OMIT, True]), fixed_batch=True,
       function=lambda x, upper=False: ops.linalg.cholesky_inverse(ops.swapaxes(lower(x), -1, -2) if upper else lower(x), upper=upper)),
    op("det", [[T(2, 3, 3)], [T(2, 5, 5)], [T(2, 2, 4, 4)]]),
    op("slogdet", [[T(2, 3, 3)], [T(2, 5, 5)], [T(2, 2, 4, 4)]]),
    op("logdet", [[T(2, 3, 3)], [T(2, 5, 5)], [T(2, 2, 4, 4)]], function=positive(ops.logdet)),
    op("inv", [[T(2, 3, 3)], [T(2, 5, 5)], [T(2, 2, 4, 4)]], tolerance=1e-4),
    op("solve", [[T(2, 3, 3), T(2, 3, 2)], [T(4, 4), T(4)], [T(2, 4, 4), T(2, 4, 1)]], fixed_batch=True, tolerance=1e-4),
    op("solve_triangular", [[T(2, 3, 3), T(2, 3, 2)], [T(4, 4), T(4, 1)]], dict(lower=[OMIT, True]), fixed_batch=True,
       function=lambda a, b, **k: ops.solve_triangular(a + 2 * np.eye(a.shape[-1], dtype="float32"), b, **k), tolerance=1e-4),
    op("lu_factor", [[T(2, 3, 3)], [T(2, 4, 4)]], count=2),
    op("qr", [[T(2, 4, 3)], [T(2, 3, 3)], [T(2, 3, 4)]], dict(mode=[OMIT, "reduced", "complete"]), count=5, tolerance=1e-4),
    op("norm", [[T(2, 3, 4)]], dict(ord=[OMIT, 1, 2, 3, float("inf"), float("-inf")], axis=[1, -1], keepdims=[OMIT, True]), count=6),
    op("norm of matrices", [[T(2, 3, 4)]],
       dict(ord=[OMIT, "fro", 1, -1, float("inf"), float("-inf")], axis=[(1, 2), (-1, 1)],
       keepdims=[OMIT, True]), function=ops.norm, count=6),

    op("norm by singular values", [[T(2, 3, 4)], [T(2, 5, 4)]], dict(ord=["nuc", 2, -2], axis=[(1, 2), (-1, 1)], keepdims=[OMIT, True]),
       function=ops.norm, count=6),
    op("norm by singular values of other axes", [[T(2, 3, 4)]], dict(ord=["nuc", 2, -2], axis=[(0, 2), (1, 0)], keepdims=[OMIT, True]),
       function=ops.norm, count=4, fixed_batch=True),

    # Jacobi's rotations and LAPACK round differently, and gradients divide by the distances of values.
    op("eigh", [[T(2, 3, 3)], [T(2, 4, 4)], [T(2, 2, 5, 5)], [T(2, 1, 1)], [T(2, 8, 8)]], function=lambda x: of_eigh(symmetric(x)), count=5,
       tolerance=2e-4),
    op("eigh of a matrix that is not symmetric", [[T(2, 3, 3)], [T(4, 4)]], function=of_eigh, count=2, fixed_batch=True, tolerance=2e-4),
    op("eigh of equal values", [[T(2, 4, 2)], [T(2, 5, 1)]], function=lambda x: of_eigh(ops.matmul(x, ops.swapaxes(x, -1, -2)))[::2],
       count=2, trains=False),
    op("svd", MATRICES, function=of_svd, count=6, tolerance=2e-4),
    op("svd with full matrices", MATRICES, function=lambda x: of_svd(x, True), count=6, trains=False, tolerance=1e-4),
    op("svd with complements", [[T(2, 4, 3)], [T(2, 3, 5)], [T(2, 6, 2)]], function=complements, trains=False),
    op("svd of low rank", FACTORS, function=of_low_rank(lambda x: ops.svd(x)[1]), trains=False),
    op("svd with complements of low rank", FACTORS,
       function=of_low_rank(lambda x: (lambda u, s, vh: (ops.matmul(u, ops.swapaxes(u, -1, -2)), ops.matmul(
        u[..., :s.shape[-1]] * ops.expand_dims(s, -2), vh[..., :s.shape[-1], :])))(*ops.svd(x))), trains=False),
    op("svd without vectors", MATRICES, function=lambda x: ops.svd(x, compute_uv=False), count=6, tolerance=1e-4),
    op("pinv", MATRICES, count=6, tolerance=5e-4),
    # Of what is left out by such a number, gradients on JAX are no derivatives of the result, those on TensorFlow are.
    op("pinv of the greatest", MATRICES, dict(rcond=[0.3, 0.6]), function=ops.pinv, count=6, trains=False, tolerance=5e-4),
    op("pinv of low rank", FACTORS, dict(rcond=[OMIT, 1e-3]), function=of_low_rank(ops.pinv), count=4, tolerance=1e-3),
    op("matrix_rank", MATRICES, dict(tol=[OMIT, 1.2]), count=6),
    op("matrix_rank of low rank", FACTORS, dict(tol=[OMIT, 2.0]), function=of_low_rank(ops.matrix_rank), count=4),
    op("lstsq", [[T(5, 3), T(5, 2)], [T(3, 5), T(3)], [T(4, 4), T(4, 3)], [T(6, 2), T(6)]], dict(rcond=[OMIT, 0.3, -1.0]), fixed_batch=True,
       count=8, tolerance=5e-4),

    op("ctc_loss", [labelled(9, 3, 4, 0.7), labelled(11, 4, 3, 0.8), labelled(9, 1, 5, 0.7)], dict(mask_index=[OMIT, 1, 2]),
       function=of_lengths(ops.ctc_loss), count=6, fixed_batch=True),
    # Keras's logarithms of 0 are so large that gradients have few digits.
    op("ctc_loss of too few steps", [labelled(7, 3, 4), labelled(5, 5, 3)], dict(mask_index=[OMIT, 1, 2]),
       function=of_lengths(ops.ctc_loss), count=4, fixed_batch=True, trains=False),
    op("ctc_decode", [[T(3, 7, 4), FRACTION], [T(3, 5, 3), FRACTION], [T(3, 12, 2), FRACTION], [T(3, 1, 5), FRACTION]],
       dict(merge_repeated=[OMIT, False], mask_index=[OMIT, 1, None]),
       function=of_lengths(ops.ctc_decode), count=8, trains=False),
    op("ctc_decode by beams",
       [[T(3, 7, 4, low=-3, high=3), FRACTION], [T(3, 5, 3), FRACTION], [T(3, 12, 2), FRACTION], [T(3, 1, 5), FRACTION],
       [T(3, 6, 9), FRACTION]],
       dict(beam_width=[OMIT, 1, 2, 3, 5, 20], top_paths=[OMIT, 1, 2], mask_index=[OMIT, 1, None]), function=of_lengths(lambda x, n,
          **a: ops.ctc_decode(x, n, "beam_search", **a)), count=16, trains=False),
    op("ctc_decode by beams of equal ones", [[T(3, 5, 3, low=-2, high=2), FRACTION], [T(3, 6, 4, low=-1, high=1), FRACTION]],
       dict(beam_width=[3, 7, 12], top_paths=[3, 2]),
       function=of_lengths(lambda x, n, **a: ops.ctc_decode(ops.round(x), n, "beam_search", **a)), count=6, trains=False),

    op("slice", [[T(2, 3, 4)]], dict(start_indices=[(0, 1, 1), (1, 0, 2), (0, 2, 3)], shape=[(1, 2, 2), (1, 1, -1), (1, 3, 1)]),
       fixed_batch=True, count=4),
    op("slice from a tensor", [[T(2, 3, 4), T(3, dtype="int32", high=3)]], dict(shape=[(1, 2, 2), (2, 1, 4)]), function=ops.slice,
       fixed_batch=True, count=2),
    op("slice_update", [[T(2, 3, 4), T(1, 2, 2)], [T(2, 3, 4), T(2, 1, 4)]], dict(start_indices=[(0, 1, 1), (1, 0, 2)]), fixed_batch=True,
       function=lambda x, u, start_indices: ops.slice_update(x, start_indices, u)),
    op("slice_update at a tensor", [[T(2, 3, 4), T(3, dtype="int32", high=3), T(1, 2, 2)]], function=ops.slice_update, fixed_batch=True,
       count=1),
    op("scatter", [[T(4, 2, dtype="int32", high=3), T(4)], [T(4, 1, dtype="int32", high=3), T(4, 3)]], dict(shape=[(3, 3), (4, 3)]),
       fixed_batch=True),
    op("scatter_update", [[T(4, 3), T(5, 2, dtype="int32", high=3), T(5)], [T(4, 3), T(5, 1, dtype="int32", high=4), T(5, 3)]],
       dict(reduction=[OMIT, "add", "max", "min", "mul"]), fixed_batch=True, count=8),
    *[op(name, [[T(6, 2), T(6, dtype="int32", high=4)], [T(6), T(6, dtype="int32", high=4)]],
       dict(num_segments=[4, 6], sorted=[OMIT, False]), fixed_batch=True)
      for name in ("segment_sum", "segment_max", "segment_min", "segment_prod") if hasattr(ops, name)],
    op("extract_sequences", [[T(2, 9)], [T(2, 3, 8)]], dict(sequence_length=[3, 4], sequence_stride=[1, 2, 3])),
    op("fft", [[T(2, 6), T(2, 6)], [T(2, 40), T(2, 40)], [T(2, 3, 7), T(2, 3, 7)]], function=of_pair(ops.fft)),
    op("fft2", [[T(2, 3, 4), T(2, 3, 4)], [T(2, 5, 2), T(2, 5, 2)]], function=of_pair(ops.fft2), count=2),
    op("ifft2", [[T(2, 3, 4), T(2, 3, 4)], [T(2, 5, 2), T(2, 5, 2)]], function=of_pair(ops.ifft2), count=2),
    op("rfft", [[T(2, 6)], [T(2, 3, 9)], [T(2, 66)]], dict(fft_length=[OMIT, 8, 5]), count=4),
    op("irfft", [[T(2, 4), T(2, 4)], [T(2, 3, 5), T(2, 3, 5)]], dict(fft_length=[OMIT, 8, 5]), function=of_pair(ops.irfft), count=4),
    op("stft", [[T(2, 20)], [T(2, 2, 15)]],
       dict(sequence_length=[5, 6], sequence_stride=[2, 3], fft_length=[6, 8], window=[OMIT, "hann", "hamming", None],
       center=[OMIT, False]), count=5),
    op("istft", [[T(2, 6, 5), T(2, 6, 5)]],
       dict(sequence_length=[5, 6], sequence_stride=[2, 3], fft_length=[8], length=[OMIT, 9], window=[OMIT, "hann", "hamming"],
       center=[OMIT, False]), count=5,
       function=of_pair(ops.istft), tolerance=1e-4),
]
