#include <keratin/keras/initializers.h>
#include <keratin/keras/layers.h>
#include <keratin/keras/regularizers.h>

#include "tests/keras/keras_cases.h"

namespace keratin::keras {
namespace {

using namespace layers;

const Value kHe = initializers::HeNormal(), kOrthogonal = initializers::Orthogonal({.gain = 0.5});
const Value kL1 = regularizers::L1(0.1), kL2 = regularizers::L2(0.2);
const Value kL1L2 = regularizers::L1L2({.l1 = 0.3, .l2 = 0.4});
constexpr std::string_view kMaxNorm = "max_norm";

ConvOptions conv(const Value& strides, const Value& dilation_rate) {
  return {.strides = strides,
          .padding = "same",
          .data_format = "channels_first",
          .dilation_rate = dilation_rate,
          .groups = 2,
          .activation = "relu",
          .use_bias = false,
          .kernel_initializer = kHe,
          .bias_initializer = "ones",
          .kernel_regularizer = kL1,
          .bias_regularizer = kL2,
          .activity_regularizer = "l1",
          .kernel_constraint = kMaxNorm,
          .bias_constraint = "non_neg",
          .name = "own",
          .trainable = false};
}

DepthwiseConvOptions depthwise(const Value& strides, const Value& dilation_rate) {
  return {.strides = strides,
          .padding = "same",
          .depth_multiplier = 2,
          .data_format = "channels_first",
          .dilation_rate = dilation_rate,
          .activation = "relu",
          .use_bias = false,
          .depthwise_initializer = kHe,
          .bias_initializer = "ones",
          .depthwise_regularizer = kL1,
          .bias_regularizer = kL2,
          .activity_regularizer = "l1",
          .depthwise_constraint = kMaxNorm,
          .bias_constraint = "non_neg",
          .name = "own",
          .trainable = false};
}

SeparableConvOptions separable(const Value& strides, const Value& dilation_rate) {
  return {.strides = strides,
          .padding = "same",
          .data_format = "channels_first",
          .dilation_rate = dilation_rate,
          .depth_multiplier = 2,
          .activation = "relu",
          .use_bias = false,
          .depthwise_initializer = kHe,
          .pointwise_initializer = "he_uniform",
          .bias_initializer = "ones",
          .depthwise_regularizer = kL1,
          .pointwise_regularizer = "l2",
          .bias_regularizer = kL2,
          .activity_regularizer = "l1",
          .depthwise_constraint = kMaxNorm,
          .pointwise_constraint = "unit_norm",
          .bias_constraint = "non_neg",
          .name = "own",
          .trainable = false};
}

ConvTransposeOptions transposed(const Value& output_padding) {
  return {.strides = 2,
          .padding = "same",
          .output_padding = output_padding,
          .data_format = "channels_first",
          .activation = "relu",
          .use_bias = false,
          .kernel_initializer = kHe,
          .bias_initializer = "ones",
          .kernel_regularizer = kL1,
          .bias_regularizer = kL2,
          .activity_regularizer = "l1",
          .kernel_constraint = kMaxNorm,
          .bias_constraint = "non_neg",
          .name = "own",
          .trainable = false};
}

/// What cells and recurrent layers have.
template <typename Options>
Options with_most_of_step(Options o) {
  o.activation = "relu";
  o.use_bias = false;
  o.kernel_initializer = kHe;
  o.recurrent_initializer = kOrthogonal;
  o.bias_initializer = "ones";
  o.kernel_regularizer = kL1;
  o.recurrent_regularizer = kL1L2;
  o.bias_regularizer = kL2;
  o.kernel_constraint = kMaxNorm;
  o.recurrent_constraint = "unit_norm";
  o.bias_constraint = "non_neg";
  o.dropout = 0.1;
  o.recurrent_dropout = 0.2;
  o.name = "own";
  o.trainable = false;
  return o;
}

template <typename Options>
Options with_most(Options o) {
  o = with_most_of_step(std::move(o));
  o.return_sequences = o.return_state = o.go_backwards = o.stateful = o.unroll = true;
  o.zero_output_for_mask = true;
  return o;
}

const LayerOptions kNamed = {.name = "own", .trainable = false};

std::vector<Case> core() {
  return {
      {"Dense", Dense(3),
       Dense(3, {.activation = "relu",
                 .use_bias = false,
                 .kernel_initializer = kHe,
                 .bias_initializer = "ones",
                 .kernel_regularizer = kL1,
                 .bias_regularizer = kL2,
                 .activity_regularizer = "l1",
                 .kernel_constraint = kMaxNorm,
                 .bias_constraint = "non_neg",
                 .name = "own",
                 .trainable = false})},
      {"TernaryDense", TernaryDense(3),
       TernaryDense(3, {.threshold = 0.2,
                        .activation = "relu",
                        .use_bias = false,
                        .kernel_initializer = kHe,
                        .bias_initializer = "ones",
                        .kernel_regularizer = kL1,
                        .bias_regularizer = kL2,
                        .activity_regularizer = "l1",
                        .kernel_constraint = kMaxNorm,
                        .bias_constraint = "non_neg",
                        .name = "own",
                        .trainable = false})},
      {"EinsumDense", EinsumDense("abc,cd->abd", {nullptr, 3}),
       EinsumDense("abc,cd->abd", {nullptr, 3},
                   {.activation = "relu",
                    .bias_axes = "d",
                    .kernel_initializer = kHe,
                    .bias_initializer = "ones",
                    .kernel_regularizer = kL1,
                    .bias_regularizer = kL2,
                    .activity_regularizer = "l1",
                    .kernel_constraint = kMaxNorm,
                    .bias_constraint = "non_neg",
                    .name = "own",
                    .trainable = false})},
      {"Embedding", Embedding(9, 4),
       Embedding(9, 4,
                 {.embeddings_initializer = kHe,
                  .embeddings_regularizer = kL1,
                  .embeddings_constraint = kMaxNorm,
                  .mask_zero = true,
                  .name = "own",
                  .trainable = false})},
      {"ReversibleEmbedding", ReversibleEmbedding(9, 4),
       ReversibleEmbedding(9, 4,
                           {.tie_weights = false,
                            .embeddings_initializer = kHe,
                            .embeddings_regularizer = kL1,
                            .embeddings_constraint = kMaxNorm,
                            .mask_zero = true,
                            .reverse_dtype = "float32",
                            .logit_soft_cap = 2.5,
                            .name = "own",
                            .trainable = false})},
      {"Masking", Masking(), Masking({.mask_value = -1.5, .name = "own", .trainable = false})},
      {"Identity", Identity(), Identity(kNamed)},
      {"Activation", Activation("relu"), Activation("relu", kNamed)},
      {"ReLU", ReLU(),
       ReLU({.max_value = 6.0, .negative_slope = 0.25, .threshold = 0.5, .name = "own", .trainable = false})},
      {"LeakyReLU", LeakyReLU(), LeakyReLU({.negative_slope = 0.25, .name = "own", .trainable = false})},
      {"PReLU", PReLU(),
       PReLU({.alpha_initializer = kHe,
              .alpha_regularizer = kL1,
              .alpha_constraint = kMaxNorm,
              .shared_axes = {1, 2},
              .name = "own",
              .trainable = false})},
      {"ELU", ELU(), ELU({.alpha = 0.5, .name = "own", .trainable = false})},
      {"Softmax", Softmax(), Softmax({.axis = {1, 2}, .name = "own", .trainable = false})},
  };
}

std::vector<Case> convolutions() {
  return {
      {"Conv1D", Conv1D(4, 3), Conv1D(4, 3, conv(2, 1))},
      {"Conv2D", Conv2D(4, 3), Conv2D(4, 3, conv(1, {2, 1}))},
      {"Conv3D", Conv3D(4, {3, 2, 1}), Conv3D(4, {3, 2, 1}, conv(2, 1))},
      {"DepthwiseConv1D", DepthwiseConv1D(3), DepthwiseConv1D(3, depthwise(2, 1))},
      {"DepthwiseConv2D", DepthwiseConv2D({3, 2}), DepthwiseConv2D({3, 2}, depthwise(1, 2))},
      {"SeparableConv1D", SeparableConv1D(4, 3), SeparableConv1D(4, 3, separable(2, 1))},
      {"SeparableConv2D", SeparableConv2D(4, 3), SeparableConv2D(4, 3, separable(1, 2))},
      {"Conv1DTranspose", Conv1DTranspose(4, 3), Conv1DTranspose(4, 3, transposed(1))},
      {"Conv2DTranspose", Conv2DTranspose(4, 3), Conv2DTranspose(4, 3, transposed({1, 0}))},
      {"Conv3DTranspose", Conv3DTranspose(4, 3), Conv3DTranspose(4, 3, transposed(1))},
  };
}

std::vector<Case> pooling() {
  const PoolingOptions windows = {
      .strides = 1, .padding = "same", .data_format = "channels_first", .name = "own", .trainable = false};
  const AdaptivePoolingOptions adaptive = {
      .data_format = "channels_first", .name = "own", .trainable = false};
  const GlobalPoolingOptions global = {
      .data_format = "channels_first", .keepdims = true, .name = "own", .trainable = false};
  return {
      {"MaxPooling1D", MaxPooling1D(), MaxPooling1D(3, windows)},
      {"MaxPooling2D", MaxPooling2D(), MaxPooling2D(3, windows)},
      {"MaxPooling3D", MaxPooling3D(), MaxPooling3D(3, windows)},
      {"AveragePooling1D", AveragePooling1D(2), AveragePooling1D(3, windows)},
      {"AveragePooling2D", AveragePooling2D(2), AveragePooling2D(3, windows)},
      {"AveragePooling3D", AveragePooling3D(2), AveragePooling3D(3, windows)},
      {"AdaptiveMaxPooling1D", AdaptiveMaxPooling1D(2), AdaptiveMaxPooling1D(2, adaptive)},
      {"AdaptiveMaxPooling2D", AdaptiveMaxPooling2D(2), AdaptiveMaxPooling2D(2, adaptive)},
      {"AdaptiveMaxPooling3D", AdaptiveMaxPooling3D(2), AdaptiveMaxPooling3D(2, adaptive)},
      {"AdaptiveAveragePooling1D", AdaptiveAveragePooling1D(2), AdaptiveAveragePooling1D(2, adaptive)},
      {"AdaptiveAveragePooling2D", AdaptiveAveragePooling2D(2), AdaptiveAveragePooling2D(2, adaptive)},
      {"AdaptiveAveragePooling3D", AdaptiveAveragePooling3D(2), AdaptiveAveragePooling3D(2, adaptive)},
      {"GlobalMaxPooling1D", GlobalMaxPooling1D(), GlobalMaxPooling1D(global)},
      {"GlobalMaxPooling2D", GlobalMaxPooling2D(), GlobalMaxPooling2D(global)},
      {"GlobalMaxPooling3D", GlobalMaxPooling3D(), GlobalMaxPooling3D(global)},
      {"GlobalAveragePooling1D", GlobalAveragePooling1D(), GlobalAveragePooling1D(global)},
      {"GlobalAveragePooling2D", GlobalAveragePooling2D(), GlobalAveragePooling2D(global)},
      {"GlobalAveragePooling3D", GlobalAveragePooling3D(), GlobalAveragePooling3D(global)},
  };
}

std::vector<Case> normalization() {
  return {
      {"BatchNormalization", BatchNormalization(),
       BatchNormalization({.axis = 1,
                           .momentum = 0.9,
                           .epsilon = 0.01,
                           .center = false,
                           .scale = false,
                           .beta_initializer = "ones",
                           .gamma_initializer = kHe,
                           .moving_mean_initializer = "ones",
                           .moving_variance_initializer = "zeros",
                           .beta_regularizer = kL1,
                           .gamma_regularizer = kL2,
                           .beta_constraint = kMaxNorm,
                           .gamma_constraint = "non_neg",
                           .renorm = true,
                           .renorm_clipping = Dict{{"rmax", 3.0}, {"rmin", 0.5}, {"dmax", 5.0}},
                           .renorm_momentum = 0.8,
                           .name = "own",
                           .trainable = false})},
      {"LayerNormalization", LayerNormalization(),
       LayerNormalization({.axis = {1, 2},
                           .epsilon = 0.01,
                           .center = false,
                           .scale = false,
                           .beta_initializer = "ones",
                           .gamma_initializer = kHe,
                           .beta_regularizer = kL1,
                           .gamma_regularizer = kL2,
                           .beta_constraint = kMaxNorm,
                           .gamma_constraint = "non_neg",
                           .name = "own",
                           .trainable = false})},
      {"GroupNormalization", GroupNormalization(),
       GroupNormalization({.groups = 4,
                           .axis = 1,
                           .epsilon = 0.01,
                           .center = false,
                           .scale = false,
                           .beta_initializer = "ones",
                           .gamma_initializer = kHe,
                           .beta_regularizer = kL1,
                           .gamma_regularizer = kL2,
                           .beta_constraint = kMaxNorm,
                           .gamma_constraint = "non_neg",
                           .name = "own",
                           .trainable = false})},
      {"RMSNormalization", RMSNormalization(),
       RMSNormalization({.axis = {1, 2}, .epsilon = 0.01, .name = "own", .trainable = false})},
      {"UnitNormalization", UnitNormalization(),
       UnitNormalization({.axis = {1, 2}, .name = "own", .trainable = false})},
  };
}

std::vector<Case> regularization() {
  const DropoutOptions dropout = {.noise_shape = {{}, 1, 4}, .seed = 7, .name = "own", .trainable = false};
  const SpatialDropoutOptions spatial = {.data_format = "channels_first", .seed = 7, .name = "own"};
  const GaussianOptions gaussian = {.seed = 7, .name = "own", .trainable = false};
  return {
      {"Dropout", Dropout(0.5), Dropout(0.5, dropout)},
      {"AlphaDropout", AlphaDropout(0.5), AlphaDropout(0.5, dropout)},
      {"SpatialDropout1D", SpatialDropout1D(0.5), SpatialDropout1D(0.5, {.seed = 7, .name = "own"})},
      {"SpatialDropout2D", SpatialDropout2D(0.5), SpatialDropout2D(0.5, spatial)},
      {"SpatialDropout3D", SpatialDropout3D(0.5), SpatialDropout3D(0.5, spatial)},
      {"GaussianDropout", GaussianDropout(0.5), GaussianDropout(0.5, gaussian)},
      {"GaussianNoise", GaussianNoise(0.5), GaussianNoise(0.5, gaussian)},
      {"ActivityRegularization", ActivityRegularization(),
       ActivityRegularization({.l1 = 0.1, .l2 = 0.2, .name = "own", .trainable = false})},
  };
}

std::vector<Case> reshaping() {
  const ZeroPaddingOptions padding = {.data_format = "channels_first", .name = "own", .trainable = false};
  const CroppingOptions cropping = {.data_format = "channels_first", .name = "own", .trainable = false};
  return {
      {"Flatten", Flatten(), Flatten({.data_format = "channels_first", .name = "own", .trainable = false})},
      {"Reshape", Reshape({2, -1}), Reshape({2, -1}, kNamed)},
      {"Permute", Permute({2, 1}), Permute({2, 1}, kNamed)},
      {"RepeatVector", RepeatVector(3), RepeatVector(3, kNamed)},
      {"ZeroPadding1D", ZeroPadding1D(), ZeroPadding1D({1, 2}, padding)},
      {"ZeroPadding2D", ZeroPadding2D(), ZeroPadding2D({{1, 2}, {3, 4}}, padding)},
      {"ZeroPadding3D", ZeroPadding3D(), ZeroPadding3D({1, 2, 3}, padding)},
      {"Cropping1D", Cropping1D(), Cropping1D(2, kNamed)},
      {"Cropping2D", Cropping2D(), Cropping2D({1, 2}, cropping)},
      {"Cropping3D", Cropping3D(), Cropping3D(2, cropping)},
      {"UpSampling1D", UpSampling1D(), UpSampling1D(3, kNamed)},
      {"UpSampling2D", UpSampling2D(),
       UpSampling2D(3, {.data_format = "channels_first",
                        .interpolation = "bilinear",
                        .name = "own",
                        .trainable = false})},
      {"UpSampling3D", UpSampling3D(),
       UpSampling3D({1, 2, 3}, {.data_format = "channels_first", .name = "own", .trainable = false})},
  };
}

std::vector<Case> merging() {
  return {
      {"Add", Add(), Add(kNamed)},
      {"Subtract", Subtract(), Subtract(kNamed)},
      {"Multiply", Multiply(), Multiply(kNamed)},
      {"Average", Average(), Average(kNamed)},
      {"Maximum", Maximum(), Maximum(kNamed)},
      {"Minimum", Minimum(), Minimum(kNamed)},
      {"Concatenate", Concatenate(), Concatenate({.axis = 1, .name = "own", .trainable = false})},
      {"Dot", Dot(1), Dot({2, 1}, {.normalize = true, .name = "own", .trainable = false})},
  };
}

std::vector<Case> recurrent() {
  const std::vector<Layer> stack = {LSTMCell(3, {.name = "one"}), GRUCell(2, {.name = "two"})};
  const ConvLSTMOptions conv_lstm = with_most(ConvLSTMOptions{.strides = 2,
                                                              .padding = "same",
                                                              .data_format = "channels_first",
                                                              .recurrent_activation = "hard_sigmoid",
                                                              .unit_forget_bias = false,
                                                              .activity_regularizer = "l1",
                                                              .seed = 7});
  return {
      {"LSTM", LSTM(3),
       LSTM(3, with_most(LSTMOptions{.recurrent_activation = "hard_sigmoid",
                                     .unit_forget_bias = false,
                                     .activity_regularizer = "l1",
                                     .seed = 7}))},
      {"GRU", GRU(3),
       GRU(3, with_most(GRUOptions{.recurrent_activation = "hard_sigmoid",
                                   .activity_regularizer = "l1",
                                   .seed = 7,
                                   .reset_after = false}))},
      {"SimpleRNN", SimpleRNN(3), SimpleRNN(3, with_most(SimpleRNNOptions()))},
      {"LSTMCell", LSTMCell(3),
       LSTMCell(3, with_most_of_step(LSTMCellOptions{
                       .recurrent_activation = "hard_sigmoid", .unit_forget_bias = false, .seed = 7}))},
      {"GRUCell", GRUCell(3),
       GRUCell(3, with_most_of_step(GRUCellOptions{
                      .recurrent_activation = "hard_sigmoid", .reset_after = false, .seed = 7}))},
      {"SimpleRNNCell", SimpleRNNCell(3),
       SimpleRNNCell(3, with_most_of_step(SimpleRNNCellOptions{.seed = 7}))},
      {"StackedRNNCells", StackedRNNCells(stack),
       StackedRNNCells(stack, {.name = "own", .trainable = false})},
      {"RNN", RNN(GRUCell(3, {.name = "one"})),
       RNN(GRUCell(3, {.name = "one"}), {.return_sequences = true,
                                         .return_state = true,
                                         .go_backwards = true,
                                         .stateful = true,
                                         .unroll = true,
                                         .zero_output_for_mask = true,
                                         .name = "own",
                                         .trainable = false})},
      {"ConvLSTM1D", ConvLSTM1D(4, 3), ConvLSTM1D(4, 3, conv_lstm)},
      {"ConvLSTM2D", ConvLSTM2D(4, 3), ConvLSTM2D(4, 3, conv_lstm)},
      {"ConvLSTM3D", ConvLSTM3D(4, 3), ConvLSTM3D(4, 3, conv_lstm)},
  };
}

std::vector<Case> wrappers() {
  const Layer lstm = LSTM(3, {.name = "inner"});
  const Layer dense = Dense(3, {.name = "inner"});
  return {
      {"MultiHeadAttention", MultiHeadAttention(2, 4),
       MultiHeadAttention(2, 4,
                          {.value_dim = 5,
                           .dropout = 0.5,
                           .use_bias = false,
                           .output_shape = 3,
                           .attention_axes = {1, 2},
                           .sliding_window = 6,
                           .kernel_initializer = kHe,
                           .bias_initializer = "ones",
                           .kernel_regularizer = kL1,
                           .bias_regularizer = kL2,
                           .activity_regularizer = "l1",
                           .kernel_constraint = kMaxNorm,
                           .bias_constraint = "non_neg",
                           .use_gate = true,
                           .seed = 7,
                           .name = "own",
                           .trainable = false})},
      {"GroupQueryAttention", GroupQueryAttention(3, 4, 2),
       GroupQueryAttention(3, 4, 2,
                           {.dropout = 0.5,
                            .use_bias = false,
                            .sliding_window = 6,
                            .kernel_initializer = kHe,
                            .bias_initializer = "ones",
                            .kernel_regularizer = kL1,
                            .bias_regularizer = kL2,
                            .activity_regularizer = "l1",
                            .kernel_constraint = kMaxNorm,
                            .bias_constraint = "non_neg",
                            .use_gate = true,
                            .seed = 7,
                            .name = "own",
                            .trainable = false})},
      {"Attention", Attention(),
       Attention({.use_scale = true,
                  .score_mode = "concat",
                  .dropout = 0.5,
                  .seed = 7,
                  .name = "own",
                  .trainable = false})},
      {"AdditiveAttention", AdditiveAttention(),
       AdditiveAttention({.use_scale = false, .dropout = 0.5, .seed = 7, .name = "own", .trainable = false})},
      {"Bidirectional", Bidirectional(lstm),
       Bidirectional(lstm, {.merge_mode = {},
                            .backward_layer = LSTM(3, {.go_backwards = true, .name = "back"}),
                            .name = "own",
                            .trainable = false})},
      {"TimeDistributed", TimeDistributed(dense), TimeDistributed(dense, kNamed)},
      {"SpectralNormalization", SpectralNormalization(dense),
       SpectralNormalization(dense, {.power_iterations = 2, .name = "own", .trainable = false})},
  };
}

}  // namespace

std::vector<Case> layer_cases() {
  std::vector<Case> all;
  for (const auto part : {core, convolutions, pooling, normalization, regularization, reshaping, merging,
                          recurrent, wrappers, preprocessing_cases, augmentation_cases}) {
    const std::vector<Case> some = part();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace keratin::keras
