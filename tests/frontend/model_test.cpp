// Models from configurations written here: what is read, what is refused and in which words, and configurations that
// no Keras would write.
#include "frontend/model.h"

#include <gtest/gtest.h>

#include "ir/executor.h"
#include "ir/verify.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

std::string layer(const std::string& class_name, const std::string& name, const std::string& arguments) {
  return cat(R"({"class_name": ")", class_name, R"(", "config": {"name": ")", name, "\"",
             arguments.empty() ? "" : ", ", arguments, "}}");
}

std::string input(const std::string& shape, const std::string& dtype = "float32") {
  return layer("InputLayer", "x", cat(R"("batch_shape": )", shape, R"(, "dtype": ")", dtype, "\""));
}

std::string sequential(const std::vector<std::string>& layers) {
  return cat(R"({"class_name": "Sequential", "config": {"name": "model", "layers": [)", join(layers, ", "),
             "]}}");
}

/// A functional model's entry: `calls` as Keras 3 or Keras 2 writes them.
std::string node(const std::string& class_name, const std::string& name, const std::string& arguments,
                 const std::string& calls) {
  return cat(R"({"class_name": ")", class_name, R"(", "name": ")", name, R"(", "config": {"name": ")", name,
             "\"", arguments.empty() ? "" : ", ", arguments, R"(}, "inbound_nodes": )", calls, "}");
}

std::string functional(const std::vector<std::string>& layers, const std::string& inputs,
                       const std::string& outputs) {
  return cat(R"({"class_name": "Functional", "config": {"name": "model", "layers": [)", join(layers, ", "),
             R"(], "input_layers": )", inputs, R"(, "output_layers": )", outputs, "}}");
}

std::string tensor(const std::string& name, int64_t call = 0, int64_t output = 0) {
  return cat(R"({"class_name": "__keras_tensor__", "config": {"keras_history": [")", name, "\", ", call, ", ",
             output, "]}}");
}

/// One call with these positional arguments.
std::string called(const std::vector<std::string>& arguments, const std::string& keywords = "") {
  return cat(R"({"args": [)", join(arguments, ", "), R"(], "kwargs": {)", keywords, "}}");
}

struct Declared {
  std::vector<LayerVariable> variables;
  Module module;
};

void collect(const Layer& layer, std::vector<LayerVariable>& variables) {
  variables.insert(variables.end(), layer.variables().begin(), layer.variables().end());
  for (const std::unique_ptr<Layer>& child : layer.children()) collect(*child, variables);
}

/// Traces @predict and declares its variables; `ones` fills them.
Declared trace(const std::string& text, bool keras2 = false, const ShapeOverrides& shapes = {}) {
  const Json config = Json::parse(text, "config.json");
  Model model(config, "m.keras", keras2, shapes);
  Declared out;
  out.module.functions.push_back(model.trace_predict());
  collect(model.root(), out.variables);
  for (const LayerVariable& variable : out.variables)
    out.module.variables.push_back(
        {variable.path, variable.type, variable.role, variable.trainable, nullptr});
  verify(out.module);
  return out;
}

Tensor floats(std::vector<int64_t> shape, const std::vector<double>& values) {
  Tensor out(DType::f32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) out.set(static_cast<int64_t>(i), values[i]);
  return out;
}

std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> out;
  for (int64_t i = 0; i < tensor.elements(); ++i) out.push_back(tensor.get(i));
  return out;
}

/// The first output for one input, all variables being `weight`.
std::vector<double> run(const std::string& text, const Tensor& x, double weight = 1, bool keras2 = false) {
  const Declared traced = trace(text, keras2);
  const auto executable = make_interpreter()->compile(traced.module);
  for (const LayerVariable& variable : traced.variables) {
    if (variable.role == Role::state) continue;
    std::vector<int64_t> shape;
    for (Dim d : variable.type.shape) shape.push_back(d.value());
    Tensor value(variable.type.dtype, shape);
    for (int64_t i = 0; i < value.elements(); ++i) value.set(i, weight);
    executable->set_variable(variable.path, value);
  }
  return numbers(executable->call("predict", std::vector<Tensor>{x})[0]);
}

