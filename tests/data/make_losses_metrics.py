#!/usr/bin/env python3
"""Makes losses_more.json and metrics_more.json: what Keras's losses and metrics give, for each of their arguments with at
least two values.

    KERAS_BACKEND=jax python make_losses_metrics.py        needs Keras 3.15 and jax

tests/frontend/loss_metric_test.cpp reads them together with losses.json and metrics.json, which have the same form. A row's
config holds all arguments, also those that Keras does not serialize.
"""
import json
import os
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")
warnings.simplefilter("ignore")

import jax
import keras
import numpy as np
from keras import losses, metrics
from keras.src import backend

HERE = os.path.dirname(os.path.abspath(__file__))
RNG = np.random.Generator(np.random.PCG64(11))
N = 6


def numbers(value):
    """As nested lists; of float32 the shortest decimals, what is no number as a text."""
    array = np.asarray(backend.convert_to_numpy(value))
    if array.ndim:
        return [numbers(one) for one in array]
    if array.dtype.kind in "iub":
        return int(array)
    one = np.float32(array)
    return float(np.format_float_positional(one, unique=True)) if np.isfinite(one) else str(one)


def short(x):
    """With few decimals: the files are smaller."""
    return np.round(x, 3).astype("float32")


def real(*shape):
    return short(RNG.standard_normal((N, *shape)))


def unit(*shape):
    return short(RNG.uniform(0.02, 0.98, (N, *shape)))


def bits(*shape):
    return RNG.integers(0, 2, (N, *shape)).astype("float32")


def positive(*shape):
    return short(np.exp(real(*shape)))


def shares(*shape, axis=-1):
    x = np.exp(real(*shape))
    return short(x / x.sum(axis=axis, keepdims=True))


def classes(*shape, axis=-1):
    """Of a prediction of this shape."""
    shape = (N, *shape)
    axis %= len(shape)
    return RNG.integers(0, shape[axis], shape[:axis] + shape[axis + 1:])


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[classes(*shape)]


def kept(shape):
    mask = RNG.integers(0, 4, shape) > 0
    mask.flat[0] = False
    return mask


FLAT, COLUMN, STEPS, IMAGE = (4,), (1,), (5, 4), (2, 3, 4)
SHAPES = [FLAT, COLUMN, STEPS, IMAGE]
DTYPES = [{"dtype": name} for name in ("float16", "bfloat16", "float64")]


