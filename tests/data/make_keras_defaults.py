#!/usr/bin/env python3
"""Makes keras_defaults.json: what Keras's objects serialize to, twice for every class: with the required arguments only,
and with most of the others.

    KERAS_BACKEND=jax python make_keras_defaults.py        needs Keras 3.15 and jax; TernaryDense is of Keras 3.16

tests/keras/defaults_test.cpp makes the same objects by the C++ API.
"""
import json
import os

import keras
from keras import initializers, layers, regularizers
from keras.optimizers import OptimizerMap, schedules

HERE = os.path.dirname(os.path.abspath(__file__))

# What most layers with weights are given in their second form.
HE, ORTHOGONAL = initializers.HeNormal(), initializers.Orthogonal(gain=0.5)
L1, L2, L1L2 = regularizers.L1(0.1), regularizers.L2(0.2), regularizers.L1L2(0.3, 0.4)
MAX_NORM = "max_norm"
NAMED = dict(name="own", trainable=False)


def weights(kernel="kernel"):
    return {
        f"{kernel}_initializer": HE, "bias_initializer": "ones", f"{kernel}_regularizer": L1,
        "bias_regularizer": L2, "activity_regularizer": "l1", f"{kernel}_constraint": MAX_NORM,
        "bias_constraint": "non_neg",
    }


SEPARATE = dict(
    depthwise_initializer=HE, pointwise_initializer="he_uniform", bias_initializer="ones",
    depthwise_regularizer=L1, pointwise_regularizer="l2", bias_regularizer=L2, activity_regularizer="l1",
    depthwise_constraint=MAX_NORM, pointwise_constraint="unit_norm", bias_constraint="non_neg")
AFFINE = dict(
    center=False, scale=False, beta_initializer="ones", gamma_initializer=HE, beta_regularizer=L1,
    gamma_regularizer=L2, beta_constraint=MAX_NORM, gamma_constraint="non_neg")
CONV = dict(padding="same", data_format="channels_first", activation="relu", use_bias=False, **NAMED)
POOL = dict(pool_size=3, strides=1, padding="same", data_format="channels_first", **NAMED)
GLOBAL = dict(data_format="channels_first", keepdims=True, **NAMED)
RECURRENT = dict(
    activation="relu", use_bias=False, **weights(), recurrent_initializer=ORTHOGONAL, recurrent_regularizer=L1L2,
    recurrent_constraint="unit_norm", dropout=0.1, recurrent_dropout=0.2, return_sequences=True,
    return_state=True, go_backwards=True, stateful=True, unroll=True, zero_output_for_mask=True, seed=7, **NAMED)

CELL = {k: v for k, v in RECURRENT.items() if k in (
    "activation", "use_bias", "dropout", "recurrent_dropout", "seed", "name", "trainable") or
    k.startswith(("kernel_", "recurrent_", "bias_"))}