// --- what comes out ---

TEST(Model, SequentialHasTheLayersPaths) {
  const Declared traced = trace(sequential(
      {input("[null, 3]"), layer("Dense", "a", R"("units": 2)"), layer("BatchNormalization", "b", ""),
       layer("Dense", "c", R"("units": 1, "use_bias": false, "trainable": false)")}));
  std::vector<std::string> paths;
  for (const LayerVariable& variable : traced.variables)
    paths.push_back(cat(variable.path, " ", to_text(variable.type), variable.trainable ? " trainable" : ""));
  EXPECT_EQ(join(paths, "\n"),
            "a/kernel f32[3,2] trainable\n"
            "a/bias f32[2] trainable\n"
            "b/gamma f32[2] trainable\n"
            "b/beta f32[2] trainable\n"
            "b/moving_mean f32[2]\n"
            "b/moving_variance f32[2]\n"
            "c/kernel f32[2,1]");
  const Function& predict = traced.module.function("predict");
  EXPECT_EQ(to_text(predict.results[0].value.type()), "f32[N,1]");
  EXPECT_EQ(predict.results[0].name, "c");
  for (const auto& node : predict.nodes)
    if (node->op == Op::dot) {
      EXPECT_TRUE(*node->origin == "a" || *node->origin == "c");
    }
}

TEST(Model, PathsStayUnique) {
  const std::string inner = R"("layer": )" + layer("Dense", "dense", R"("units": 2)");
  const Declared traced = trace(sequential({input("[null, 4, 3]"), layer("TimeDistributed", "first", inner),
                                            layer("TimeDistributed", "second", inner)}));
  ASSERT_EQ(traced.variables.size(), 4u);
  EXPECT_EQ(traced.variables[0].path, "dense/kernel");
  EXPECT_EQ(traced.variables[2].path, "second/dense/kernel");
}

TEST(Model, NestedModelsOfKeras2CountTheirCallsFromOne) {
  const std::string inner = R"("layers": [)" +
                            node("InputLayer", "s", R"("batch_input_shape": [null, 2])", "[]") + ", " +
                            node("Dense", "d", R"("units": 2)", R"([[["s", 0, 0, {}]]])") +
                            R"(], "input_layers": [["s", 0, 0]], "output_layers": [["d", 0, 0]])";
  const std::string model =
      functional({node("InputLayer", "x", R"("batch_input_shape": [null, 2])", "[]"),
                  node("Functional", "inner", inner, R"([[["x", 0, 0, {}]], [["inner", 1, 0, {}]]])")},
                 R"([["x", 0, 0]])", R"([["inner", 2, 0]])");
  EXPECT_EQ(run(model, floats({1, 2}, {1, 2}), 1, true), (std::vector<double>{9, 9}));
}

TEST(Model, LayersMayStandInAnyOrderAndBeCalledAgain) {
  const std::string model = functional(
      {node("Dense", "b", R"("units": 2, "use_bias": false)", cat("[", called({tensor("a", 0)}), "]")),
       node("Dense", "a", R"("units": 2, "use_bias": false)",
            cat("[", called({tensor("x")}), ", ", called({tensor("b")}), "]")),
       node("InputLayer", "x", R"("batch_shape": [null, 2])", "[]")},
      R"(["x", 0, 0])", R"(["a", 1, 0])");
  const Declared traced = trace(model);
  EXPECT_EQ(traced.variables.size(), 2u);
  EXPECT_EQ(run(model, floats({1, 2}, {1, 2})), (std::vector<double>{12, 12}));
}

