#include "tests/configurations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "frontend/archive.h"
#include "frontend/file.h"
#include "frontend/load.h"
#include "frontend/model.h"
#include "frontend/training/regularizers.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

namespace fs = std::filesystem;

/// How far results may lie apart, relative to the largest one, where a configuration does not say.
constexpr double kTolerance = 2e-5;
/// Results that are all smaller than this are compared as if one were as large.
constexpr double kSmallest = 1e-2;

fs::path folder() { return fs::path(KERATIN_SOURCE_DIR) / "tests/configurations/recorded"; }

Archive applications() { return Archive::open((folder() / "applications.zip").string()); }

DType dtype_of(const Json& name) { return read_dtype(name, "a configuration"); }

std::vector<int64_t> shape_of(const Json& shape) { return to_ints(shape); }

uint64_t fnv1a64(const std::string& text) {
  uint64_t value = 0xcbf29ce484222325;
  for (const char byte : text) value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return value;
}

/// A fraction with 24 bits.
double fraction(uint64_t state) {
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
  state ^= state >> 31;
  return static_cast<double>(state >> 40) / (1 << 24);
}

/// One number that all of `tensor` has a part in.
double projection(const std::string& name, const Tensor& tensor) {
  const Tensor factors = fill(cat("projection ", name), DType::f32, tensor.shape(), -1, 1);
  double sum = 0;
  for (int64_t i = 0; i < tensor.elements(); ++i) sum += tensor.get(i) * factors.get(i);
  return sum;
}

/// A number, or the text that stands for one that JSON does not have.
double number_of(const Json& value) {
  if (!value.is_string()) return value.as_double();
  if (value.as_string() == "nan") return std::numeric_limits<double>::quiet_NaN();
  return value.as_string() == "inf" ? std::numeric_limits<double>::infinity()
                                    : -std::numeric_limits<double>::infinity();
}

std::vector<Traced> params(Builder& builder, const Model& model) {
  std::vector<Traced> inputs;
  for (const Model::Input& input : model.inputs())
    inputs.emplace_back(Expr(builder, builder.param(input.name, input.type)));
  return inputs;
}

