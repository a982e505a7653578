#include <keratin/keras/constraints.h>
#include <keratin/keras/initializers.h>
#include <keratin/keras/losses.h>
#include <keratin/keras/metrics.h>
#include <keratin/keras/optimizers.h>
#include <keratin/keras/regularizers.h>

#include "tests/keras/keras_cases.h"

namespace keratin::keras {

std::vector<Case> initializer_cases() {
  using namespace initializers;
  return {
      {"Zeros", Zeros(), Zeros()},
      {"Ones", Ones(), Ones()},
      {"Constant", Constant(), Constant(0.5)},
      {"RandomUniform", RandomUniform(), RandomUniform({.minval = -0.5, .maxval = 0.5, .seed = 7})},
      {"RandomNormal", RandomNormal(), RandomNormal({.mean = 0.5, .stddev = 0.25, .seed = 7})},
      {"TruncatedNormal", TruncatedNormal(), TruncatedNormal({.mean = 0.5, .stddev = 0.25, .seed = 7})},
      {"VarianceScaling", VarianceScaling(),
       VarianceScaling({.scale = 2.0, .mode = "fan_avg", .distribution = "uniform", .seed = 7})},
      {"GlorotUniform", GlorotUniform(), GlorotUniform({.seed = 7})},
      {"GlorotNormal", GlorotNormal(), GlorotNormal({.seed = 7})},
      {"HeUniform", HeUniform(), HeUniform({.seed = 7})},
      {"HeNormal", HeNormal(), HeNormal({.seed = 7})},
      {"LecunUniform", LecunUniform(), LecunUniform({.seed = 7})},
      {"LecunNormal", LecunNormal(), LecunNormal({.seed = 7})},
      {"Orthogonal", Orthogonal(), Orthogonal({.gain = 0.5, .seed = 7})},
      {"Identity", Identity(), Identity(0.5)},
      {"STFT", STFT(), STFT({.side = "imag", .window = "hamming", .scaling = {}, .periodic = true})},
  };
}

std::vector<Case> regularizer_cases() {
  using namespace regularizers;
  return {
      {"L1", L1(), L1(0.5)},
      {"L2", L2(), L2(0.5)},
      {"L1L2", L1L2(), L1L2({.l1 = 0.5, .l2 = 0.25})},
      {"OrthogonalRegularizer", OrthogonalRegularizer(),
       OrthogonalRegularizer({.factor = 0.5, .mode = "columns"})},
  };
}

std::vector<Case> constraint_cases() {
  using namespace constraints;
  return {
      {"MaxNorm", MaxNorm(), MaxNorm({.max_value = 0.5, .axis = {0, 1}})},
      {"MinMaxNorm", MinMaxNorm(),
       MinMaxNorm({.min_value = 0.25, .max_value = 0.5, .rate = 0.75, .axis = 1})},
      {"NonNeg", NonNeg(), NonNeg()},
      {"UnitNorm", UnitNorm(), UnitNorm(1)},
  };
}

std::vector<Case> loss_cases() {
  using namespace losses;
  const LossOptions own = {.reduction = "sum", .name = "own"};
  const CrossentropyOptions crossentropy = {
      .from_logits = true, .label_smoothing = 0.1, .axis = 1, .reduction = "sum", .name = "own"};
  return {
      {"MeanSquaredError", MeanSquaredError(), MeanSquaredError(own)},
      {"MeanAbsoluteError", MeanAbsoluteError(), MeanAbsoluteError(own)},
      {"MeanAbsolutePercentageError", MeanAbsolutePercentageError(), MeanAbsolutePercentageError(own)},
      {"MeanSquaredLogarithmicError", MeanSquaredLogarithmicError(), MeanSquaredLogarithmicError(own)},
      {"LogCosh", LogCosh(), LogCosh(own)},
      {"Poisson", Poisson(), Poisson(own)},
      {"KLDivergence", KLDivergence(), KLDivergence(own)},
      {"Hinge", Hinge(), Hinge(own)},
      {"SquaredHinge", SquaredHinge(), SquaredHinge(own)},
      {"CategoricalHinge", CategoricalHinge(), CategoricalHinge(own)},
      {"Huber", Huber(), Huber({.delta = 0.5, .reduction = "sum", .name = "own"})},
      {"CosineSimilarity", CosineSimilarity(),
       CosineSimilarity({.axis = 1, .reduction = "sum", .name = "own"})},
      {"BinaryCrossentropy", BinaryCrossentropy(), BinaryCrossentropy(crossentropy)},
      {"CategoricalCrossentropy", CategoricalCrossentropy(), CategoricalCrossentropy(crossentropy)},
      {"SparseCategoricalCrossentropy", SparseCategoricalCrossentropy(),
       SparseCategoricalCrossentropy(
           {.from_logits = true, .ignore_class = 2, .reduction = "sum", .axis = 1, .name = "own"})},
      {"BinaryFocalCrossentropy", BinaryFocalCrossentropy(),
       BinaryFocalCrossentropy({.apply_class_balancing = true,
                                .alpha = 0.5,
                                .gamma = 3.0,
                                .from_logits = true,
                                .label_smoothing = 0.1,
                                .axis = 1,
                                .reduction = "sum",
                                .name = "own"})},
      {"CategoricalFocalCrossentropy", CategoricalFocalCrossentropy(),
       CategoricalFocalCrossentropy({.alpha = 0.5,
                                     .gamma = 3.0,
                                     .from_logits = true,
                                     .label_smoothing = 0.1,
                                     .axis = 1,
                                     .reduction = "sum",
                                     .name = "own"})},
      {"CategoricalGeneralizedCrossEntropy", CategoricalGeneralizedCrossEntropy(),
       CategoricalGeneralizedCrossEntropy({.q = 0.25, .reduction = "sum", .name = "own"})},
      {"CTC", CTC(), CTC(own)},
      {"Dice", Dice(), Dice({.reduction = "sum", .name = "own", .axis = {1, 2}})},
      {"Tversky", Tversky(),
       Tversky({.alpha = 0.25, .beta = 0.75, .reduction = "sum", .name = "own", .axis = {1, 2}})},
      {"Circle", Circle(),
       Circle({.gamma = 2.0, .margin = 0.25, .remove_diagonal = false, .reduction = "sum", .name = "own"})},
  };
}

std::vector<Case> metric_cases() {
  using namespace metrics;
  const MetricOptions own = {.name = "own"};
  const ConfusionOptions confusion = {.thresholds = 0.25, .name = "own"};
  const PrecisionOptions precision = {.thresholds = 0.25, .top_k = 2, .class_id = 1, .name = "own"};
  const AtBoundOptions at_bound = {.num_thresholds = 50, .class_id = 1, .name = "own"};
  const IoUOptions iou = {.name = "own",
                          .dtype = "float32",
                          .ignore_class = 1,
                          .sparse_y_true = false,
                          .sparse_y_pred = false,
                          .axis = 0};
  const OneHotIoUOptions one_hot = {
      .name = "own", .dtype = "float32", .ignore_class = 1, .sparse_y_pred = true, .axis = 0};
  return {
      {"Accuracy", Accuracy(), Accuracy(own)},
      {"Mean", Mean(), Mean(own)},
      {"Sum", Sum(), Sum(own)},
      {"CategoricalAccuracy", CategoricalAccuracy(), CategoricalAccuracy(own)},
      {"SparseCategoricalAccuracy", SparseCategoricalAccuracy(), SparseCategoricalAccuracy(own)},
      {"MeanSquaredError", MeanSquaredError(), MeanSquaredError(own)},
      {"MeanAbsoluteError", MeanAbsoluteError(), MeanAbsoluteError(own)},
      {"MeanAbsolutePercentageError", MeanAbsolutePercentageError(), MeanAbsolutePercentageError(own)},
      {"MeanSquaredLogarithmicError", MeanSquaredLogarithmicError(), MeanSquaredLogarithmicError(own)},
      {"RootMeanSquaredError", RootMeanSquaredError(), RootMeanSquaredError(own)},
      {"LogCoshError", LogCoshError(), LogCoshError(own)},
      {"Poisson", Poisson(), Poisson(own)},
      {"KLDivergence", KLDivergence(), KLDivergence(own)},
      {"Hinge", Hinge(), Hinge(own)},
      {"SquaredHinge", SquaredHinge(), SquaredHinge(own)},
      {"CategoricalHinge", CategoricalHinge(), CategoricalHinge(own)},
      {"BinaryAccuracy", BinaryAccuracy(), BinaryAccuracy({.name = "own", .threshold = 0.25})},
      {"TopKCategoricalAccuracy", TopKCategoricalAccuracy(),
       TopKCategoricalAccuracy({.k = 2, .name = "own"})},
      {"SparseTopKCategoricalAccuracy", SparseTopKCategoricalAccuracy(),
       SparseTopKCategoricalAccuracy({.k = 2, .name = "own", .from_sorted_ids = true})},
      {"R2Score", R2Score(),
       R2Score({.class_aggregation = "variance_weighted_average", .num_regressors = 1, .name = "own"})},
      {"CosineSimilarity", CosineSimilarity(), CosineSimilarity({.name = "own", .axis = 1})},
      {"BinaryCrossentropy", BinaryCrossentropy(),
       BinaryCrossentropy({.name = "own", .from_logits = true, .label_smoothing = 0.1})},
      {"CategoricalCrossentropy", CategoricalCrossentropy(),
       CategoricalCrossentropy({.name = "own", .from_logits = true, .label_smoothing = 0.1, .axis = 1})},
      {"SparseCategoricalCrossentropy", SparseCategoricalCrossentropy(),
       SparseCategoricalCrossentropy({.name = "own", .from_logits = true, .ignore_class = 2, .axis = 1})},
      {"PearsonCorrelation", PearsonCorrelation(), PearsonCorrelation({.name = "own", .axis = 1})},
      {"ConcordanceCorrelation", ConcordanceCorrelation(),
       ConcordanceCorrelation({.name = "own", .axis = 1})},
      {"MeanMetricWrapper", MeanMetricWrapper("huber"),
       MeanMetricWrapper("huber", {.name = "own", .arguments = {{"delta", 0.5}}})},
      {"SensitivityAtSpecificity", SensitivityAtSpecificity(0.5), SensitivityAtSpecificity(0.5, at_bound)},
      {"SpecificityAtSensitivity", SpecificityAtSensitivity(0.5), SpecificityAtSensitivity(0.5, at_bound)},
      {"PrecisionAtRecall", PrecisionAtRecall(0.5), PrecisionAtRecall(0.5, at_bound)},
      {"RecallAtPrecision", RecallAtPrecision(0.5), RecallAtPrecision(0.5, at_bound)},
      {"BinaryIoU", BinaryIoU(),
       BinaryIoU({.target_class_ids = {1}, .threshold = 0.25, .name = "own", .dtype = "float32"})},
      {"IoU", IoU(4, {0, 2}), IoU(4, {0, 2}, iou)},
      {"MeanIoU", MeanIoU(4), MeanIoU(4, iou)},
      {"OneHotIoU", OneHotIoU(4, {0, 2}), OneHotIoU(4, {0, 2}, one_hot)},
      {"OneHotMeanIoU", OneHotMeanIoU(4), OneHotMeanIoU(4, one_hot)},
      {"TruePositives", TruePositives(), TruePositives(confusion)},
      {"FalsePositives", FalsePositives(), FalsePositives(confusion)},
      {"TrueNegatives", TrueNegatives(), TrueNegatives(confusion)},
      {"FalseNegatives", FalseNegatives(), FalseNegatives(confusion)},
      {"Precision", Precision(), Precision(precision)},
      {"Recall", Recall(), Recall(precision)},
      {"AUC", AUC(),
       AUC({.num_thresholds = 50,
            .curve = "PR",
            .summation_method = "minoring",
            .name = "own",
            .multi_label = true,
            .num_labels = 3,
            .label_weights = {0.5, 1.0, 2.0},
            .from_logits = true})},
      {"F1Score", F1Score(), F1Score({.average = "macro", .threshold = 0.25, .name = "own"})},
      {"FBetaScore", FBetaScore(),
       FBetaScore({.average = "macro", .beta = 2.0, .threshold = 0.25, .name = "own"})},
  };
}

namespace {

template <typename Options>
Options with_updates(Options o) {
  o.weight_decay = 0.1;
  o.clipnorm = 0.5;
  o.use_ema = true;
  o.ema_momentum = 0.9;
  o.ema_overwrite_frequency = 3;
  o.loss_scale_factor = 2.0;
  o.gradient_accumulation_steps = 4;
  o.name = "own";
  return o;
}

template <typename Options>
Options moments() {
  return with_updates(Options{.learning_rate = 0.5, .beta_1 = 0.8, .beta_2 = 0.9, .epsilon = 0.001});
}

template <typename Options>
Options adam() {
  return with_updates(
      Options{.learning_rate = 0.5, .beta_1 = 0.8, .beta_2 = 0.9, .epsilon = 0.001, .amsgrad = true});
}

}  // namespace

std::vector<Case> optimizer_cases() {
  using namespace optimizers;
  return {
      {"SGD", SGD(), SGD(with_updates(SGDOptions{.learning_rate = 0.5, .momentum = 0.9, .nesterov = true}))},
      {"Adam", Adam(), Adam(adam<AdamOptions>())},
      {"AdamW", AdamW(), AdamW(adam<AdamWOptions>())},
      {"RMSprop", RMSprop(),
       RMSprop(with_updates(RMSpropOptions{.learning_rate = schedules::ExponentialDecay(0.5, 10, 0.9),
                                           .rho = 0.8,
                                           .momentum = 0.9,
                                           .epsilon = 0.001,
                                           .centered = true}))},
      {"Adadelta", Adadelta(),
       Adadelta(with_updates(AdadeltaOptions{.learning_rate = 0.5, .rho = 0.8, .epsilon = 0.001}))},
      {"Adagrad", Adagrad(),
       Adagrad(with_updates(
           AdagradOptions{.learning_rate = 0.5, .initial_accumulator_value = 0.2, .epsilon = 0.001}))},
      {"Adamax", Adamax(), Adamax(moments<AdamaxOptions>())},
      {"Adafactor", Adafactor(),
       Adafactor(with_updates(AdafactorOptions{.learning_rate = 0.5,
                                               .beta_2_decay = -0.5,
                                               .epsilon_1 = 0.25,
                                               .epsilon_2 = 0.5,
                                               .clip_threshold = 2.0,
                                               .relative_step = false}))},
      {"Nadam", Nadam(), Nadam(moments<NadamOptions>())},
      {"Ftrl", Ftrl(),
       Ftrl(with_updates(FtrlOptions{.learning_rate = 0.5,
                                     .learning_rate_power = -0.25,
                                     .initial_accumulator_value = 0.5,
                                     .l1_regularization_strength = 0.1,
                                     .l2_regularization_strength = 0.2,
                                     .l2_shrinkage_regularization_strength = 0.3,
                                     .beta = 0.4}))},
      {"Lion", Lion(), Lion(with_updates(LionOptions{.learning_rate = 0.5, .beta_1 = 0.8, .beta_2 = 0.9}))},
      {"Lamb", Lamb(), Lamb(moments<LambOptions>())},
      {"Muon", Muon(),
       Muon(with_updates(MuonOptions{.learning_rate = 0.5,
                                     .adam_beta_1 = 0.8,
                                     .adam_beta_2 = 0.9,
                                     .adam_weight_decay = {},
                                     .epsilon = 0.001,
                                     .exclude_layers = {"out"},
                                     .exclude_embeddings = false,
                                     .muon_a = 3.0,
                                     .muon_b = -4.0,
                                     .muon_c = 2.0,
                                     .adam_lr_ratio = 0.5,
                                     .momentum = 0.5,
                                     .ns_steps = 3,
                                     .nesterov = false,
                                     .rms_rate = {}}))},
      {"ScheduleFreeAdamW", ScheduleFreeAdamW(),
       ScheduleFreeAdamW(with_updates(ScheduleFreeAdamWOptions{
           .learning_rate = 0.5, .beta_1 = 0.8, .beta_2 = 0.9, .epsilon = 0.001, .warmup_steps = 5}))},
      {"LossScaleOptimizer", LossScaleOptimizer(SGD()),
       LossScaleOptimizer(Adam(0.5), {.initial_scale = 8.0, .dynamic_growth_steps = 3, .name = "own"})},
      {"MultiOptimizer", MultiOptimizer(OptimizerMap(SGD())),
       MultiOptimizer(
           OptimizerMap(SGD({.loss_scale_factor = 2.0}), {{"dense/.*", Lion({.loss_scale_factor = 2.0})}}),
           {.loss_scale_factor = 2.0, .name = "own"})},
  };
}

std::vector<Case> schedule_cases() {
  using namespace optimizers::schedules;
  const DecayOptions stairs = {.staircase = true, .name = "own"};
  return {
      {"ExponentialDecay", ExponentialDecay(0.5, 10, 0.9), ExponentialDecay(0.5, 10, 0.9, stairs)},
      {"InverseTimeDecay", InverseTimeDecay(0.5, 10, 0.9), InverseTimeDecay(0.5, 10, 0.9, stairs)},
      {"PiecewiseConstantDecay", PiecewiseConstantDecay({10, 20}, {0.5, 0.25, 0.125}),
       PiecewiseConstantDecay({10, 20}, {0.5, 0.25, 0.125}, {.name = "own"})},
      {"PolynomialDecay", PolynomialDecay(0.5, 10),
       PolynomialDecay(0.5, 10, {.end_learning_rate = 0.25, .power = 2.0, .cycle = true, .name = "own"})},
      {"CosineDecay", CosineDecay(0.5, 10),
       CosineDecay(0.5, 10, {.alpha = 0.1, .name = "own", .warmup_target = 0.75, .warmup_steps = 5})},
      {"CosineDecayRestarts", CosineDecayRestarts(0.5, 10),
       CosineDecayRestarts(0.5, 10, {.t_mul = 3.0, .m_mul = 0.5, .alpha = 0.1, .name = "own"})},
  };
}

}  // namespace keratin::keras