TEST(Model, OutputsOfOneLayerAreNumbered) {
  const Declared traced = trace(functional(
      {node("InputLayer", "x", R"("batch_shape": [null, 3, 2])", "[]"),
       node("LSTM", "rnn", R"("units": 2, "return_state": true)", cat("[", called({tensor("x")}), "]")),
       node("Add", "sum", "",
            cat("[", called({cat("[", tensor("rnn", 0, 1), ", ", tensor("rnn", 0, 2), "]")}), "]"))},
      R"([["x", 0, 0]])", R"([["rnn", 0, 0], ["sum", 0, 0], ["rnn", 0, 2]])"));
  const Function& predict = traced.module.function("predict");
  EXPECT_EQ(predict.results[0].name, "rnn__0");
  EXPECT_EQ(predict.results[1].name, "sum");
  EXPECT_EQ(predict.results[2].name, "rnn__2");
}

TEST(Model, AFixedBatchIsNoSymbol) {
  const Declared traced = trace(sequential({input("[5, 3]"), layer("Dense", "a", R"("units": 2)")}));
  EXPECT_EQ(to_text(traced.module.functions[0].results[0].value.type()), "f32[5,2]");
}

TEST(Model, StatefulLayersGoOnWhereTheLastCallEnded) {
  // With weights of one, each step adds its input: h' = x + h.
  const std::string sum = R"("units": 1, "activation": "linear", "use_bias": false, "stateful": true)";
  const std::string model = functional(
      {node("InputLayer", "x", R"("batch_shape": [1, 2, 1])", "[]"),
       node("SimpleRNN", "r", sum, cat("[", called({tensor("x")}), ", ", called({tensor("x")}), "]"))},
      R"([["x", 0, 0]])", R"([["r", 0, 0], ["r", 1, 0]])");
  const Declared traced = trace(model);
  const auto executable = make_interpreter()->compile(traced.module);
  for (const char* kernel : {"r/simple_rnn_cell/kernel", "r/simple_rnn_cell/recurrent_kernel"})
    executable->set_variable(kernel, floats({1, 1}, {1}));
  const auto call = [&] {
    std::vector<double> out;
    for (const Tensor& result : executable->call("predict", std::vector{floats({1, 2, 1}, {1, 2})}))
      out.push_back(result.get(0));
    return out;
  };
  EXPECT_EQ(call(), (std::vector<double>{3, 6}));
  EXPECT_EQ(call(), (std::vector<double>{9, 12}));
  EXPECT_EQ(executable->get_variable("r/h").get(0), 12);
}

TEST(Model, AStatefulLayerGoesOnFromStepToStep) {
  const std::string inner = R"("layer": )" + layer("GRU", "inner", R"("units": 2, "stateful": true)");
  const Declared traced =
      trace(sequential({input("[2, 3, 4, 1]"), layer("TimeDistributed", "outer", inner)}));
  EXPECT_EQ(traced.module.functions[0].updates.size(), 1u);
}

TEST(Model, AChainOfThousandsOfLayersIsTraced) {
  std::vector<std::string> layers = {node("InputLayer", "l0", R"("batch_shape": [null, 2])", "[]")};
  constexpr int kLayers = 5000;
  for (int i = kLayers; i > 0; --i)
    layers.push_back(node("Activation", cat("l", i), R"("activation": "relu")",
                          cat("[", called({tensor(cat("l", i - 1))}), "]")));
  trace(functional(layers, R"(["l0", 0, 0])", cat("[\"l", kLayers, "\", 0, 0]")));
}

TEST(Model, MasksGoThroughLayersThatIgnoreThem) {
  // Two steps of which the second is masked: the mean is that of the first.
  const std::string model = sequential({input("[null, 2, 2]"), layer("Masking", "mask", R"("mask_value": 7)"),
                                        layer("Activation", "act", R"("activation": "linear")"),
                                        layer("GlobalAveragePooling1D", "mean", "")});
  EXPECT_EQ(run(model, floats({1, 2, 2}, {1, 2, 7, 7})), (std::vector<double>{1, 2}));
}

TEST(Model, LayersThatDoNotPassMasksEndThem) {
  const std::string model = sequential({input("[null, 2, 2]"), layer("Masking", "mask", R"("mask_value": 7)"),
                                        layer("Permute", "permute", R"("dims": [2, 1])"),
                                        layer("GlobalAveragePooling1D", "mean", "")});
  EXPECT_EQ(run(model, floats({1, 2, 2}, {1, 2, 7, 7})), (std::vector<double>{1.5, 0}));
}