# class: the required arguments; others
LAYERS = {
    "Dense": (dict(units=3), dict(activation="relu", use_bias=False, **weights(), **NAMED)),
    "TernaryDense": (dict(units=3), dict(threshold=0.2, activation="relu", use_bias=False, **weights(), **NAMED)),
    "EinsumDense": (dict(equation="abc,cd->abd", output_shape=(None, 3)), dict(
        activation="relu", bias_axes="d", **weights(), **NAMED)),
    "Embedding": (dict(input_dim=9, output_dim=4), dict(
        embeddings_initializer=HE, embeddings_regularizer=L1, embeddings_constraint=MAX_NORM, mask_zero=True,
        **NAMED)),
    "ReversibleEmbedding": (dict(input_dim=9, output_dim=4), dict(
        tie_weights=False, embeddings_initializer=HE, embeddings_regularizer=L1, embeddings_constraint=MAX_NORM,
        mask_zero=True, reverse_dtype="float32", logit_soft_cap=2.5, **NAMED)),
    "Masking": ({}, dict(mask_value=-1.5, **NAMED)),
    "Identity": ({}, NAMED),
    "Activation": (dict(activation="relu"), NAMED),
    "ReLU": ({}, dict(max_value=6.0, negative_slope=0.25, threshold=0.5, **NAMED)),
    "LeakyReLU": ({}, dict(negative_slope=0.25, **NAMED)),
    "PReLU": ({}, dict(
        alpha_initializer=HE, alpha_regularizer=L1, alpha_constraint=MAX_NORM, shared_axes=[1, 2], **NAMED)),
    "ELU": ({}, dict(alpha=0.5, **NAMED)),
    "Softmax": ({}, dict(axis=[1, 2], **NAMED)),
    "Conv1D": (dict(filters=4, kernel_size=3), dict(strides=2, groups=2, **CONV, **weights())),
    "Conv2D": (dict(filters=4, kernel_size=3), dict(dilation_rate=(2, 1), groups=2, **CONV, **weights())),
    "Conv3D": (dict(filters=4, kernel_size=(3, 2, 1)), dict(strides=2, groups=2, **CONV, **weights())),
    "DepthwiseConv1D": (dict(kernel_size=3), dict(
        strides=2, depth_multiplier=2, **CONV, **weights("depthwise"))),
    "DepthwiseConv2D": (dict(kernel_size=(3, 2)), dict(
        dilation_rate=2, depth_multiplier=2, **CONV, **weights("depthwise"))),
    "SeparableConv1D": (dict(filters=4, kernel_size=3), dict(
        strides=2, depth_multiplier=2, **CONV, **SEPARATE)),
    "SeparableConv2D": (dict(filters=4, kernel_size=3), dict(
        dilation_rate=2, depth_multiplier=2, **CONV, **SEPARATE)),
    "Conv1DTranspose": (dict(filters=4, kernel_size=3), dict(strides=2, output_padding=1, **CONV, **weights())),
    "Conv2DTranspose": (dict(filters=4, kernel_size=3), dict(
        strides=2, output_padding=(1, 0), **CONV, **weights())),
    "Conv3DTranspose": (dict(filters=4, kernel_size=3), dict(
        strides=2, output_padding=1, **CONV, **weights())),
    **{f"{kind}Pooling{n}D": (dict(pool_size=2) if kind == "Average" else {}, POOL)
       for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"Global{kind}Pooling{n}D": ({}, GLOBAL) for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pooling{n}D": (dict(output_size=2), dict(data_format="channels_first", **NAMED))
       for kind in ("Max", "Average") for n in (1, 2, 3)},
    "BatchNormalization": ({}, dict(
        axis=1, momentum=0.9, epsilon=0.01, **AFFINE, moving_mean_initializer="ones",
        moving_variance_initializer="zeros", renorm=True,
        renorm_clipping=dict(rmax=3.0, rmin=0.5, dmax=5.0), renorm_momentum=0.8, synchronized=False,
        **NAMED)),
    "LayerNormalization": ({}, dict(axis=[1, 2], epsilon=0.01, **AFFINE, **NAMED)),
    "GroupNormalization": ({}, dict(groups=4, axis=1, epsilon=0.01, **AFFINE, **NAMED)),
    "RMSNormalization": ({}, dict(axis=[1, 2], epsilon=0.01, **NAMED)),
    "UnitNormalization": ({}, dict(axis=[1, 2], **NAMED)),
    "Dropout": (dict(rate=0.5), dict(noise_shape=[None, 1, 4], seed=7, **NAMED)),
    "SpatialDropout1D": (dict(rate=0.5), dict(seed=7, name="own")),
    "SpatialDropout2D": (dict(rate=0.5), dict(data_format="channels_first", seed=7, name="own")),
    "SpatialDropout3D": (dict(rate=0.5), dict(data_format="channels_first", seed=7, name="own")),
    "AlphaDropout": (dict(rate=0.5), dict(noise_shape=[None, 1, 4], seed=7, **NAMED)),
    "GaussianDropout": (dict(rate=0.5), dict(seed=7, **NAMED)),
    "GaussianNoise": (dict(stddev=0.5), dict(seed=7, **NAMED)),
    "ActivityRegularization": ({}, dict(l1=0.1, l2=0.2, **NAMED)),
    "Flatten": ({}, dict(data_format="channels_first", **NAMED)),
    "Reshape": (dict(target_shape=[2, -1]), NAMED),
    "Permute": (dict(dims=[2, 1]), NAMED),
    "RepeatVector": (dict(n=3), NAMED),
    "ZeroPadding1D": ({}, dict(padding=(1, 2), data_format="channels_first", **NAMED)),
    "ZeroPadding2D": ({}, dict(padding=((1, 2), (3, 4)), data_format="channels_first", **NAMED)),
    "ZeroPadding3D": ({}, dict(padding=(1, 2, 3), data_format="channels_first", **NAMED)),
    "Cropping1D": ({}, dict(cropping=2, **NAMED)),
    "Cropping2D": ({}, dict(cropping=(1, 2), data_format="channels_first", **NAMED)),
    "Cropping3D": ({}, dict(cropping=2, data_format="channels_first", **NAMED)),
    "CenterCrop": (dict(height=4, width=5), dict(data_format="channels_first", **NAMED)),
    "UpSampling1D": ({}, dict(size=3, **NAMED)),
    "UpSampling2D": ({}, dict(size=3, data_format="channels_first", interpolation="bilinear", **NAMED)),
    "UpSampling3D": ({}, dict(size=(1, 2, 3), data_format="channels_first", **NAMED)),
    "Resizing": (dict(height=4, width=5), dict(
        interpolation="nearest", pad_to_aspect_ratio=True, fill_mode="constant", fill_value=0.5, antialias=True,
        data_format="channels_first", **NAMED)),
    **{name: ({}, NAMED) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")},
    "Concatenate": ({}, dict(axis=1, **NAMED)),
    "Dot": (dict(axes=1), dict(axes=[2, 1], normalize=True, **NAMED)),
    "LSTM": (dict(units=3), dict(recurrent_activation="hard_sigmoid", unit_forget_bias=False, **RECURRENT)),
    "GRU": (dict(units=3), dict(recurrent_activation="hard_sigmoid", reset_after=False, **RECURRENT)),
    "SimpleRNN": (dict(units=3), RECURRENT),
    "LSTMCell": (dict(units=3), dict(recurrent_activation="hard_sigmoid", unit_forget_bias=False, **CELL)),
    "GRUCell": (dict(units=3), dict(recurrent_activation="hard_sigmoid", reset_after=False, **CELL)),
    "SimpleRNNCell": (dict(units=3), CELL),
    "StackedRNNCells": (dict(cells=[layers.LSTMCell(3, name="one"), layers.GRUCell(2, name="two")]), NAMED),
    "RNN": (dict(cell=layers.GRUCell(3, name="one")), dict(
        return_sequences=True, return_state=True, go_backwards=True, stateful=True, unroll=True,
        zero_output_for_mask=True, **NAMED)),
    **{f"ConvLSTM{n}D": (dict(filters=4, kernel_size=3), dict(
        strides=2, padding="same", data_format="channels_first", recurrent_activation="hard_sigmoid",
        unit_forget_bias=False, **RECURRENT)) for n in (1, 2, 3)},
    "MultiHeadAttention": (dict(num_heads=2, key_dim=4), dict(
        value_dim=5, dropout=0.5, use_bias=False, output_shape=3, attention_axes=[1, 2], sliding_window=6,
        use_gate=True, seed=7, **weights(), **NAMED)),
    "GroupQueryAttention": (dict(head_dim=3, num_query_heads=4, num_key_value_heads=2), dict(
        dropout=0.5, use_bias=False, sliding_window=6, use_gate=True, seed=7, **weights(), **NAMED)),
    "Attention": ({}, dict(use_scale=True, score_mode="concat", dropout=0.5, seed=7, **NAMED)),
    "AdditiveAttention": ({}, dict(use_scale=False, dropout=0.5, seed=7, **NAMED)),
    "Bidirectional": (dict(layer=layers.LSTM(3, name="inner")), dict(
        merge_mode=None, backward_layer=layers.LSTM(3, go_backwards=True, name="back"), **NAMED)),
    "TimeDistributed": (dict(layer=layers.Dense(3, name="inner")), NAMED),
    "SpectralNormalization": (dict(layer=layers.Dense(3, name="inner")), dict(power_iterations=2, **NAMED)),
    "Rescaling": (dict(scale=0.5), dict(scale=[0.5, 0.25], offset=[1.0, 2.0], **NAMED)),
    "Normalization": ({}, dict(axis=None, mean=0.5, variance=2.0, invert=True, **NAMED)),
    "Discretization": (dict(bin_boundaries=[0.5, 1.5]), dict(
        epsilon=0.1, output_mode="one_hot", name="own")),
    "CategoryEncoding": (dict(num_tokens=5), dict(output_mode="one_hot", **NAMED)),
    "Hashing": (dict(num_bins=7), dict(mask_value=3, salt=5, output_mode='one_hot', **NAMED)),
    "HashedCrossing": (dict(num_bins=7), dict(output_mode='one_hot', name="own")),
    "StringLookup": (dict(), dict(
        max_tokens=9, num_oov_indices=2, mask_token="", oov_token="?", vocabulary=["a", "b", "c"], output_mode="multi_hot",
        pad_to_max_tokens=True, encoding="latin-1", salt=[5, 6], name="own")),
    "TextVectorization": (dict(), dict(
        max_tokens=9, standardize="lower", split="character", ngrams=2, output_sequence_length=5,
        vocabulary=["a", "b", "c"], encoding="latin-1", name="own")),
    "IntegerLookup": (dict(), dict(
        max_tokens=9, num_oov_indices=2, mask_token=0, oov_token=-2, vocabulary=[3, 4, 5],
        output_mode='one_hot', pad_to_max_tokens=True, oov_method='farmhash', salt=[5, 6], name="own")),
    "MelSpectrogram": (dict(), dict(
        fft_length=512, sequence_stride=100, sequence_length=400, window='hamming', sampling_rate=8000,
        num_mel_bins=40, min_freq=30.0, max_freq=3000.0, power_to_db=False, top_db=60.0, mag_exp=1.0,
        min_power=1e-05, ref_power=2.0, **NAMED)),
    "STFTSpectrogram": (dict(), dict(
        mode='psd', frame_length=100, frame_step=50, fft_length=512, window='hamming', periodic=True,
        scaling='spectrum', padding='same', expand_dims=True, data_format='channels_first', **NAMED)),
    "MaxNumBoundingBoxes": (dict(max_number=3), dict(data_format='channels_first', **NAMED)),
    "AutoContrast": (dict(), dict(value_range=[0, 1], data_format='channels_first', **NAMED)),
    "Equalization": (dict(), dict(value_range=[0, 1], bins=16, data_format='channels_first', **NAMED)),
    "ContrastLimitedAdaptiveHistogramEqualization": (dict(), dict(
        value_range=[0, 1], clip_limit=2.0, tile_grid_size=[2, 3], data_format='channels_first',
        **NAMED)),
    "RandomFlip": (dict(), dict(mode='vertical', seed=7, data_format='channels_first', **NAMED)),
    "RandomCrop": (dict(height=4, width=5, seed=7), dict(data_format='channels_first', **NAMED)),
    "RandomRotation": (dict(factor=0.2), dict(
        fill_mode='wrap', interpolation='nearest', seed=7, fill_value=3.0, data_format='channels_first',
        **NAMED)),
    "RandomZoom": (dict(height_factor=0.2), dict(
        width_factor=[0.1, 0.2], fill_mode='wrap', interpolation='nearest', seed=7, fill_value=3.0,
        data_format='channels_first', **NAMED)),
    "RandomTranslation": (dict(height_factor=0.2, width_factor=0.1), dict(
        fill_mode='wrap', interpolation='nearest', seed=7, fill_value=3.0, data_format='channels_first',
        **NAMED)),
    "RandomShear": (dict(), dict(
        x_factor=0.2, y_factor=0.1, interpolation='nearest', fill_mode='wrap', fill_value=3.0,
        data_format='channels_first', seed=7, **NAMED)),
    "RandomPerspective": (dict(), dict(
        factor=0.4, scale=0.3, interpolation='nearest', fill_value=3.0, seed=7,
        data_format='channels_first', **NAMED)),
    "RandomElasticTransform": (dict(), dict(
        factor=0.4, scale=0.3, interpolation='nearest', fill_mode='wrap', fill_value=3.0, value_range=[0,
        1], seed=7, data_format='channels_first', **NAMED)),
    "RandomBrightness": (dict(factor=0.2), dict(value_range=[0, 1], seed=7, data_format='channels_first', **NAMED)),
    "RandomContrast": (dict(factor=0.2), dict(value_range=[0, 1], seed=7, data_format='channels_first', **NAMED)),
    "RandomSaturation": (dict(factor=0.2), dict(value_range=[0, 1], data_format='channels_first', seed=7, **NAMED)),
    "RandomHue": (dict(factor=0.2), dict(value_range=[0, 1], data_format='channels_first', seed=7, **NAMED)),
    "RandomColorDegeneration": (dict(factor=0.2), dict(
        value_range=[0, 1], data_format='channels_first', seed=7, **NAMED)),
    "RandomPosterization": (dict(factor=3), dict(value_range=[0, 1], data_format='channels_first', seed=7, **NAMED)),
    "RandomSharpness": (dict(factor=0.2), dict(value_range=[0, 1], data_format='channels_first', seed=7, **NAMED)),
    "RandomGrayscale": (dict(), dict(factor=0.4, data_format='channels_first', seed=7, **NAMED)),
    "RandomInvert": (dict(), dict(factor=0.4, value_range=[0, 1], seed=7, data_format='channels_first', **NAMED)),
    "Solarization": (dict(), dict(
        addition_factor=0.2, threshold_factor=0.3, value_range=[0, 1], seed=7,
        data_format='channels_first', **NAMED)),
    "RandomColorJitter": (dict(), dict(
        value_range=[0, 1], brightness_factor=0.1, contrast_factor=0.2, saturation_factor=0.3,
        hue_factor=0.4, seed=7, data_format='channels_first', **NAMED)),
    "RandomGaussianBlur": (dict(), dict(
        factor=0.4, kernel_size=5, sigma=0.5, value_range=[0, 1], data_format='channels_first', seed=7,
        **NAMED)),
    "RandomErasing": (dict(), dict(
        factor=0.4, scale=0.3, fill_value=3.0, value_range=[0, 1], seed=7, data_format='channels_first',
        **NAMED)),
    "MixUp": (dict(), dict(alpha=0.7, data_format='channels_first', seed=7, **NAMED)),
    "CutMix": (dict(), dict(factor=0.4, seed=7, data_format='channels_first', **NAMED)),
    "RandAugment": (dict(), dict(
        value_range=[0, 1], num_ops=3, factor=0.4, interpolation='nearest', seed=7,
        data_format='channels_first', **NAMED)),
    "AugMix": (dict(), dict(
        value_range=[0, 1], num_chains=2, chain_depth=1, factor=0.4, alpha=0.7, all_ops=False,
        interpolation='nearest', seed=7, data_format='channels_first', **NAMED)),
    "Pipeline": (dict(layers=[layers.Rescaling(0.5, name="inner")]), dict(name="own")),
}

INITIALIZERS = {
    **{name: ({}, {}) for name in ("Zeros", "Ones")},
    "Constant": ({}, dict(value=0.5)),
    "RandomUniform": ({}, dict(minval=-0.5, maxval=0.5, seed=7)),
    **{name: ({}, dict(mean=0.5, stddev=0.25, seed=7)) for name in ("RandomNormal", "TruncatedNormal")},
    "VarianceScaling": ({}, dict(scale=2.0, mode="fan_avg", distribution="uniform", seed=7)),
    **{name: ({}, dict(seed=7)) for name in (
        "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal")},
    "Orthogonal": ({}, dict(gain=0.5, seed=7)),
    "Identity": ({}, dict(gain=0.5)),
    "STFT": ({}, dict(side="imag", window="hamming", scaling=None, periodic=True)),
}

REGULARIZERS = {
    "L1": ({}, dict(l1=0.5)),
    "L2": ({}, dict(l2=0.5)),
    "L1L2": ({}, dict(l1=0.5, l2=0.25)),
    "OrthogonalRegularizer": ({}, dict(factor=0.5, mode="columns")),
}

CONSTRAINTS = {
    "MaxNorm": ({}, dict(max_value=0.5, axis=[0, 1])),
    "MinMaxNorm": ({}, dict(min_value=0.25, max_value=0.5, rate=0.75, axis=1)),
    "NonNeg": ({}, {}),
    "UnitNorm": ({}, dict(axis=1)),
}

LOSS = dict(reduction="sum", name="own")
LOSSES = {
    **{name: ({}, LOSS) for name in (
        "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError",
        "LogCosh", "Poisson", "KLDivergence", "Hinge", "SquaredHinge", "CategoricalHinge", "CTC")},
    "Huber": ({}, dict(delta=0.5, **LOSS)),
    "CosineSimilarity": ({}, dict(axis=1, **LOSS)),
    **{name: ({}, dict(from_logits=True, label_smoothing=0.1, axis=1, **LOSS)) for name in (
        "BinaryCrossentropy", "CategoricalCrossentropy")},
    "SparseCategoricalCrossentropy": ({}, dict(from_logits=True, ignore_class=2, axis=1, **LOSS)),
    "BinaryFocalCrossentropy": ({}, dict(
        apply_class_balancing=True, alpha=0.5, gamma=3.0, from_logits=True, label_smoothing=0.1, axis=1, **LOSS)),
    "CategoricalFocalCrossentropy": ({}, dict(
        alpha=0.5, gamma=3.0, from_logits=True, label_smoothing=0.1, axis=1, **LOSS)),
    "CategoricalGeneralizedCrossEntropy": ({}, dict(q=0.25, **LOSS)),
    "Dice": ({}, dict(axis=(1, 2), **LOSS)),
    "Tversky": ({}, dict(alpha=0.25, beta=0.75, axis=(1, 2), **LOSS)),
    "Circle": ({}, dict(gamma=2.0, margin=0.25, remove_diagonal=False, **LOSS)),
}

NAME = dict(name="own")
DECISIONS = dict(thresholds=0.25, **NAME)
AT_BOUND = dict(num_thresholds=50, class_id=1, **NAME)
ONE_HOT = dict(dtype="float32", ignore_class=1, sparse_y_pred=True, axis=0, **NAME)
IOU = dict(dtype="float32", ignore_class=1, sparse_y_true=False, sparse_y_pred=False, axis=0, **NAME)
METRICS = {
    "BinaryAccuracy": ({}, dict(threshold=0.25, **NAME)),
    **{name: ({}, NAME) for name in (
        "Accuracy", "Mean", "Sum", "CategoricalAccuracy", "SparseCategoricalAccuracy", "MeanSquaredError", "MeanAbsoluteError",
        "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "RootMeanSquaredError", "LogCoshError",
        "Poisson", "KLDivergence", "Hinge", "SquaredHinge", "CategoricalHinge")},
    "TopKCategoricalAccuracy": ({}, dict(k=2, **NAME)),
    "SparseTopKCategoricalAccuracy": ({}, dict(k=2, from_sorted_ids=True, **NAME)),
    "R2Score": ({}, dict(class_aggregation="variance_weighted_average", num_regressors=1, **NAME)),
    "CosineSimilarity": ({}, dict(axis=1, **NAME)),
    "BinaryCrossentropy": ({}, dict(from_logits=True, label_smoothing=0.1, **NAME)),
    "CategoricalCrossentropy": ({}, dict(from_logits=True, label_smoothing=0.1, axis=1, **NAME)),
    "SparseCategoricalCrossentropy": ({}, dict(from_logits=True, ignore_class=2, axis=1, **NAME)),
    **{name: ({}, dict(axis=1, **NAME)) for name in ("PearsonCorrelation", "ConcordanceCorrelation")},
    "MeanMetricWrapper": (dict(fn=keras.losses.huber), dict(delta=0.5, **NAME)),
    **{name: ({}, DECISIONS) for name in (
        "TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")},
    **{name: ({}, dict(top_k=2, class_id=1, **DECISIONS)) for name in ("Precision", "Recall")},
    "AUC": ({}, dict(num_thresholds=50, curve="PR", summation_method="minoring", multi_label=True, num_labels=3,
                     label_weights=[0.5, 1.0, 2.0], from_logits=True, **NAME)),
    "SensitivityAtSpecificity": (dict(specificity=0.5), AT_BOUND),
    "SpecificityAtSensitivity": (dict(sensitivity=0.5), AT_BOUND),
    "PrecisionAtRecall": (dict(recall=0.5), AT_BOUND),
    "RecallAtPrecision": (dict(precision=0.5), AT_BOUND),
    "BinaryIoU": ({}, dict(target_class_ids=[1], threshold=0.25, dtype="float32", **NAME)),
    "IoU": (dict(num_classes=4, target_class_ids=[0, 2]), IOU),
    "MeanIoU": (dict(num_classes=4), IOU),
    "OneHotIoU": (dict(num_classes=4, target_class_ids=[0, 2]), ONE_HOT),
    "OneHotMeanIoU": (dict(num_classes=4), ONE_HOT),
    "F1Score": ({}, dict(average="macro", threshold=0.25, **NAME)),
    "FBetaScore": ({}, dict(average="macro", beta=2.0, threshold=0.25, **NAME)),
}

UPDATES = dict(
    weight_decay=0.1, clipnorm=0.5, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3,
    loss_scale_factor=2.0, gradient_accumulation_steps=4, name="own")
OPTIMIZERS = {
    "SGD": ({}, dict(learning_rate=0.5, momentum=0.9, nesterov=True, **UPDATES)),
    **{name: ({}, dict(learning_rate=0.5, beta_1=0.8, beta_2=0.9, epsilon=0.001, amsgrad=True, **UPDATES))
       for name in ("Adam", "AdamW")},
    "RMSprop": ({}, dict(
        learning_rate=schedules.ExponentialDecay(0.5, 10, 0.9), rho=0.8, momentum=0.9, epsilon=0.001,
        centered=True, **UPDATES)),
    "Adadelta": ({}, dict(learning_rate=0.5, rho=0.8, epsilon=0.001, **UPDATES)),
    "Adagrad": ({}, dict(learning_rate=0.5, initial_accumulator_value=0.2, epsilon=0.001, **UPDATES)),
    **{name: ({}, dict(learning_rate=0.5, beta_1=0.8, beta_2=0.9, epsilon=0.001, **UPDATES))
       for name in ("Adamax", "Nadam", "Lamb")},
    "Adafactor": ({}, dict(
        learning_rate=0.5, beta_2_decay=-0.5, epsilon_1=0.25, epsilon_2=0.5, clip_threshold=2.0,
        relative_step=False, **UPDATES)),
    "Ftrl": ({}, dict(
        learning_rate=0.5, learning_rate_power=-0.25, initial_accumulator_value=0.5,
        l1_regularization_strength=0.1, l2_regularization_strength=0.2,
        l2_shrinkage_regularization_strength=0.3, beta=0.4, **UPDATES)),
    "Lion": ({}, dict(learning_rate=0.5, beta_1=0.8, beta_2=0.9, **UPDATES)),
    "Muon": ({}, dict(
        learning_rate=0.5, adam_beta_1=0.8, adam_beta_2=0.9, adam_weight_decay=None, epsilon=0.001,
        exclude_layers=["out"], exclude_embeddings=False, muon_a=3.0, muon_b=-4.0, muon_c=2.0, adam_lr_ratio=0.5,
        momentum=0.5, ns_steps=3, nesterov=False, rms_rate=None, **UPDATES)),
    "ScheduleFreeAdamW": ({}, dict(
        learning_rate=0.5, beta_1=0.8, beta_2=0.9, epsilon=0.001, warmup_steps=5, **UPDATES)),
    "LossScaleOptimizer": (
        dict(inner_optimizer=keras.optimizers.SGD(name="sgd")),
        dict(inner_optimizer=keras.optimizers.Adam(0.5, name="adam"), initial_scale=8.0, dynamic_growth_steps=3, name="own")),
    "MultiOptimizer": (
        dict(optimizer_map=OptimizerMap(keras.optimizers.SGD(name="sgd"))),
        dict(optimizer_map=OptimizerMap(
                 keras.optimizers.SGD(name="sgd"), {"dense/.*": keras.optimizers.Lion(name="lion")}),
             loss_scale_factor=2.0, name="own")),
}

DECAY = dict(initial_learning_rate=0.5, decay_steps=10)
SCHEDULES = {
    **{name: (dict(**DECAY, decay_rate=0.9), dict(staircase=True, **NAME)) for name in (
        "ExponentialDecay", "InverseTimeDecay")},
    "PiecewiseConstantDecay": (dict(boundaries=[10, 20], values=[0.5, 0.25, 0.125]), NAME),
    "PolynomialDecay": (DECAY, dict(end_learning_rate=0.25, power=2.0, cycle=True, **NAME)),
    "CosineDecay": (DECAY, dict(alpha=0.1, warmup_target=0.75, warmup_steps=5, **NAME)),
    "CosineDecayRestarts": (dict(initial_learning_rate=0.5, first_decay_steps=10), dict(
        t_mul=3.0, m_mul=0.5, alpha=0.1, **NAME)),
}


def config(module, class_name, arguments):
    one = getattr(module, class_name)(**arguments)
    return keras.saving.serialize_keras_object(one)["config"]


def configs(module, cases):
    out = {}
    for name, (required, others) in cases.items():
        keras.backend.clear_session()
        out[name] = [config(module, name, required), config(module, name, {**required, **others})]
    return out


def main():
    tables = {
        "layers": configs(layers, LAYERS),
        "initializers": configs(initializers, INITIALIZERS),
        "regularizers": configs(regularizers, REGULARIZERS),
        "constraints": configs(keras.constraints, CONSTRAINTS),
        "losses": configs(keras.losses, LOSSES),
        "metrics": configs(keras.metrics, METRICS),
        "optimizers": configs(keras.optimizers, OPTIMIZERS),
        "schedules": configs(schedules, SCHEDULES),
    }
    lines = []
    for table, rows in tables.items():
        entries = [f'    "{name}": [\n      {json.dumps(a)},\n      {json.dumps(b)}\n    ]'
                   for name, (a, b) in rows.items()]
        lines.append(f'  "{table}": {{\n' + ",\n".join(entries) + "\n  }")
    with open(os.path.join(HERE, "keras_defaults.json"), "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