/// What the regularizers of a layer's weights, and of those of the layers in it, add to the loss.
void add_penalties(Builder& builder, const Layer& layer, std::vector<Expr>& losses) {
  for (const LayerVariable& variable : layer.variables())
    if (variable.trainable && !variable.regularizer.is_null())
      losses.push_back(penalty(variable.regularizer, Expr(builder, builder.var(variable.path, variable.type)),
                               layer.where()));
  for (const std::unique_ptr<Layer>& child : layer.children()) add_penalties(builder, *child, losses);
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// Keras's path of each variable, by its name. Keras leaves out what is around a layer where the model comes from a file, which is what
/// names are made after; here it has been made anew. What Keras gives no name to is the only one of its layer.
std::map<std::string, std::string> keras_paths(const std::vector<Variable>& variables, const Json& weights) {
  std::map<std::string, std::string> paths;
  std::set<std::string> taken;
  for (const Variable& variable : variables) {
    if (variable.role == Role::state) continue;
    const auto& members = weights.members();
    const auto find = [&](const auto& fits) {
      return std::find_if(members.begin(), members.end(), [&](const auto& member) {
        return !taken.contains(member.first) && fits(member.first);
      });
    };
    auto found = find([&](const std::string& path) { return path == variable.name; });
    if (found == members.end())
      found = find([&](const std::string& path) { return path.ends_with("/" + variable.name); });
    if (found == members.end())
      found = find([&](const std::string& path) {
        return folder_of(path) == folder_of(variable.name) && path.find("/variable") != std::string::npos;
      });
    if (found == members.end()) throw Error(ErrorKind::data, cat("Keras has no variable ", variable.name));
    taken.insert(found->first);
    paths[variable.name] = found->first;
  }
  if (taken.size() != weights.size())
    throw Error(ErrorKind::data,
                cat("of ", weights.size(), " variables in Keras only ", taken.size(), " are known"));
  return paths;
}

/// The function @train: sum(c · output) with what layers and regularizers add, and its gradients. Requires: outputs are as those of
/// `predict`.
Function trace_train(Model& model, const Function& predict, const Json& gradients, const Json& weights) {
  Builder builder("train");
  const std::vector<Traced> inputs = params(builder, model);
  std::vector<Expr> losses;
  Tracer tracer{.builder = builder, .training = true, .losses = &losses};
  tracer.random_key = builder.param("key", Type(DType::u32, {2}));
  tracer.random_counter = builder.param("counter", Type(DType::u32, {}));
  std::vector<Expr> factors;
  for (size_t i = 0; i < predict.results.size(); ++i) {
    const Type& type = predict.results[i].value.type();
    factors.push_back(is_float(type.dtype)
                          ? Expr(builder, builder.param(cat("cotangent ", i), Type(DType::f32, type.shape)))
                          : Expr());
  }
  const Outputs outputs = model.call(tracer, inputs);
  Expr loss(builder, builder.constant(DType::f32, 0));
  for (size_t i = 0; i < outputs.size(); ++i)
    if (factors[i])
      loss = loss + sum(cast(outputs[i].value, DType::f32) * factors[i], axes_from(outputs[i].value, 0));
  add_penalties(builder, model.root(), losses);
  for (const Expr& extra : losses) loss = loss + extra;

  const std::vector<Variable> variables = variables_of(model);
  const std::map<std::string, std::string> paths = keras_paths(variables, weights);
  std::vector<Value> arguments{loss.value()};
  std::vector<std::string> names;
  for (const auto& [name, projected] : gradients["of"].members()) {
    for (const Variable& variable : variables)
      if (variable.role != Role::state && paths.at(variable.name) == name)
        arguments.push_back(builder.var(variable));
    for (const Traced& input : inputs)
      if (input.value.value().node->as<NameAttrs>().name == name) arguments.push_back(input.value.value());
    names.push_back(name);
  }
  KERATIN_CHECK(arguments.size() == names.size() + 1, "a gradient is of no variable and no input");
  const Node* gradient = builder.make_node(Op::gradient, arguments);
  builder.result("loss", loss.value());
  for (size_t i = 0; i < names.size(); ++i)
    builder.result(names[i], gradient->value(static_cast<uint32_t>(i)));
  return builder.finish();
}

}  // namespace

namespace {

/// A value of a model's config, with inputs whose axes are free from `first` on, but for `behind` at the end. Counts the axes.
Json with_free_axes(const Json& value, size_t first, size_t behind, int64_t& count) {
  if (value.is_array()) {
    std::vector<Json> items;
    for (const Json& item : value.items()) items.push_back(with_free_axes(item, first, behind, count));
    return Json::array(std::move(items));
  }
  if (!value.is_object()) return value;
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, member] : value.members()) {
    if (key != "batch_shape" || !member.is_array()) {
      members.emplace_back(key, with_free_axes(member, first, behind, count));
      continue;
    }
    std::vector<Json> shape = member.items();
    for (size_t axis = first; axis + behind < shape.size(); ++axis, ++count) shape[axis] = Json::null();
    members.emplace_back(key, Json::array(std::move(shape)));
  }
  return Json::object(std::move(members));
}

}  // namespace

std::optional<Configuration> Configuration::with_free_lengths() const {
  const bool is_first = model().dump().find("channels_first") != std::string::npos;
  int64_t count = 0;
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, member] : line_.members())
    if (key != "gradients")
      members.emplace_back(
          key, key == "model" ? with_free_axes(member, is_first ? 2 : 1, is_first ? 0 : 1, count) : member);
  if (count == 0 || !line_["training"].is_null()) return {};
  return Configuration(Json::object(std::move(members)));
}