def loss_cases():
    """(class, arguments, target, prediction, mask or None)"""
    cases = []

    def add(name, target, prediction, arguments=({},), shapes=SHAPES, masks=True, dtypes=True):
        for shape in shapes:
            for own in arguments if shape in (FLAT, STEPS) else [arguments[0]]:
                cases.append((name, own, target(*shape), prediction(*shape), None))
        for shape in shapes:
            if masks and len(shape) == 2:
                for reduction in ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"):
                    cases.append((name, {**arguments[0], "reduction": reduction}, target(*shape), prediction(*shape),
                                  kept((N, shape[0]))))
        for dtype in DTYPES if dtypes else []:
            cases.append((name, {**arguments[-1], **dtype}, target(*shapes[0]), prediction(*shapes[0]), None))

    add("MeanSquaredError", real, real)
    add("MeanAbsoluteError", real, real)
    add("MeanAbsolutePercentageError", real, real)
    add("MeanSquaredLogarithmicError", positive, positive)
    add("LogCosh", real, real)
    add("Huber", real, real, [{"delta": d} for d in (1.0, 0.3, 2.5)])
    add("Poisson", positive, positive)
    add("KLDivergence", shares, shares, shapes=[FLAT, STEPS, IMAGE])
    for labels in (bits, lambda *shape: 2 * bits(*shape) - 1, real):
        add("Hinge", labels, real)
        add("SquaredHinge", labels, real)
    add("CategoricalHinge", one_hot, real, shapes=[FLAT, STEPS, IMAGE])
    add("CosineSimilarity", real, real, [{"axis": -1}, {"axis": 1}])
    for axis in (2, [1, 2], -2):
        cases.append(("CosineSimilarity", {"axis": axis}, real(*STEPS), real(*STEPS), None))

    smooth = [{}, {"label_smoothing": 0.1}, {"axis": 1}, {"axis": -1, "label_smoothing": 0.3}]
    logits = [{**one, "from_logits": True} for one in smooth]
    add("BinaryCrossentropy", bits, unit, smooth)
    add("BinaryCrossentropy", bits, real, logits)
    focal = [{"alpha": 0.4}, {"gamma": 1.5}, {"gamma": 0.0}, {"apply_class_balancing": True},
             {"apply_class_balancing": True, "alpha": 0.7, "gamma": 3.0}]
    add("BinaryFocalCrossentropy", bits, unit, smooth + focal)
    add("BinaryFocalCrossentropy", bits, real, logits + [{**one, "from_logits": True} for one in focal])
    several = dict(shapes=[FLAT, STEPS, IMAGE])
    focal = [{"alpha": 0.4}, {"gamma": 1.5}, {"gamma": 0.5}, {"alpha": [0.1, 0.2, 0.3, 0.4], "gamma": 3.0}]
    add("CategoricalCrossentropy", one_hot, shares, smooth, **several)
    add("CategoricalCrossentropy", shares, real, logits, **several)
    add("CategoricalFocalCrossentropy", one_hot, shares, smooth + focal, **several)
    add("CategoricalFocalCrossentropy", shares, real, logits + [{**one, "from_logits": True} for one in focal],
        **several)
    add("CategoricalGeneralizedCrossEntropy", classes, shares, [{"q": q} for q in (0.5, 0.1, 0.9)], **several)
    sparse = [{}, {"ignore_class": 2}, {"ignore_class": 0}]
    add("SparseCategoricalCrossentropy", classes, shares, sparse, **several)
    add("SparseCategoricalCrossentropy", classes, real, [{**one, "from_logits": True} for one in sparse], **several)
    # Keras on JAX takes other axes only if the shapes happen to fit.
    square = (4, 4)
    for own in ({"axis": 1}, {"axis": 1, "ignore_class": 3}, {"axis": -2, "from_logits": True}):
        cases.append(("SparseCategoricalCrossentropy", own, classes(*square, axis=1), shares(*square, axis=1), None))
    outside = classes(*FLAT)
    outside[:2] = 255
    cases.append(("SparseCategoricalCrossentropy", {"ignore_class": 255}, outside, shares(*FLAT), None))

    axes = [{"axis": axis} for axis in (None, -1, 1)]
    for name, own in (("Dice", [{}]), ("Tversky", [{}, {"alpha": 0.3, "beta": 0.7}, {"alpha": 1.0, "beta": 0.2}])):
        for arguments in [{**a, **b} for a in axes for b in own]:
            for shape in (FLAT, STEPS):
                cases.append((name, arguments, bits(*shape), unit(*shape), None))
        for axis in ([1, 2], [1, 2, 3], [-1], 0):
            cases.append((name, {"axis": axis}, bits(*IMAGE), unit(*IMAGE), None))
        for dtype in DTYPES:
            cases.append((name, {**dtype, "axis": -1}, bits(*FLAT), unit(*FLAT), None))

    for own in ({}, {"gamma": 2.0}, {"margin": 0.1}, {"remove_diagonal": False, "gamma": 5.0},
                {"gamma": 10.0, "margin": 0.25}, {"gamma": 1.0, "reduction": "mean"},
                {"gamma": 1.0, "reduction": "sum"}, {"dtype": "float64", "gamma": 3.0}):
        for groups in (RNG.integers(0, 3, N), np.arange(N)):
            x = real(3)
            cases.append(("Circle", own, groups, short(x / np.linalg.norm(x, axis=1, keepdims=True)), None))

    for steps, count, labels in ((7, 5, 3), (4, 3, 4), (5, 4, 2), (3, 6, 3), (1, 3, 1), (8, 2, 4), (6, 9, 1), (5, 3, 5)):
        y = RNG.integers(1, count, (N, labels))
        for i in range(N):
            y[i, RNG.integers(0, labels + 1):] = 0
        y[0] = 1  # repetitions, that need blanks between them
        cases.append(("CTC", {}, y, 2 * real(steps, count), None))
    return cases


