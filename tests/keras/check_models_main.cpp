// Models of the C++ API for tests/data/check_models.py, which asks real Keras about them.
//
//     keratin_check_models FOLDER [NAME…]
//
// Each model is trained for two epochs and saved as NAME.keras. Beside it: NAME.x0.npy, NAME.x1.npy, … and NAME.y0.npy, …
// (the data), NAME.before0.npy, … (what the saved model predicts), NAME.json (the history of one more epoch), NAME.after0.npy, …
// (predictions after that), NAME.again.keras (the file, loaded and saved). Nothing in it draws random numbers.
#include <keratin/keras.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <stdexcept>

#include <xtensor/xtensor.hpp>

namespace keratin::keras {
namespace {

using namespace layers;

constexpr size_t kSamples = 20;  // no multiple of the batch
constexpr int64_t kBatchSize = 8;
// Biases before a BatchNormalization have no gradient but rounding, which Adam makes steps of: there are none.
constexpr float kClasses = 10.0f;  // of integers that are inputs

/// Without data of its own: numbers for every input and output.
struct Example {
  Model model;
  Arrays x = {}, y = {};
};

struct Case {
  const char* name;
  std::function<Example()> make;
};

// --- data ---

/// Numbers from low to high that look random.
xt::xarray<float> numbers(const std::vector<size_t>& shape, uint32_t seed, float low = -1, float high = 1) {
  xt::xarray<float> x;
  x.resize(shape);
  for (float& value : x) {
    seed = seed * 1664525u + 1013904223u;
    value = low + (high - low) * static_cast<float>(seed >> 8) / 16777216.0f;
  }
  return x;
}

xt::xarray<int> integers(const std::vector<size_t>& shape, uint32_t seed, float end) {
  return xt::cast<int>(xt::floor(numbers(shape, seed, 0, end)));
}

Array classes(int count, uint32_t seed = 5) {
  return xt::xarray<int>(integers({kSamples}, seed, static_cast<float>(count)));
}

Array one_hot(size_t count, uint32_t seed = 5) {
  const xt::xarray<int> of = integers({kSamples}, seed, static_cast<float>(count));
  xt::xarray<float> y = xt::zeros<float>({kSamples, count});
  for (size_t i = 0; i < kSamples; ++i) y(i, static_cast<size_t>(of(i))) = 1;
  return y;
}

Array bits(size_t count, uint32_t seed = 6) {
  return xt::xarray<float>(xt::cast<float>(integers({kSamples, count}, seed, 2)));
}

Array positive(size_t count, uint32_t seed = 7) { return numbers({kSamples, count}, seed, 0.1f, 2); }

/// Samples for these tensors.
Arrays samples_for(const Tensors& tensors, uint32_t seed) {
  Arrays::Named all;
  for (const Tensor& tensor : tensors) {
    std::vector<size_t> shape = {kSamples};
    for (size_t axis = 1; axis < tensor.shape().size(); ++axis)
      shape.push_back(static_cast<size_t>(tensor.shape()[axis]));
    ++seed;
    if (tensor.dtype() == "bool")
      all.emplace_back("", xt::xarray<bool>(numbers(shape, seed) > -0.5f));
    else if (tensor.dtype() == "int32")
      all.emplace_back("", integers(shape, seed, kClasses));
    else
      all.emplace_back("", numbers(shape, seed));
  }
  return all;
}

Model compiled(Model model, const CompileOptions& options = {.optimizer = "adam", .loss = "mse"}) {
  model.compile(options);
  return model;
}

/// Between one input and the layers' last output.
Model chain(const Tensor& input, std::initializer_list<Layer> layers) {
  Tensors x = input;
  for (const Layer& layer : layers) x = layer(x);
  return compiled(Model(input, x));
}

// --- layers ---

std::vector<Case> layer_checks() {
  return {
      {"conv1d",
       [] {
         return Example{chain(Input({13, 4}),
                              {Conv1D(6, 3, {.strides = 2, .padding = "same"}), PReLU({.shared_axes = {1}}),
                               Conv1D(6, 3, {.padding = "causal", .dilation_rate = 2, .activation = "tanh"}),
                               Conv1D(8, 2, {.groups = 2, .use_bias = false}), MaxPooling1D(2), PReLU(),
                               Flatten(), Dense(3)})};
       }},
      {"conv2d",
       [] {
         return Example{
             compiled(Model(Sequential(
                          {Input({13, 12, 4}), Conv2D(8, 3, {.strides = 2, .padding = "same", .groups = 2}),
                           ELU({.alpha = 0.5}), MaxPooling2D(2, {.strides = 1, .padding = "same"}),
                           Conv2D(6, {3, 2}, {.dilation_rate = {2, 1}, .activation = "relu"}),
                           AveragePooling2D(2, {.padding = "same"}), GlobalAveragePooling2D(),
                           Dense(5, {.activation = "softmax"})})),
                      {.optimizer = "adam",
                       .loss = "sparse_categorical_crossentropy",
                       .metrics = {"accuracy", metrics::SparseTopKCategoricalAccuracy({.k = 2})}}),
             {},
             classes(5)};
       }},
      {"conv3d",
       [] {
         return Example{
             chain(Input({6, 7, 6, 2}),
                   {ZeroPadding3D({1, 0, {0, 1}}), Conv3D(4, {2, 3, 2}, {.strides = {1, 2, 1}, .groups = 2}),
                    MaxPooling3D({2, 1, 2}), UpSampling3D({1, 2, 1}), Cropping3D({{1, 0}, 1, 0}),
                    Conv3D(3, 2, {.padding = "same", .dilation_rate = 2}),
                    AveragePooling3D(2, {.strides = 1, .padding = "same"}),
                    GlobalMaxPooling3D({.keepdims = true}), Flatten(), Dense(2)})};
       }},
      {"transposed_convolutions",
       [] {
         const Tensor one = Input({5, 3}), two = Input({4, 5, 2}), three = Input({3, 3, 2, 2});
         const auto a = Conv1DTranspose(4, 3, {.strides = 2, .padding = "same"})(one);
         const auto b = Conv2DTranspose(3, 3, {.strides = {2, 3}, .output_padding = 1})(two);
         const auto c = Conv2DTranspose(3, 3, {.padding = "same", .dilation_rate = 2})(b);
         const auto d = Conv3DTranspose(2, 2, {.strides = 2, .activation = "tanh", .use_bias = false})(three);
         return Example{
             compiled(Model({one, two, three},
                            {GlobalAveragePooling1D()(a), c, GlobalMaxPooling3D()(d), GlobalMaxPooling1D()(a),
                             GlobalMaxPooling2D()(c), GlobalAveragePooling3D()(d)}))};
       }},
      {"depthwise_and_separable",
       [] {
         const Tensor one = Input({9, 3}), two = Input({9, 8, 3});
         const auto a = DepthwiseConv1D(3, {.strides = 2, .padding = "same", .depth_multiplier = 2})(one);
         const auto b = SeparableConv1D(4, 2, {.depth_multiplier = 2, .activation = "relu"})(a);
         const auto c = DepthwiseConv2D({3, 2}, {.dilation_rate = 2, .use_bias = false})(two);
         const auto d = SeparableConv2D(
             4, 3, {.strides = 2, .padding = "same", .pointwise_regularizer = regularizers::L2(0.02)})(c);
         return Example{compiled(Model({one, two}, {b, d}))};
       }},
      {"channels_first",
       [] {
         return Example{
             chain(Input({3, 8, 9}),
                   {Conv2D(4, 3, {.padding = "same", .data_format = "channels_first", .use_bias = false}),
                    BatchNormalization({.axis = 1}), MaxPooling2D(2, {.data_format = "channels_first"}),
                    ZeroPadding2D({{1, 0}, {0, 2}}, {.data_format = "channels_first"}),
                    UpSampling2D(2, {.data_format = "channels_first"}),
                    Cropping2D({1, 2}, {.data_format = "channels_first"}),
                    Flatten({.data_format = "channels_first"}), Dense(2)})};
       }},
      {"lstm",
       [] {
         const Tensor x = Input({7, 3});
         const auto first = LSTM(4, {.return_sequences = true, .return_state = true})(x);
         const auto second = LSTM(4, {.return_sequences = true, .go_backwards = true})(
             first[0], {.initial_state = {first[1], first[2]}});
         const auto third = LSTM(
             3, {.recurrent_activation = "hard_sigmoid", .use_bias = false, .return_state = true})(second);
         return Example{compiled(Model(x, {third[0], third[2], first[1], Dense(2)(second)}))};
       }},
      {"gru",
       [] {
         const Tensor x = Input({7, 3}), state = Input({4}, {.name = "state"});
         const auto after = GRU(4, {.return_sequences = true})(x, {.initial_state = state});
         const auto before =
             GRU(4, {.return_sequences = true, .return_state = true, .reset_after = false})(after);
         const auto back = GRU(3, {.go_backwards = true, .reset_after = false})(before[0]);
         const auto plain = GRU(3, {.use_bias = false, .unroll = true})(before[0]);
         return Example{compiled(Model({x, state}, {back, plain, before[1]}))};
       }},
      {"simple_rnn",
       [] {
         return Example{chain(Input({6, 3}),
                              {SimpleRNN(4, {.kernel_regularizer = regularizers::L2(0.01),
                                             .recurrent_regularizer = regularizers::L1(0.02),
                                             .bias_regularizer = "l2",
                                             .return_sequences = true}),
                               SimpleRNN(4, {.activation = "relu", .return_sequences = true, .unroll = true}),
                               SimpleRNN(3, {.go_backwards = true})})};
       }},
      {"bidirectional",
       [] {
         const Tensor x = Input({6, 3});
         const auto concat = Bidirectional(LSTM(3, {.return_sequences = true}))(x);
         const auto sum = Bidirectional(GRU(4, {.return_sequences = true}), {.merge_mode = "sum"})(concat);
         const auto mul = Bidirectional(SimpleRNN(4), {.merge_mode = "mul"})(sum);
         const auto ave = Bidirectional(LSTM(2), {.merge_mode = "ave"})(sum);
         const auto none = Bidirectional(GRU(2), {.merge_mode = {}})(sum);
         const auto own = Bidirectional(
             LSTM(3, {.name = "there"}),
             {.backward_layer = LSTM(3, {.activation = "relu", .go_backwards = true, .name = "back"})})(sum);
         const auto states = Bidirectional(LSTM(2, {.return_state = true}))(sum);
         return Example{
             compiled(Model(x, {mul, ave, none[0], none[1], own, states[0], states[1], states[4]}))};
       }},
      {"embedding_masks",
       [] {
         const Tensor x = Input({7}, {.dtype = "int32"});
         const auto code = Embedding(10, 4, {.mask_zero = true})(x);
         const auto a = LSTM(3, {.return_sequences = true})(code);
         const auto b = GRU(3, {.return_sequences = true, .zero_output_for_mask = true})(code);
         const auto c = Bidirectional(LSTM(3))(a);
         const auto d = GlobalAveragePooling1D()(code);
         return Example{
             compiled(Model(x, {Dense(2)(Concatenate()({a, b})), c, d, TimeDistributed(Dense(2))(b)}))};
       }},
      {"masking",
       [] {
         const Tensor x = Input({5, 2});
         const auto masked = Masking({.mask_value = 0.5})(x);
         const auto a = SimpleRNN(3, {.return_sequences = true})(masked);
         const auto b = GRU(3, {.go_backwards = true})(Dense(3, {.activation = "tanh"})(masked));
         const auto c = LSTM(2)(Add()({a, Dense(3)(masked)}));
         xt::xarray<float> data = numbers({kSamples, 5, 2}, 3);
         for (size_t i = 0; i < kSamples; ++i) data(i, i % 4, 0) = data(i, i % 4, 1) = 0.5f;
         return Example{compiled(Model(x, {b, c})), std::move(data)};
       }},
      {"mask_as_an_argument",
       [] {
         const Tensor x = Input({5, 3}), mask = Input({5}, {.dtype = "bool", .name = "mask"});
         const auto a = LSTM(3, {.return_sequences = true})(x, {.mask = mask});
         const auto b = Bidirectional(GRU(2))(a, {.mask = mask});
         return Example{compiled(Model({x, mask}, {a, b, Softmax()(Permute({2, 1})(x))}))};
       }},
      {"normalizations",
       [] {
         return Example{chain(
             Input({5, 4, 6}),
             {BatchNormalization({.momentum = 0.8}), BatchNormalization({.axis = 2, .center = false}),
              LayerNormalization(), LayerNormalization({.axis = {2, 3}, .scale = false}),
              GroupNormalization({.groups = 3}), GroupNormalization({.groups = -1, .center = false}),
              RMSNormalization(), Dense(4), BatchNormalization({.scale = false, .beta_regularizer = "l2"}),
              UnitNormalization({.axis = {1, 2}})})};
       }},
      {"activations",
       [] {
         const Tensor x = Input({4, 6});
         std::vector<Tensor> outputs;
         for (const char* name :
              {"relu", "relu6",      "elu",          "selu",        "gelu",     "silu",        "swish",
               "tanh", "sigmoid",    "hard_sigmoid", "softplus",    "softsign", "exponential", "linear",
               "mish", "leaky_relu", "softmax",      "log_softmax", "celu",     "hard_silu",   "log_sigmoid"})
           outputs.push_back(Activation(name)(Dense(3)(x)));
         outputs.push_back(ReLU({.max_value = 0.7, .negative_slope = 0.1, .threshold = 0.2})(Dense(3)(x)));
         outputs.push_back(LeakyReLU({.negative_slope = 0.2})(Dense(3)(x)));
         outputs.push_back(
             PReLU({.alpha_initializer = initializers::Constant(0.25), .alpha_regularizer = "l1"})(x));
         outputs.push_back(Softmax({.axis = {1, 2}})(Dense(3)(x)));
         outputs.push_back(Dense(3, {.activation = LeakyReLU()})(x));
         return Example{compiled(Model(x, GlobalAveragePooling1D()(Concatenate()(outputs))))};
       }},
      {"merges",
       [] {
         const Tensor x = Input({4, 3}), y = Input({4, 3}), z = Input({1, 3});
         const auto a = Dense(3)(x), b = Dense(3)(y);
         return Example{compiled(
             Model({x, y, z}, {Add()({a, b, z}), Subtract()({a, b}), Multiply()({a, b, z}), Average()({a, b}),
                               Maximum()({a, b}), Minimum()({a, z}), Concatenate({.axis = 1})({a, b, z}),
                               Dot(2)({a, b}), Dot({2, 1}, {.normalize = true})({a, Permute({2, 1})(b)}),
                               Dot({1, 1})({a, b}), Add()({a, a})}))};
       }},
      {"reshapes",
       [] {
         const Tensor x = Input({12}), image = Input({4, 5, 2});
         const auto steps = Permute({2, 1})(Reshape({4, -1})(Dense(12)(x)));
         const auto many = Conv1D(2, 2)(Cropping1D({1, 0})(ZeroPadding1D({1, 2})(UpSampling1D(2)(steps))));
         const auto larger = UpSampling2D(2, {.interpolation = "bilinear"})(Conv2D(2, 2)(image));
         return Example{compiled(
             Model({x, image}, {Flatten()(many), RepeatVector(3)(Dense(2)(x)),
                                Cropping2D({{1, 0}, {2, 1}})(larger), Identity()(Flatten()(larger))}))};
       }},
      {"time_distributed",
       [] {
         const Tensor x = Input({3, 6, 5, 2});
         const auto convolved =
             TimeDistributed(Conv2D(3, 2, {.strides = 2, .activation = "relu"}), {.name = "steps"})(x);
         Sequential inner({Input({3, 2, 3}), Flatten(), Dense(4), LayerNormalization()});
         const auto coded = TimeDistributed(inner)(convolved);
         return Example{compiled(Model(x, LSTM(2)(coded)))};
       }},
      {"preprocessing",
       [] {
         const Tensor x = Input({3}), image = Input({6, 7, 2}), words = Input({4}, {.dtype = "int32"});
         const auto scaled = Rescaling({0.5, 1.0, 2.0}, {.offset = 0.1})(x);
         const auto normal = Normalization({.mean = {0.1, 0.2, 0.3}, .variance = {1.0, 2.0, 3.0}})(scaled);
         const auto code = Embedding(4, 2)(Discretization({-0.5, 0.0, 0.5})(x));
         const auto counts = CategoryEncoding(10, {.output_mode = "count"})(words);
         const auto set = CategoryEncoding(10)(words);
         const auto resized = CenterCrop(4, 4)(Resizing(5, 8)(image));
         const auto all = Concatenate()({normal, Flatten()(code), counts, set, Flatten()(resized)});
         return Example{compiled(Model({x, image, words}, Dense(3)(all)))};
       }},
  };
}

// --- graphs ---

std::vector<Case> graph_checks() {
  return {
      {"shared_layers",
       [] {
         const Tensor left = Input({4}, {.name = "left"}), right = Input({4}, {.name = "right"});
         const Layer shared = Dense(5, {.activation = "relu", .name = "shared"}), act = Activation("tanh");
         const auto a = act(shared(left)), b = act(shared(right));
         return Example{
             compiled(
                 Model({left, right},
                       {Dense(1, {.name = "sum"})(Concatenate()({a, b})),
                        Dense(2, {.activation = "softmax", .name = "sign"})(Subtract()({b, a}))},
                       {.name = "twins"}),
                 {.optimizer = optimizers::RMSprop({.learning_rate = 0.01}),
                  .loss = Dict{{"sum", "mae"}, {"sign", "sparse_categorical_crossentropy"}},
                  .loss_weights = Dict{{"sum", 0.5}, {"sign", 2.0}},
                  .metrics = Dict{{"sign", {"accuracy"}}, {"sum", {"mse", metrics::RootMeanSquaredError()}}},
                  .weighted_metrics = Dict{{"sum", {"mae"}}}}),
             {},
             {numbers({kSamples, 1}, 8), classes(2)}};
       }},
      {"depths",  // A(B(A(x))): a layer that stands in several depths
       [] {
         const Tensor x = Input({4});
         const Layer a = Dense(4, {.activation = "tanh", .name = "a"}), b = Dense(4, {.name = "b"});
         const auto y = a(b(a(x)));
         const auto z = b(a(Add()({y, a(x)})));
         return Example{compiled(Model(x, {z, y, a(z)}))};
       }},
      {"nested",
       [] {
         Sequential tower({Input({6, 3}), Conv1D(4, 2, {.padding = "same"}), BatchNormalization()},
                          {.name = "tower"});
         const Tensor u = Input({6, 4}), v = Input({6, 4});
         Model pair({u, v}, {Add()({Dense(3)(u), Dense(3)(v)}), Dense(2)(u)});
         const Tensor x = Input({6, 3}), y = Input({6, 4});
         const auto ends = pair({tower(x), y});
         Sequential head({Input({6, 3}), Sequential({Input({6, 3}), Dense(3), Flatten()}), Dense(2)});
         return Example{compiled(Model({x, y}, {head(ends[0]), ends[1]}))};
       }},
      {"nested_twice",
       [] {
         Sequential code({Input({4}), Dense(4), LayerNormalization(), Dense(4, {.activation = "tanh"})});
         const Tensor u = Input({4}), v = Input({4});
         Model pair({u, v}, {Dense(4)(Concatenate()({u, v})), Maximum()({u, v})}, {.name = "pair"});
         const Tensor x = Input({4}), y = Input({4});
         const auto first = pair({code(x), code(y)});
         const auto second = pair({first[1], code(first[0])});
         return Example{compiled(Model({y, x}, {second[1], second[0], first[0]}))};
       }},
      {"nested_in_nested",
       [] {
         const Tensor u = Input({3});
         Model inner(u, Dense(3, {.activation = "relu"})(u));
         const Tensor v = Input({3});
         Model middle(v, Dense(2)(inner(inner(v))));
         Sequential outer({Input({3}), middle, Dense(2)});
         return Example{compiled(outer)};
       }},
      {"sequential_of_models",
       [] {
         Sequential outer;
         outer.add(Input({5, 2}));
         outer.add(Sequential({Conv1D(3, 2), PReLU()}));
         outer.add(Bidirectional(LSTM(2)));
         outer.add(Sequential({Dense(3), Dense(2)}));
         return Example{compiled(outer)};
       }},
      {"cut_from_the_middle",
       [] {
         const Tensor x = Input({6});
         const auto a = Dense(5, {.activation = "relu", .name = "first"})(x);
         const auto b = Dense(4, {.activation = "relu", .name = "second"})(a);
         const auto c = Add()({Dense(4, {.name = "third"})(b), b});
         Model whole = compiled(Model(x, c));
         whole.fit(numbers({kSamples, 6}, 1), numbers({kSamples, 4}, 2), {.verbose = 0, .shuffle = false});
         return Example{compiled(Model(a, {c, b}))};
       }},
      {"cut_layers_with_a_head",
       [] {
         Sequential base({Input({6}), Dense(5, {.activation = "relu"}), BatchNormalization(), Dense(4)});
         const auto middle = base.get_layer(1).output();
         return Example{compiled(Model(base.inputs(), {Dense(2)(middle), Dense(1)(base.outputs())}))};
       }},
      {"attention",
       [] {
         // Biases of keys have no gradient but rounding, which Adam makes steps of: there are none.
         const Tensor t = Input({6}, {.dtype = "int32"}), u = Input({5}, {.dtype = "int32"});
         const Tensors words = Embedding(10, 8, {.mask_zero = true})(t),
                       others = Embedding(10, 6, {.mask_zero = true})(u);
         const MultiHeadAttentionOptions without_bias{.use_bias = false};
         const Tensors self =
             MultiHeadAttention(2, 4, without_bias)({words, words}, {.use_causal_mask = true});
         const Tensors cross = MultiHeadAttention(2, 3, without_bias)(self, {.value = others});
         const Tensors gated =
             MultiHeadAttention(2, 3, {.use_bias = false, .output_shape = 4, .use_gate = true})(
                 {cross, others, others}, {.return_attention_scores = true});
         const Tensors grouped =
             GroupQueryAttention(3, 4, 2, {.use_bias = false})({cross, cross}, {.use_causal_mask = true});
         const Tensors luong = Attention({.use_scale = true})({grouped, self});
         const Tensors additive = AdditiveAttention()({luong, grouped}, {.use_causal_mask = true});
         const Tensors both = Concatenate()({additive, gated[0]});
         return Example{compiled(Model({t, u}, Dense(2)(both)))};
       }},
      {"attention_given_masks",
       [] {
         const Tensor x = Input({4, 3, 6}), y = Input({4, 6}), m = Input({4}, {.dtype = "int32"});
         const Tensors grid = MultiHeadAttention(2, 3, {.use_bias = false, .attention_axes = 2})({x, x});
         const Tensors steps =
             EinsumDense("abcd,cde->abe", {nullptr, 5}, {.activation = "tanh", .bias_axes = "e"})(grid);
         const Tensors seen = MultiHeadAttention(2, 3, {.use_bias = false})({steps, y}, {.value_mask = m});
         return Example{compiled(Model({x, y, m}, Attention()({seen, steps})))};
       }},
      {"unused_input",
       [] {
         const Tensor x = Input({3}), unused = Input({2}, {.name = "unused"});
         return Example{compiled(Model({x, unused}, Dense(2)(x)))};
       }},
      {"unused_state",
       [] {
         const Tensor x = Input({4, 3});
         const auto y = LSTM(2, {.return_state = true})(x);
         return Example{compiled(Model(x, y[1]))};
       }},
      {"output_that_is_an_input",
       [] {
         const Tensor x = Input({3}), y = Input({2});
         return Example{compiled(Model({x, y}, {Dense(2)(Concatenate()({x, y})), y}))};
       }},
      {"one_tensor_is_two_outputs",
       [] {
         const Tensor x = Input({3});
         const auto y = Dense(2)(x);
         return Example{
             compiled(Model(x, {y, Dense(1)(y), y}), {.optimizer = "sgd", .loss = {"mse", "mae", "mae"}})};
       }},
      {"one_layer_gives_two_outputs",
       [] {
         const Tensor x = Input({3}), y = Input({3});
         const Layer dense = Dense(2, {.name = "dense"});
         return Example{
             compiled(Model({x, y}, {dense(x), dense(y)}), {.optimizer = "sgd", .loss = {"mse", "mae"}})};
       }},
      {"lists_of_one",
       [] {
         const Tensor x = Input({3});
         return Example{compiled(Model(Tensors{x}, Tensors(std::vector<Tensor>{Dense(2)(x)})))};
       }},
      {"odd_names",
       [] {
         const Tensor x = Input({3}, {.name = "ein gäng"});
         const auto a = Dense(3, {.name = "with space"})(x);
         const auto b = Dense(3, {.name = "ü \"quoted\" \\ back"})(a);
         const auto c = Dense(3, {.use_bias = false, .name = "dots.and:colons"})(b);
         const auto d = BatchNormalization({.name = "日本"})(c);
         return Example{compiled(Model(x, Dense(2, {.name = "$%&{}[]"})(d), {.name = "a model, named"}),
                                 {.optimizer = "sgd", .loss = "mse"})};
       }},
      {"names_of_other_layers",
       [] {
         // Names like those that groups of weights get.
         const Tensor x = Input({3}, {.name = "dense_2"});
         const auto a = Dense(3, {.name = "dense_1"})(x);
         const auto b = Dense(4, {.name = "dense"})(a);
         const auto c = Dense(5, {.use_bias = false, .name = "vars"})(b);
         const auto d = BatchNormalization({.name = "layers"})(c);
         const auto e = Dense(2, {.name = "_layer_checkpoint_dependencies"})(d);
         return Example{
             compiled(Model(x, Dense(2, {.name = "optimizer"})(e)), {.optimizer = "sgd", .loss = "mse"})};
       }},
      {"classes_whose_groups_are_alike",
       [] {
         // Conv1D and Conv1DTranspose, Dense and a layer called Dense_1: groups are numbered by class.
         const Tensor x = Input({6, 3});
         const auto a = Conv1D(3, 2, {.name = "conv1d_transpose"})(x);
         const auto b = Conv1DTranspose(3, 2, {.name = "conv1d"})(a);
         const auto c = Conv1D(3, 2, {.name = "conv1d_1"})(b);
         const auto d = GRU(2, {.name = "lstm"})(c);
         const auto e = LSTM(2, {.name = "gru"})(c);
         return Example{compiled(Model(x, Add()({d, e})))};
       }},
  };
}

// --- training ---

/// A model with as many outputs as there are losses.
Example with_losses(const std::vector<std::pair<Value, Array>>& losses, const std::vector<Value>& last) {
  const Tensor x = Input({4});
  std::vector<Tensor> outputs;
  std::vector<Value> compiled_losses;
  Arrays::Named y;
  for (size_t i = 0; i < losses.size(); ++i) {
    outputs.push_back(Dense(3, {.activation = last[i], .name = "out" + std::to_string(i)})(x));
    compiled_losses.push_back(losses[i].first);
    y.emplace_back("", losses[i].second);
  }
  std::vector<Value> weights;
  for (size_t i = 0; i < losses.size(); ++i) weights.emplace_back(0.5 + 0.25 * static_cast<double>(i));
  return Example{compiled(Model(x, outputs), {.optimizer = optimizers::SGD({.learning_rate = 0.01}),
                                              .loss = compiled_losses,
                                              .loss_weights = weights}),
                 {},
                 y};
}

Example with_optimizer(const Value& optimizer) {
  const Tensor x = Input({4});
  const auto y = Dense(5, {.activation = "tanh"})(x);
  return Example{
      compiled(Model(x, Dense(2)(BatchNormalization()(y))), {.optimizer = optimizer, .loss = "mse"})};
}

std::vector<Case> training_checks() {
  using namespace optimizers;
  return {
      {"losses",
       [] {
         return with_losses(
             {{losses::MeanSquaredError({.reduction = "sum"}), positive(3)},
              {losses::MeanAbsoluteError(), positive(3)},
              {losses::MeanAbsolutePercentageError(), positive(3)},
              {losses::MeanSquaredLogarithmicError(), positive(3)},
              {losses::LogCosh(), positive(3)},
              {losses::Huber({.delta = 0.4}), positive(3)},
              {losses::CosineSimilarity(), positive(3)},
              {losses::Poisson(), positive(3)}},
             {"linear", "relu", "linear", "softplus", "linear", "linear", "linear", "softplus"});
       }},
      {"losses_of_classes",
       [] {
         return with_losses(
             {{losses::KLDivergence(), one_hot(3)},
              {losses::Hinge(), bits(3)},
              {losses::SquaredHinge(), bits(3)},
              {losses::CategoricalHinge(), one_hot(3)},
              {losses::BinaryCrossentropy({.label_smoothing = 0.1}), bits(3)},
              {losses::BinaryCrossentropy({.from_logits = true}), bits(3)},
              {losses::CategoricalCrossentropy({.label_smoothing = 0.1}), one_hot(3)},
              {losses::CategoricalCrossentropy({.from_logits = true, .reduction = "sum"}), one_hot(3)},
              {losses::SparseCategoricalCrossentropy({.from_logits = true}), classes(3)}},
             {"softmax", "tanh", "tanh", "tanh", "sigmoid", "linear", "softmax", "linear", "linear"});
       }},
      {"outputs_without_loss",
       [] {
         const Tensor x = Input({4});
         return Example{compiled(Model(x, {Dense(2)(x), Dense(3, {.name = "idle"})(x), Dense(1)(x)}),
                                 {.optimizer = "sgd", .loss = {"mse", Value(), "mae"}})};
       }},
      {"metrics_of_classes",
       [] {
         using namespace metrics;
         return Example{
             compiled(
                 Sequential({Input({4}), Dense(4, {.activation = "softmax"})}),
                 {.optimizer = SGD({.learning_rate = 0.1}),
                  .loss = "categorical_crossentropy",
                  .metrics = {"accuracy", "categorical_accuracy", TopKCategoricalAccuracy({.k = 2}),
                              CategoricalCrossentropy({.name = "cce"}), KLDivergence(), CategoricalHinge(),
                              F1Score({.average = "macro"}), FBetaScore({.average = "weighted", .beta = 2.0}),
                              Precision(), Recall(), AUC()}}),
             {},
             one_hot(4)};
       }},
      {"metrics_of_numbers",
       [] {
         using namespace metrics;
         return Example{
             compiled(Sequential({Input({4}), Dense(3, {.activation = "softplus"})}),
                      {.optimizer = SGD({.learning_rate = 0.1}),
                       .loss = "mse",
                       .metrics = {"mae", MeanAbsolutePercentageError(), MeanSquaredLogarithmicError(),
                                   RootMeanSquaredError(), LogCoshError(), Poisson(), R2Score(),
                                   CosineSimilarity(), "mean_squared_error"}}),
             {},
             positive(3)};
       }},
      {"metrics_of_decisions",
       [] {
         using namespace metrics;
         return Example{
             compiled(Sequential({Input({4}), Dense(1, {.activation = "sigmoid"})}),
                      {.optimizer = SGD({.learning_rate = 0.1}),
                       .loss = "binary_crossentropy",
                       .metrics = {"accuracy", BinaryAccuracy({.name = "strict", .threshold = 0.6}),
                                   BinaryCrossentropy(), Hinge(), SquaredHinge(), TruePositives(),
                                   FalsePositives(), TrueNegatives({.thresholds = 0.4}), FalseNegatives(),
                                   Precision(), Recall(), AUC(), AUC({.curve = "PR", .name = "pr"})},
                       .weighted_metrics = {"accuracy", "mse"}}),
             {},
             bits(1)};
       }},
      {"regularizers",
       [] {
         return Example{chain(
             Input({6, 3}),
             {Conv1D(4, 2, {.kernel_regularizer = "l1", .activity_regularizer = regularizers::L2(0.02)}),
              ActivityRegularization({.l1 = 0.01, .l2 = 0.02}),
              GRU(3, {.kernel_regularizer = regularizers::L1L2({.l1 = 0.01, .l2 = 0.02}),
                      .bias_regularizer = "l2",
                      .return_sequences = true}),
              TimeDistributed(Dense(3, {.kernel_regularizer = "l2"})),
              Bidirectional(LSTM(2, {.recurrent_regularizer = "l2"})),
              Sequential({Input({4}), Dense(2, {.kernel_regularizer = "l2", .bias_regularizer = "l1"})}),
              Dense(2, {.activity_regularizer = "l1"})})};
       }},
      {"shared_regularizers",
       [] {
         const Tensor x = Input({4}), y = Input({4});
         const Layer shared = Dense(4, {.kernel_regularizer = "l2", .bias_regularizer = "l1"});
         Sequential code({Input({4}), Dense(4, {.kernel_regularizer = "l1"})});
         return Example{compiled(Model({x, y}, {shared(code(x)), shared(code(y))}))};
       }},
      {"frozen",
       [] {
         Sequential base({Input({4}), Dense(4), BatchNormalization(), Dense(3)}, {.name = "base"});
         base.get_layer(0).set_trainable(false);
         base.get_layer(1).set_trainable(false);
         const Tensor x = Input({4});
         const Layer frozen = Dense(3, {.name = "frozen", .trainable = false});
         return Example{compiled(Model(x, Dense(2)(frozen(base(x)))))};
       }},
      {"frozen_wrappers",
       [] {
         const Tensor x = Input({4, 3});
         Layer later = TimeDistributed(Dense(3));
         const auto y = TimeDistributed(Dense(3), {.trainable = false})(
             Bidirectional(LSTM(2, {.return_sequences = true}), {.trainable = false})(x));
         const auto z =
             later(TimeDistributed(Sequential({Input({3}), Dense(3), PReLU()}), {.trainable = false})(y));
         later.set_trainable(false);
         Sequential last({Input({4, 3}), Flatten(), Dense(2)}, {.trainable = false});
         return Example{compiled(Model(x, {last(z), Dense(2)(z)}))};
       }},
      {"frozen_models",
       [] {
         Sequential base({Input({4}), Dense(4), BatchNormalization(), Dense(3)});
         base.set_trainable(false);
         const Tensor x = Input({4});
         const auto wrapped = Bidirectional(LSTM(2), {.trainable = false});
         return Example{compiled(Model(x, {Dense(2)(base(x)), wrapped(Reshape({3, 1})(base(x)))}))};
       }},
      {"sgd", [] { return with_optimizer(SGD({.learning_rate = 0.05, .momentum = 0.9, .nesterov = true})); }},
      {"sgd_clipped", [] { return with_optimizer(SGD({.weight_decay = 0.01, .clipnorm = 0.1})); }},
      {"adam_amsgrad", [] { return with_optimizer(Adam({.amsgrad = true, .global_clipnorm = 0.2})); }},
      {"adamw", [] { return with_optimizer(AdamW({.learning_rate = 0.01, .clipvalue = 0.01})); }},
      {"rmsprop", [] { return with_optimizer(RMSprop({.momentum = 0.5, .centered = true})); }},
      {"exponential",
       [] {
         return with_optimizer(
             Adam({.learning_rate = schedules::ExponentialDecay(0.01, 2, 0.8, {.staircase = true})}));
       }},
      {"inverse_time",
       [] { return with_optimizer(SGD({.learning_rate = schedules::InverseTimeDecay(0.05, 2, 0.5)})); }},
      {"piecewise",
       [] {
         return with_optimizer(
             SGD({.learning_rate = schedules::PiecewiseConstantDecay({2, 7}, {0.1, 0.05, 0.01})}));
       }},
      {"polynomial",
       [] {
         return with_optimizer(
             RMSprop({.learning_rate = schedules::PolynomialDecay(0.01, 4, {.cycle = true})}));
       }},
      {"cosine",
       [] {
         return with_optimizer(AdamW(
             {.learning_rate = schedules::CosineDecay(0.0, 6, {.warmup_target = 0.02, .warmup_steps = 4})}));
       }},
      {"restarts",
       [] { return with_optimizer(SGD({.learning_rate = schedules::CosineDecayRestarts(0.05, 3)})); }},
  };
}

// --- files ---

void write_npy(const std::string& path, const Array& array) {
  const std::string& dtype = array.dtype();
  const auto element = [&]() -> std::pair<const char*, int64_t> {
    if (dtype == "bool") return {"|b1", 1};
    if (dtype == "int32") return {"<i4", 4};
    if (dtype == "float32") return {"<f4", 4};
    throw std::runtime_error("no .npy is written of " + dtype);
  }();
  std::string shape;
  for (const int64_t extent : array.shape()) shape += std::to_string(extent) + ",";
  std::string header =
      std::string("{'descr': '") + element.first + "', 'fortran_order': False, 'shape': (" + shape + ")}";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  const auto length = static_cast<uint16_t>(header.size());
  file << std::string("\x93NUMPY\x01\x00", 8) << static_cast<char>(length & 0xff)
       << static_cast<char>(length >> 8) << header;
  file.write(static_cast<const char*>(array.data()), array.size() * element.second);
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

void write_arrays(const std::string& stem, const Arrays& arrays) {
  for (size_t i = 0; i < arrays.size(); ++i) write_npy(stem + std::to_string(i) + ".npy", arrays[i]);
}

void write_history(const std::string& path, const History& history) {
  std::ofstream file(path);
  file << "{";
  for (const char* separator = ""; const auto& [name, values] : history.history) {
    char number[40];
    std::snprintf(number, sizeof number, "%.9g", values.back());
    file << separator << '"' << name << "\": " << (std::isfinite(values.back()) ? number : "null");
    separator = ", ";
  }
  file << "}\n";
}

void check(const Case& wanted, const std::string& folder) {
  clear_session();
  set_random_seed(1);
  Example example = wanted.make();
  Model& model = example.model;
  const Arrays x = example.x.empty() ? samples_for(model.inputs(), 100) : example.x;
  const Arrays y = example.y.empty() ? samples_for(model.outputs(), 200) : example.y;
  const FitOptions options = {.batch_size = kBatchSize, .verbose = 0, .shuffle = false};
  for (int i = 0; i < 2; ++i) model.fit(x, y, options);

  const std::string stem = folder + "/" + wanted.name;
  model.save(stem + ".keras");
  write_arrays(stem + ".x", x);
  write_arrays(stem + ".y", y);
  write_arrays(stem + ".before", model.predict(x, {.batch_size = kBatchSize}));
  Model loaded = load_model(stem + ".keras");
  loaded.save(stem + ".again.keras");
  const History history = model.fit(x, y, options);
  write_history(stem + ".json", history);
  write_arrays(stem + ".after", model.predict(x, {.batch_size = kBatchSize}));
  if (loaded.fit(x, y, options).history != history.history)
    throw std::runtime_error("the saved model, loaded, goes on in another way");
}

int run(const std::string& folder, const std::vector<std::string>& names) {
  int failures = 0;
  for (const auto part : {layer_checks, graph_checks, training_checks})
    for (const Case& wanted : part()) {
      if (!names.empty() && std::find(names.begin(), names.end(), wanted.name) == names.end()) continue;
      try {
        check(wanted, folder);
      } catch (const std::exception& error) {
        std::printf("%s: %s\n", wanted.name, error.what());
        ++failures;
      }
      std::fflush(stdout);
    }
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace keratin::keras

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [NAME...]\n", argv[0]);
    return 2;
  }
  return keratin::keras::run(argv[1], {argv + 2, argv + argc});
}