Tensor fill(const std::string& name, DType dtype, const std::vector<int64_t>& shape, double low,
            double high) {
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
  Tensor out(dtype, shape);
  uint64_t state = fnv1a64(name);
  for (int64_t i = 0; i < out.elements(); ++i) {
    const double value = low + (high - low) * fraction(state += kGolden);
    if (is_float(dtype))
      out.set(i, dtype == DType::f64 ? value : static_cast<float>(value));
    else
      out.set_integer(i, static_cast<int64_t>(std::floor(value)));
  }
  return out;
}

std::vector<std::string> configuration_files() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder()))
    if (entry.path().extension() == ".jsonl") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Configuration> read_configurations(const std::string& file) {
  const std::string path = (folder() / (file + ".jsonl")).string();
  std::istringstream text(read_file(path));
  std::vector<Configuration> configurations;
  for (std::string line; std::getline(text, line);) configurations.emplace_back(Json::parse(line, path));
  return configurations;
}

std::vector<std::string> application_names() {
  std::vector<std::string> names;
  for (const std::string& member : applications().names()) names.push_back(fs::path(member).stem().string());
  return names;
}

Configuration read_application(const std::string& name) {
  const Archive archive = applications();
  return Configuration(Json::parse(archive.read(name + ".json", archive.max_member_bytes()), name));
}

double Configuration::tolerance() const {
  const Json& own = line_["tolerance"];
  return own.is_null() ? kTolerance : own.as_double();
}

Module Configuration::module() const {
  Model model(line_["model"], "", false, {});
  Module module;
  module.name = "configuration";
  if (line_["training"].is_null()) {
    module.functions.push_back(model.trace_predict());
  } else {
    Builder builder("predict");
    Tracer tracer{.builder = builder, .training = true};
    const std::vector<Traced> inputs = params(builder, model);
    // Layers may ask for these, and then have no use for what they draw.
    tracer.random_key = builder.splat(Scalar::of(DType::u32, 0), Type(DType::u32, {2}));
    tracer.random_counter = builder.splat(Scalar::of(DType::u32, 0), Type(DType::u32, {}));
    const Outputs outputs = model.call(tracer, inputs);
    for (size_t i = 0; i < outputs.size(); ++i) builder.result(cat("output", i), outputs[i].value.value());
    module.functions.push_back(builder.finish());
  }
  if (const Json& gradients = line_["gradients"]; !gradients.is_null())
    module.functions.push_back(trace_train(model, module.functions[0], gradients, line_["weights"]));
  module.variables = variables_of(model);
  const Json& weights = line_["weights"];
  const std::map<std::string, std::string> paths = keras_paths(module.variables, weights);
  for (Variable& variable : module.variables) {
    if (variable.role == Role::state) continue;
    const std::string& path = paths.at(variable.name);
    const Json& weight = weights[path];
    auto data = std::make_shared<Tensor>(fill(path, dtype_of(weight.at(0)), shape_of(weight.at(1)),
                                              weight.at(2).as_double(), weight.at(3).as_double()));
    if (data->type() != variable.type)
      throw Error(ErrorKind::data,
                  cat(variable.name, " is ", to_text(variable.type), ", in Keras ", to_text(data->type())));
    variable.data = std::move(data);
  }
  return module;
}

std::vector<Tensor> Configuration::inputs() const {
  std::vector<Tensor> arrays;
  for (const Json& input : line_["inputs"].items()) {
    Tensor array = fill(input["name"].as_string(), dtype_of(input["dtype"]), shape_of(input["shape"]),
                        input["range"].at(0).as_double(), input["range"].at(1).as_double());
    if (!input["steps"].is_null()) {
      const int64_t steps = array.shape()[1], size = array.elements() / array.shape()[0] / steps;
      for (int64_t i = 0; i < array.elements(); ++i)
        if ((2 * (i / size / steps) + i / size % steps) % 3 == 1) array.set(i, 0);
    }
    arrays.push_back(std::move(array));
  }
  return arrays;
}