def made(module, name, arguments):
    return getattr(module, name)(**arguments)


def masked(prediction, mask):
    if mask is not None:
        backend.set_keras_mask(prediction, mask)
    return prediction


def loss_row(name, arguments, y, p, mask, weights):
    row = {"class_name": name, "config": arguments, "y_true": numbers(y), "y_pred": numbers(p)}
    if mask is not None:
        row["mask"] = numbers(mask)

    def value(reduction, prediction, weight=None):
        loss = made(losses, name, {**arguments, "reduction": reduction})
        return loss(np.asarray(y), masked(keras.ops.convert_to_tensor(prediction), mask), weight)

    own = arguments.get("reduction")
    if mask is None:
        row["none"] = numbers(value("none", p))
    for reduction in [own] if own else ["sum_over_batch_size", "sum", "mean_with_sample_weight"]:
        row[reduction] = numbers(value(reduction, p))
        # With several values per sample Keras takes weights of as many axes only, and sums them up as they are.
        axes = 1 if mask is not None else np.ndim(row["none"])
        if np.ndim(p) > 2 and reduction == "mean_with_sample_weight":
            continue
        if mask is None and (axes == 0 or np.shape(row["none"])[0] != N):
            continue
        shaped = weights.reshape((N,) + (1,) * ((2 if mask is not None else axes) - 1))
        row[reduction + ":weighted"] = numbers(value(reduction, p, shaped))
    # Where CTC's targets are impossible, float32 has steps of 0.008, and gradients are noise.
    if "dtype" not in arguments and not np.any(np.asarray(row.get("none", 0)) > 1e4):
        first = own or "sum_over_batch_size"
        row["gradient"] = numbers(jax.grad(lambda x: value(first, x))(jax.numpy.asarray(p)))
    return row


def loss_table():
    weights = short(RNG.uniform(0, 2, N))
    rows = [loss_row(*case, weights) for case in loss_cases()]
    return {"sample_weight": numbers(weights), "rows": rows}