// --- training ---

/// The model as a training step traces it: with the operands of random ops as further params.
Module trace_training(const std::string& text) {
  const Json config = Json::parse(text, "config.json");
  Model model(config, "m.keras", false, {});
  Builder builder("train");
  const Value x = builder.param("x", model.inputs()[0].type);
  const Value key = builder.param("key", Type(DType::u32, {2}));
  const Value counter = builder.param("counter", Type(DType::u32, {}));
  Tracer tracer{builder, true, key, counter};
  builder.result("y", model.call(tracer, {Traced(Expr(builder, x))})[0].value.value());
  Module module;
  module.functions.push_back(builder.finish());
  std::vector<LayerVariable> variables;
  collect(model.root(), variables);
  for (const LayerVariable& variable : variables)
    module.variables.push_back({variable.path, variable.type, Role::weight, variable.trainable, nullptr});
  verify(module);
  return module;
}

std::vector<Tensor> training_inputs(const Tensor& x) {
  return {x, Tensor(DType::u32, {2}), Tensor(DType::u32, {})};
}

TEST(Training, DropoutKeepsTheMean) {
  const Module module =
      trace_training(sequential({input("[null, 1000]"), layer("Dropout", "drop", R"("rate": 0.25)")}));
  const Tensor x = floats({1, 1000}, std::vector<double>(1000, 3));
  const std::vector<double> y =
      numbers(make_interpreter()->compile(module)->call("train", training_inputs(x))[0]);
  int dropped = 0;
  for (double value : y) {
    EXPECT_TRUE(value == 0 || value == 4) << value;
    dropped += value == 0;
  }
  EXPECT_NEAR(dropped, 250, 50);
}

TEST(Training, BatchNormalizationUsesAndMovesTheStatistics) {
  const Module module = trace_training(
      sequential({input("[null, 1]"),
                  layer("BatchNormalization", "bn", R"("momentum": 0.75, "epsilon": 0, "scale": false)")}));
  const auto executable = make_interpreter()->compile(module);
  const Tensor x = floats({2, 1}, {1, 5});
  EXPECT_EQ(numbers(executable->call("train", training_inputs(x))[0]), (std::vector<double>{-1, 1}));
  // mean 3, biased variance 4
  EXPECT_EQ(numbers(executable->get_variable("bn/moving_mean")), (std::vector<double>{0.75}));
  EXPECT_EQ(numbers(executable->get_variable("bn/moving_variance")), (std::vector<double>{1}));
}

TEST(Training, AFrozenBatchNormalizationDoesNotMove) {
  const Module module = trace_training(
      sequential({input("[null, 1]"), layer("BatchNormalization", "bn", R"("trainable": false)")}));
  EXPECT_TRUE(module.functions[0].updates.empty());
}