void Configuration::expect_outputs(const std::vector<Tensor>& outputs) const {
  const Json& wanted = line_["outputs"];
  ASSERT_EQ(outputs.size(), wanted.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Json& want = wanted.at(i);
    const Tensor& got = outputs[i];
    ASSERT_EQ(got.shape(), shape_of(want.at(1))) << "output " << i;
    // On JAX, what is declared as int64 has 32 bits.
    const DType dtype = dtype_of(want.at(0));
    ASSERT_EQ(got.dtype(), dtype == DType::i32 && got.dtype() == DType::i64 ? DType::i64 : dtype)
        << "output " << i;
    double largest = kSmallest;
    for (const Json& value : want.at(2).items())
      if (std::isfinite(number_of(value))) largest = std::max(largest, std::abs(number_of(value)));
    int64_t wrong = 0;
    std::string first;
    for (int64_t at = 0; at < got.elements(); ++at) {
      const double expected = number_of(want.at(2).at(at)), found = got.get(at);
      const bool same = std::isfinite(expected)
                            ? std::abs(found - expected) <= tolerance() * largest
                            : found == expected || (std::isnan(found) && std::isnan(expected));
      if (!same && ++wrong == 1) first = cat("element ", at, " is ", found, ", in Keras ", expected);
    }
    EXPECT_EQ(wrong, 0) << "output " << i << " " << to_text(got.type()) << ": " << first;
  }
}

void Configuration::expect_gradients(const std::vector<Tensor>& results, const Executable& executable) const {
  const Json& gradients = line_["gradients"];
  const double loss = gradients["loss"].as_double();
  EXPECT_NEAR(results[0].get(0), loss, tolerance() * (1 + std::abs(loss))) << "loss";
  const auto expect_projection = [&](const std::string& name, const Tensor& tensor, const Json& want) {
    EXPECT_NEAR(projection(name, tensor), want.at(0).as_double(),
                tolerance() * (kSmallest + want.at(1).as_double()))
        << name;
  };
  size_t i = 1;
  for (const auto& [name, want] : gradients["of"].members()) {
    SCOPED_TRACE("gradient");
    expect_projection(name, results[i++], want);
  }
  if (gradients["updates"].size() == 0) return;
  // Native code does not keep a variable that nothing changes: what it says was folded into others.
  const auto value_after = [&](const std::string& own_name, const std::string& path) {
    try {
      return executable.get_variable(own_name);
    } catch (const Error&) {
      const Json& weight = line_["weights"][path];
      return fill(path, dtype_of(weight.at(0)), shape_of(weight.at(1)), weight.at(2).as_double(),
                  weight.at(3).as_double());
    }
  };
  Model model(line_["model"], "", false, {});
  model.trace_predict();
  const auto paths = keras_paths(variables_of(model), line_["weights"]);
  for (const auto& [name, want] : gradients["updates"].members()) {
    SCOPED_TRACE("update");
    for (const auto& [own_name, path] : paths)
      if (path == name) expect_projection(name, value_after(own_name, path), want);
  }
}

void Configuration::expect(Executable& executable) const {
  std::vector<Tensor> arrays = inputs();
  expect_outputs(executable.call("predict", arrays));
  if (line_["gradients"].is_null()) return;
  arrays.emplace_back(DType::u32, std::vector<int64_t>{2});
  arrays.emplace_back(DType::u32, std::vector<int64_t>{});
  const Json& outputs = line_["outputs"];
  for (size_t i = 0; i < outputs.size(); ++i)
    if (is_float(dtype_of(outputs.at(i).at(0))))
      arrays.push_back(fill(cat("cotangent ", i), DType::f32, shape_of(outputs.at(i).at(1)), -1, 1));
  expect_gradients(executable.call("train", arrays), executable);
}

}  // namespace keratin