def metric_cases():
    """(class, arguments, two targets, two predictions, two masks or None)"""
    cases = []

    def add(name, target, prediction, arguments=({},), shapes=(FLAT, STEPS), masks=False):
        for shape in shapes:
            for own in arguments:
                cases.append((name, own, [target(*shape) for _ in "12"], [prediction(*shape) for _ in "12"], None))
        if masks:
            for own in arguments:
                cases.append((name, own, [target(*STEPS) for _ in "12"], [prediction(*STEPS) for _ in "12"],
                              [kept((N, STEPS[0])) for _ in "12"]))

    every = dict(shapes=SHAPES, masks=True)
    several = dict(shapes=(FLAT, STEPS, IMAGE), masks=True)
    dtypes = [{}, {"dtype": "float16"}, {"dtype": "bfloat16"}]

    def whole(*shape):
        return RNG.integers(0, 3, (N, *shape)).astype("float32")

    add("Accuracy", whole, whole, dtypes, **every)
    add("BinaryAccuracy", bits, unit, [{}, {"threshold": 0.3}, {"threshold": 0.7}], **every)
    add("CategoricalAccuracy", one_hot, shares, dtypes, **several)
    add("SparseCategoricalAccuracy", classes, shares, dtypes, **several)
    add("TopKCategoricalAccuracy", one_hot, shares, [{"k": k} for k in (1, 2, 3, 5)], **several)
    add("SparseTopKCategoricalAccuracy", classes, shares, [{"k": k} for k in (1, 2, 3, 5)], **several)
    ranked = lambda *shape: np.argsort(real(*shape), axis=-1).astype("float32")
    add("SparseTopKCategoricalAccuracy", classes, ranked, [{"k": k, "from_sorted_ids": True} for k in (1, 2, 4)])

    add("MeanSquaredError", real, real, dtypes, **every)
    add("MeanAbsoluteError", real, real, dtypes, **every)
    add("MeanAbsolutePercentageError", real, real, dtypes, **every)
    add("MeanSquaredLogarithmicError", positive, positive, dtypes, **every)
    add("RootMeanSquaredError", real, real, dtypes, shapes=SHAPES)
    add("LogCoshError", real, real, dtypes, **every)
    add("Poisson", positive, positive, dtypes, **every)
    add("KLDivergence", shares, shares, dtypes, **several)
    for labels in (bits, lambda *shape: 2 * bits(*shape) - 1):
        add("Hinge", labels, real, dtypes[:2], **every)
        add("SquaredHinge", labels, real, dtypes[:2], **every)
    add("CategoricalHinge", one_hot, real, dtypes, **several)
    add("CosineSimilarity", real, real, [{}, {"axis": -1}, {"axis": 1}], shapes=SHAPES)
    for name in ("PearsonCorrelation", "ConcordanceCorrelation"):
        add(name, real, real, [{}, {"axis": 1}], shapes=(FLAT, STEPS, IMAGE))
        add(name, real, real, [{"axis": -1}], shapes=(FLAT,), masks=True)
        add(name, real, real, [{"axis": [1, 2]}, {"axis": -2}], shapes=(STEPS,))
    ways = [{"class_aggregation": way} for way in ("uniform_average", "variance_weighted_average", None)]
    add("R2Score", real, real, [{**way, "num_regressors": n} for way in ways for n in (0, 2, 40)], shapes=(FLAT,))
    add("R2Score", real, real, ways, shapes=(COLUMN,))
    smooth = [{}, {"label_smoothing": 0.1}]
    add("BinaryCrossentropy", bits, unit, smooth, **every)
    add("BinaryCrossentropy", bits, real, [{**one, "from_logits": True} for one in smooth], **every)
    smooth = [{}, {"label_smoothing": 0.1}, {"axis": 1}]
    for masks in (True, False):
        some = smooth[:2] if masks else smooth[2:]
        more = dict(shapes=(FLAT, STEPS), masks=masks)
        add("CategoricalCrossentropy", one_hot, shares, some, **more)
        add("CategoricalCrossentropy", one_hot, real, [{**one, "from_logits": True} for one in some], **more)
    sparse = [{}, {"ignore_class": 1}, {"ignore_class": 0}]
    add("SparseCategoricalCrossentropy", classes, shares, sparse, **several)
    add("SparseCategoricalCrossentropy", classes, real, [{**one, "from_logits": True} for one in sparse], **several)
    add("SparseCategoricalCrossentropy", lambda *s: classes(*s, axis=1), lambda *s: shares(*s, axis=1), [{"axis": 1}],
        shapes=((4, 4),))

    counts = [{}, {"thresholds": 0.3}, {"thresholds": [0.7]}, {"thresholds": [0.2, 0.6]},
              {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}]
    grid = lambda *shape: (RNG.integers(0, 9, (N, *shape)) / 8).astype("float32")  # on the thresholds
    for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
        add(name, bits, unit, counts, shapes=(FLAT, COLUMN))
        add(name, bits, grid, counts, shapes=(FLAT, COLUMN))
    choices = [{"top_k": 2}, {"top_k": 1, "class_id": 1}, {"class_id": 2}, {"class_id": 0, "thresholds": [0.1, 0.4]},
               {"top_k": 3, "thresholds": 0.2}]
    for name in ("Precision", "Recall"):
        add(name, bits, unit, counts + choices, shapes=(FLAT,))
        add(name, bits, grid, counts, shapes=(FLAT, COLUMN))
        add(name, one_hot, shares, choices, shapes=(FLAT,))
    for name, bound in (("SensitivityAtSpecificity", "specificity"), ("SpecificityAtSensitivity", "sensitivity"),
                        ("PrecisionAtRecall", "recall"), ("RecallAtPrecision", "precision")):
        add(name, bits, unit, [{bound: b, "num_thresholds": n} for b in (0.3, 0.6, 0.9) for n in (1, 2, 20, 200)],
            shapes=(FLAT,))
        add(name, bits, grid, [{bound: b, "class_id": i} for b in (0.2, 0.5) for i in (0, 3)], shapes=(FLAT,))

    curves = [{"curve": c, "summation_method": m} for c in ("ROC", "PR", "PRGAIN")
              for m in ("interpolation", "minoring", "majoring")]
    areas = curves + [{"num_thresholds": n} for n in (2, 3, 50)] + [
        {"thresholds": [0.3, 0.1, 0.8]}, {"thresholds": [0.25, 0.5, 0.75]},
        {"label_weights": [0.5, 1.0, 2.0, 0.0]}]
    apart = [{"multi_label": True, **one} for one in areas] + [
        {"multi_label": True, "num_labels": 4}, {"multi_label": True, "label_weights": [1.0, 3.0, 0.5, 2.0], "curve": "PR"}]
    add("AUC", bits, unit, areas + apart, shapes=(FLAT,))
    add("AUC", bits, grid, curves + apart[:9], shapes=(FLAT,))
    add("AUC", bits, real, [{"from_logits": True}, {"from_logits": True, "multi_label": True}], shapes=(FLAT,))
    add("AUC", bits, unit, curves, shapes=(COLUMN,))

    averages = [{"average": a} for a in (None, "micro", "macro", "weighted")]
    for name, own in (("F1Score", [{}]), ("FBetaScore", [{}, {"beta": 0.5}, {"beta": 2.0}])):
        add(name, one_hot, shares, [{**a, **b} for a in averages for b in own], shapes=(FLAT,))
        add(name, bits, unit, [{**a, **b, "threshold": t} for a in averages for b in own for t in (0.3, 0.6)],
            shapes=(FLAT,))

    add("BinaryIoU", bits, unit, [{"target_class_ids": ids, "threshold": t, **d} for ids in ([0, 1], [0], [1])
                                  for t in (0.3, 0.5) for d in ({}, {"dtype": "float32"})], shapes=(FLAT, COLUMN))
    ignore = [{}, {"ignore_class": 1}, {"dtype": "float32"}, {"dtype": "float32", "ignore_class": 0}]
    known = lambda *shape: RNG.integers(0, 4, (N, *shape)).astype("float32")
    add("IoU", known, known, [{"num_classes": k, "target_class_ids": ids, **i} for k in (4, 3) for ids in ([0, 2], [1])
                              for i in ignore], shapes=(FLAT,))
    add("IoU", classes, shares, [{"num_classes": 4, "target_class_ids": [0, 3], "sparse_y_pred": False, **i}
                                 for i in ignore], shapes=(FLAT,))
    add("MeanIoU", known, known, [{"num_classes": k, **i} for k in (4, 5) for i in ignore], shapes=(FLAT,))
    add("MeanIoU", one_hot, shares, [{"num_classes": 4, "sparse_y_true": False, "sparse_y_pred": False, **i}
                                     for i in ignore], shapes=(FLAT,))
    add("OneHotIoU", one_hot, shares, [{"num_classes": 4, "target_class_ids": ids, **i} for ids in ([0, 2], [3])
                                       for i in ignore], shapes=(FLAT,))
    add("OneHotIoU", one_hot, lambda *s: known(), [{"num_classes": 4, "target_class_ids": [1], "sparse_y_pred": True}],
        shapes=(FLAT,))
    add("OneHotMeanIoU", one_hot, shares, [{"num_classes": 4, **i} for i in ignore] + [{"num_classes": 4, "axis": -1}],
        shapes=(FLAT,))
    add("OneHotMeanIoU", one_hot, lambda *s: known(), [{"num_classes": k, "sparse_y_pred": True} for k in (3, 4, 5)],
        shapes=(FLAT,))

    add("Mean", real, positive, dtypes[:1] * 4, shapes=(FLAT, STEPS))
    add("Sum", real, positive, dtypes[:1] * 4, shapes=(FLAT, STEPS))

    wrapped = [
        (real, real, [{"fn": fn} for fn in ("mean_squared_error", "mean_absolute_error", "log_cosh", "huber",
                                            "cosine_similarity", "accuracy")]
         + [{"fn": "huber", "delta": 0.3}, {"fn": "cosine_similarity", "axis": 1}, {"fn": "pearson_correlation"}]),
        (bits, unit, [{"fn": "binary_accuracy", "threshold": 0.3}, {"fn": "binary_focal_crossentropy", "gamma": 1.0},
                      {"fn": "binary_crossentropy", "label_smoothing": 0.2}]),
        (classes, shares, [{"fn": "categorical_generalized_cross_entropy", "q": 0.3},
                           {"fn": "sparse_categorical_crossentropy", "ignore_class": 1}]),
    ]
    for target, prediction, arguments in wrapped:
        add("MeanMetricWrapper", target, prediction, arguments, shapes=(FLAT,))
    cases.append(("MeanMetricWrapper", {"fn": losses.Huber(delta=0.4, reduction="sum")}, [real(4), real(4)],
                  [real(4), real(4)], None))
    return cases