TEST(Training, RecurrentDropoutIsTheSameInEveryStep) {
  const Module module = trace_training(
      sequential({input("[null, 3, 50]"),
                  layer("SimpleRNN", "rnn", R"("units": 50, "activation": "linear", "dropout": 0.5,
       "return_sequences": true)")}));
  const auto executable = make_interpreter()->compile(module);
  // The kernel is the unit matrix and nothing recurs: what comes out is what the input's dropout leaves.
  Tensor unit(DType::f32, {50, 50});
  for (int64_t i = 0; i < 50; ++i) unit.set(i * 51, 1);
  executable->set_variable("rnn/simple_rnn_cell/kernel", unit);
  const Tensor x = floats({1, 3, 50}, std::vector<double>(150, 1));
  const std::vector<double> y = numbers(executable->call("train", training_inputs(x))[0]);
  int kept = 0;
  for (size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(y[i], y[50 + i]);
    EXPECT_EQ(y[i], y[100 + i]);
    kept += y[i] == 2;
  }
  EXPECT_GT(kept, 10);
  EXPECT_LT(kept, 40);
}

// --- shapes ---

TEST(Shapes, FreeExtentsAreFixedByTheOption) {
  const std::string model =
      sequential({input("[null, null, 3]"), layer("Conv1D", "c", R"("filters": 1, "kernel_size": 2)")});
  EXPECT_EQ(to_text(trace(model, false, {{{"x", {9, 3}}}, {}}).module.functions[0].results[0].value.type()),
            "f32[N,8,1]");
  expect_error(ErrorKind::usage, "has 1 extents, but the input has 2",
               [&] { trace(model, false, {{{"x", {9}}}, {}}); });
  expect_error(ErrorKind::usage, "does not fit", [&] { trace(model, false, {{{"x", {9, 4}}}, {}}); });
  expect_error(ErrorKind::usage, "its inputs are x", [&] { trace(model, false, {{{"y", {9, 3}}}, {}}); });
}

TEST(Shapes, AGivenBatchIsThatOfAllInputs) {
  const auto in = [](const std::string& name, const std::string& batch) {
    return node("InputLayer", name, cat(R"("batch_shape": [)", batch, ", 3]"), "[]");
  };
  const std::string calls = cat("[", called({cat("[", tensor("a"), ", ", tensor("b"), "]")}), "]");
  const auto model = [&](const std::string& batch) {
    return functional({in("a", "null"), in("b", batch), node("Add", "sum", "", calls)},
                      R"([["a", 0, 0], ["b", 0, 0]])", R"([["sum", 0, 0]])");
  };
  const auto of_four = [&](const std::string& batch) { return trace(model(batch), false, {{}, 4}); };
  for (const std::string batch : {"null", "4"}) {
    const Declared traced = of_four(batch);
    const Function& predict = traced.module.functions[0];
    for (const Node* param : predict.params) EXPECT_EQ(to_text(param->type()), "f32[4,3]");
    EXPECT_EQ(to_text(predict.results[0].value.type()), "f32[4,3]");
  }
  expect_error(ErrorKind::usage, "--batch is 4, but the model takes 5 samples", [&] { of_four("5"); });
}

TEST(Shapes, AModelThatWasNeverBuiltIsRefused) {
  expect_error(ErrorKind::unsupported, "before it knew its input's shape",
               [] { trace(sequential({layer("Dense", "a", R"("units": 2)")})); });
}

// --- refusals ---

struct Refusal {
  std::string layer, message;
  ErrorKind kind = ErrorKind::unsupported;
};

TEST(Refusals, NameLayerClassArgumentAndReason) {
  const Refusal refusals[] = {
      {layer("Dense", "a", R"("units": 0)"),
       R"(m.keras: layer "a" (Dense): argument units is 0: expected an integer from 1 to 2^28)",
       ErrorKind::data},
      {layer("Dense", "a", R"("units": "many")"), "argument units is \"many\": expected an integer",
       ErrorKind::data},
      {layer("Dense", "a", ""), "argument units is absent", ErrorKind::data},
      {layer("Dense", "a", R"("units": 2, "use_bias": 1)"), "argument use_bias is 1: expected true or false",
       ErrorKind::data},
      {layer("Dense", "a", R"("units": 2, "rank": 4)"), "argument rank is 4: it is not known"},
      {layer("Dense", "a", R"("units": 2, "dtype": "mixed_float8")"),
       "there is no dtype policy \"mixed_float8\""},
      {layer("Dense", "a", R"("units": 2, "dtype": "complex64")"), "complex numbers are not supported"},
      {layer("Dense", "a", R"("units": 2, "dtype": {"config": {"mode": "int3"}})"),
       "there is no mode of quantization \"int3\""},
      {layer("Dropout", "a", R"("rate": 0.5, "dtype": "int8_from_float32")"),
       "Keras does not quantize layers of this class", ErrorKind::data},
      {layer("Dense", "a", R"("units": 2, "dtype": {"config": {"policy_map": {"[ab]": "float16"}}})"),
       "the pattern \"[ab]\" of a map of dtype policies is not supported"},
      {layer("Dense", "a", R"("units": 2, "activation": "swoosh")"),
       "argument activation: the activation \"swoosh\""},
      {layer("Dropout", "a", R"("rate": 2)"), "argument rate is 2", ErrorKind::data},
      {layer("Reshape", "a", R"("target_shape": [5, 2])"), "does not fit the input's 12 elements",
       ErrorKind::data},
      {layer("Reshape", "a", R"("target_shape": [-1, -1])"), "does not fit", ErrorKind::data},
      {layer("Permute", "a", R"("dims": [1, 1])"), "perm has 1 twice", ErrorKind::data},
      {layer("Conv1D", "a", R"("filters": 2, "kernel_size": 5)"), "a window of 5 does not fit",
       ErrorKind::data},
      {layer("Conv1D", "a", R"("filters": 2, "kernel_size": 2, "padding": "reflect")"),
       R"(argument padding is "reflect": expected "valid" or "same" or "causal")"},
      {layer("Conv1D", "a", R"("filters": 2, "kernel_size": 2, "groups": 2)"), "must divide 3 input channels",
       ErrorKind::data},
      {layer("Conv1D", "a", R"("filters": 2, "kernel_size": [2, 2])"), "expected 1 integers",
       ErrorKind::data},
      {layer("Conv2D", "a", R"("filters": 2, "kernel_size": 2)"), "expected rank 4", ErrorKind::data},
      {layer("Cropping1D", "a", R"("cropping": 2)"), "leaves nothing of axis 1", ErrorKind::data},
      {layer("Dense", "a", R"("units": 1e300)"), "expected an integer", ErrorKind::data},
      {layer("Dense", "a", R"("units": 9223372036854775807)"), "expected an integer", ErrorKind::data},
      {layer("UpSampling1D", "a", R"("size": 200000000)") + ", " +
           layer("UpSampling1D", "b", R"("size": 2000)"),
       "is too large"},
      {layer("LSTM", "a", R"("units": 2, "stateful": true)"), "is stateful, and its batch is free"},
      {layer("Softmax", "a", R"("axis": 5)"), "axis 5 is no axis", ErrorKind::data},
      {layer("Lambda", "a", ""),
       "layers of class Lambda are not supported: what it computes is Python byte code"},
      {layer("Frobnicate", "a", ""), "layers of class Frobnicate are not supported"},
      // Keras's module says whose class it is; a user's own has none.
      {R"({"module": null, "class_name": "Dense", "config": {"name": "a", "units": 2}, "registered_name": "Dense"})",
       "class Custom>Dense is not part of Keras"},
  };
  for (const Refusal& refusal : refusals)
    expect_error(refusal.kind, refusal.message,
                 [&] { trace(sequential({input("[null, 4, 3]"), refusal.layer})); });
}

/// Lengths are tried in several ways: none of them may take the layers before the one that is refused for the model.
TEST(Refusals, WithFreeLengths) {
  const std::string in = input("[null, null, 3]"), dense = layer("Dense", "d", R"("units": 2)"),
                    unknown = layer("Frobnicate", "f", "");
  for (const std::string& model : {sequential({in, dense, unknown}), sequential({in, dense, unknown, dense}),
                                   sequential({in, sequential({dense, unknown})})})
    expect_error(ErrorKind::unsupported, "layers of class Frobnicate", [&] { trace(model); });
  expect_error(ErrorKind::unsupported, "layers of class Frobnicate", [&] {
    trace(functional({node("InputLayer", "x", R"("batch_shape": [null, null, 3])", "[]"),
                      node("Dense", "d", R"("units": 2)", cat("[", called({tensor("x")}), "]")),
                      node("Frobnicate", "f", "", cat("[", called({tensor("d")}), "]"))},
                     R"([["x", 0, 0]])", R"([["f", 0, 0]])"));
  });
}

TEST(Refusals, NameTheLayersAround) {
  const std::string inner = R"("layer": )" + layer("Conv2D", "inner", R"("filters": 1, "kernel_size": 9)");
  expect_error(ErrorKind::data, R"(m.keras: layer "outer/inner" (Conv2D): a window of 9 does not fit)", [&] {
    trace(sequential({input("[null, 2, 8, 8, 1]"), layer("TimeDistributed", "outer", inner)}));
  });
}

TEST(Refusals, AnInputThatIsNamedTwice) {
  const std::string model = functional(
      {node("InputLayer", "x", R"("batch_shape": [null, 2])", "[]"),
       node("Add", "sum", "", cat("[", called({cat("[", tensor("x"), ", ", tensor("x"), "]")}), "]"))},
      R"([["x", 0, 0], ["x", 0, 0]])", R"([["sum", 0, 0]])");
  expect_error(ErrorKind::data, R"(two inputs are called "x")", [&] { trace(model); });
}

TEST(Refusals, StringsAndSparseInputs) {
  expect_error(ErrorKind::unsupported, "no layer reads the strings of the input",
               [] { trace(sequential({input("[null, 1]", "string")})); });
  expect_error(ErrorKind::unsupported, "argument sparse is true", [] {
    trace(sequential({layer("InputLayer", "x", R"("batch_shape": [null, 2], "sparse": true)")}));
  });
}

TEST(Refusals, GraphsThatDoNotHold) {
  const std::string in = node("InputLayer", "x", R"("batch_shape": [null, 2])", "[]");
  const auto graph = [&](const std::string& calls, const std::string& outputs) {
    trace(functional({in, node("Dense", "d", R"("units": 2)", calls)}, R"([["x", 0, 0]])", outputs));
  };
  const std::string good = cat("[", called({tensor("x")}), "]"), out = R"([["d", 0, 0]])";
  graph(good, out);
  expect_error(ErrorKind::data, R"(layer "ghost", which the model does not have)",
               [&] { graph(cat("[", called({tensor("ghost")}), "]"), out); });
  expect_error(ErrorKind::data, "needs its own output",
               [&] { graph(cat("[", called({tensor("d")}), "]"), out); });
  expect_error(ErrorKind::data, "which has 1", [&] { graph(good, R"([["d", 1, 0]])"); });
  expect_error(ErrorKind::data, "refers to call -1", [&] { graph(good, R"([["d", -1, 0]])"); });
  expect_error(ErrorKind::data, "refers to output 3", [&] { graph(good, R"([["d", 0, 3]])"); });
  expect_error(ErrorKind::data, "called with 2 inputs",
               [&] { graph(cat("[", called({tensor("x"), tensor("x")}), "]"), out); });
  // Whoever calls the model decides.
  graph(cat("[", called({tensor("x")}, R"("training": true)"), "]"), out);
  expect_error(ErrorKind::data, "expected a list", [&] { graph("7", out); });
  expect_error(ErrorKind::data, "two layers with the name",
               [&] { trace(functional({in, in}, R"([["x", 0, 0]])", R"([["x", 0, 0]])")); });
  expect_error(ErrorKind::data, "needs its own output", [&] {
    trace(functional({in, node("Dense", "a", R"("units": 2)", cat("[", called({tensor("b")}), "]")),
                      node("Dense", "b", R"("units": 2)", cat("[", called({tensor("a")}), "]"))},
                     R"([["x", 0, 0]])", R"([["b", 0, 0]])"));
  });
}

TEST(Refusals, EndlessNesting) {
  // Each level calls the one below twice: 2^60 calls.
  std::string model = functional({node("InputLayer", "x", R"("batch_shape": [null, 2])", "[]"),
                                  node("Dense", "d", R"("units": 2)", cat("[", called({tensor("x")}), "]"))},
                                 R"(["x", 0, 0])", R"(["d", 0, 0])");
  for (int level = 0; level < 60; ++level) {
    std::string inner = model;
    inner.pop_back();
    inner += cat(R"(, "name": "model", "inbound_nodes": [)", called({tensor("x")}), ", ",
                 called({tensor("model")}), "]}");
    model = functional({node("InputLayer", "x", R"("batch_shape": [null, 2])", "[]"), inner},
                       R"(["x", 0, 0])", R"(["model", 2, 0])");
  }
  expect_error(ErrorKind::unsupported, "the model makes more than", [&] { trace(model); });
}

TEST(Refusals, SharedLayersNeedOneShape) {
  expect_error(ErrorKind::data, "is called with inputs of different shapes", [] {
    trace(functional({node("InputLayer", "x", R"("batch_shape": [null, 2])", "[]"),
                      node("InputLayer", "y", R"("batch_shape": [null, 3])", "[]"),
                      node("Dense", "d", R"("units": 2)",
                           cat("[", called({tensor("x")}), ", ", called({tensor("y")}), "]"))},
                     R"([["x", 0, 0], ["y", 0, 0]])", R"([["d", 0, 0], ["d", 1, 0]])"));
  });
}

TEST(Operations, AreRefusedByName) {
  const auto operation = [](const std::string& class_name, const std::string& config,
                            const std::string& arguments) {
    const std::string op =
        cat(R"({"module": "keras.src.ops.numpy", "class_name": ")", class_name,
            R"(", "name": "op", "config": {"name": "op")", config.empty() ? "" : ", ", config,
            R"(}, "inbound_nodes": [{"args": [)", arguments, R"(], "kwargs": {}}]})");
    trace(functional({node("InputLayer", "x", R"("batch_shape": [null, 2])", "[]"), op}, R"([["x", 0, 0]])",
                     R"([["op", 0, 0]])"));
  };
  expect_error(ErrorKind::unsupported,
               R"(m.keras: operation "op" (Frobnicate): operation Frobnicate is not supported)",
               [&] { operation("Frobnicate", "", tensor("x")); });
  expect_error(ErrorKind::unsupported, "an operand is neither a tensor nor an array of numbers",
               [&] { operation("Add", "", tensor("x") + R"(, "two")"); });
  expect_error(ErrorKind::unsupported,
               "operation Nonzero is not supported: the shape of its result depends on data",
               [&] { operation("Nonzero", "", tensor("x")); });
  expect_error(ErrorKind::unsupported, "the shape of its result depends on data",
               [&] { operation("Unique", "", tensor("x")); });
  expect_error(ErrorKind::unsupported, "operation Eig is not supported: its results are complex numbers",
               [&] { operation("Eig", "", tensor("x")); });
  expect_error(ErrorKind::unsupported, "axis -2 of f32[N,2] must have a fixed extent",
               [&] { operation("SVD", "", tensor("x")); });
  expect_error(ErrorKind::data, "the first axis of the coordinates [3,1] must be the axes of [N,2]", [&] {
    operation("MapCoordinates", R"("order": 1)", tensor("x") + ", [[1.0], [0.0], [0.5]]");
  });
  expect_error(ErrorKind::data, "images have rank 3 or 4, not [N,2]",
               [&] { operation("AffineTransform", "", tensor("x") + ", [1, 0, 0, 0, 1, 0, 0, 0]"); });
  expect_error(ErrorKind::data, "output_shape must be 2 numbers", [&] {
    operation("ScaleAndTranslate", R"("spatial_dims": [1], "method": "linear")",
              tensor("x") + ", [4], [2.0], [0.0]");
  });
  expect_error(ErrorKind::data, "target and output must have rank 2 and 3, not [N,2] and [N,2]",
               [&] { operation("CTCLoss", "", tensor("x") + ", " + tensor("x") + ", [1], [1]"); });
  expect_error(ErrorKind::data, "expected at least 2", [&] { operation("Add", "", tensor("x")); });
  expect_error(ErrorKind::data, "has 3 operands, expected 2",
               [&] { operation("Add", "", tensor("x") + ", 1, 2"); });
  expect_error(ErrorKind::data, "index 2 is out of range", [&] {
    operation(
        "GetItem", "",
        tensor("x") +
            R"(, [{"class_name": "__slice__", "config": {"start": null, "stop": null, "step": null}}, 2])");
  });
  expect_error(ErrorKind::unsupported, "what it takes of axis 0 of [N,2] is not there at all lengths",
               [&] { operation("GetItem", "", tensor("x") + ", 0"); });
}

}  // namespace
}  // namespace keratin