FUNCTIONS = {"accuracy": metrics.Accuracy()._fn, "pearson_correlation": metrics.PearsonCorrelation()._fn}


def made_metric(name, arguments):
    """The metric, and its config with what Keras leaves out."""
    if name != "MeanMetricWrapper":
        return made(metrics, name, arguments), arguments
    fn = arguments["fn"]
    if isinstance(fn, str):
        function = FUNCTIONS.get(fn) or getattr(losses, fn, None) or getattr(metrics, fn)
        stored = {"module": "builtins", "class_name": "function", "config": fn}
    else:
        function = fn
        stored = keras.saving.serialize_keras_object(fn)
        stored["config"]["delta"] = fn._fn_kwargs["delta"]
    own = {key: value for key, value in arguments.items() if key != "fn"}
    return metrics.MeanMetricWrapper(function, name="wrapped", **own), {**own, "fn": stored}


def metric_row(name, arguments, y, p, masks, weights):
    row = {"class_name": name, "y_true": numbers(y), "y_pred": numbers(p)}
    if masks is not None:
        row["mask"] = numbers(masks)
    for weighted in (False, True):
        try:
            metric, config = made_metric(name, arguments)
            results = []
            for i in range(2):
                mask = None if masks is None else masks[i]
                prediction = masked(keras.ops.convert_to_tensor(p[i]), mask)
                given = [weights[i].reshape((N, 1)) if mask is not None else weights[i]] if weighted else []
                metric.update_state(keras.ops.convert_to_tensor(y[i]), prediction, *given)
                results.append(numbers(metric.result()))
        except Exception as error:
            if not weighted:
                raise
            continue  # Keras has no weights here
        row["config"] = config
        row["results:weighted" if weighted else "results"] = results
    return row


def metric_table():
    weights = short(RNG.uniform(0, 3, (2, N)))
    rows = [metric_row(*case, weights) for case in metric_cases()]
    return {"sample_weight": numbers(weights), "rows": rows}


def main():
    for name, table in (("losses_more", loss_table()), ("metrics_more", metric_table())):
        head = {"keras_version": keras.__version__, "backend": backend.backend(), "sample_weight": table["sample_weight"]}
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in table["rows"])
        with open(os.path.join(HERE, name + ".json"), "w", encoding="utf-8") as file:
            file.write(json.dumps(head)[:-1] + ', "rows": [\n' + rows + "\n]}\n")
        print(name, len(table["rows"]))


if __name__ == "__main__":
    main()
