// The pair of inputs and outputs that an artefact checks itself with.
#include <algorithm>
#include <cmath>
#include <future>

#include "codegen/artefact.h"
#include "codegen/strings.h"
#include "ir/error.h"
#include "ir/executor.h"
#include "ir/text.h"
#include "runtime/abi.h"
#include "runtime/trainer/tolerance.h"

namespace keratin {
namespace {

/// The batch of a self-test: two samples, or the only number that the function takes.
int64_t batch_of(const Function& function) {
  for (const Node* param : function.params)
    for (const Dim dim : param->type().shape)
      if (dim.symbol == Dim::batch().symbol) return 2;
  if (function.params.empty() || function.params[0]->type().rank() == 0) return 1;
  const Dim first = function.params[0]->type().shape[0];
  return first.is_static() ? first.value() : 1;
}

/// Floats spread evenly over [-1, 1) without a pattern; small integers, which are valid as indices, too.
Tensor deterministic_tensor(const Type& type, const Bindings& bindings, uint64_t seed) {
  std::vector<int64_t> shape;
  for (const Dim dim : type.shape) shape.push_back(dim.value(bindings));
  Tensor tensor(type.dtype, shape);
  uint64_t state = seed;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const double unit = static_cast<double>(state >> 40) / static_cast<double>(uint64_t{1} << 24);
    if (is_float(type.dtype))
      tensor.set(i, 2 * unit - 1);
    else
      tensor.set_integer(i, unit < 0.5 ? 0 : 1);
  }
  return tensor;
}

/// Makes an input of strings, which it appends.
void encode(const krt_strings& table, const Type& type, const Bindings& bindings, Tensor& input,
            std::vector<std::string>& strings) {
  const auto length = static_cast<size_t>(integers_per_string(table, type).value(bindings));
  const size_t count = static_cast<size_t>(input.elements()) / length;
  std::vector<const char*> pointers;
  const std::vector<std::string> samples = sample_strings(table, count);
  for (const std::string& each : samples) pointers.push_back(each.c_str());
  const int status =
      krt_strings_encode(&table, pointers.data(), nullptr, count, length, input.as<int64_t>().data());
  if (status != KRT_OK) throw Error(ErrorKind::data, cat("a table of strings: ", krt_strerror(status)));
  strings.insert(strings.end(), samples.begin(), samples.end());
}

/// Free lengths that are the same for all, and long enough that something is left wherever windows slide.
Bindings lengths_of(const Function& function) {
  constexpr int64_t kShortest = 16, kLongest = 4096;
  Bindings lengths;
  for (const Node* param : function.params)
    for (const Dim dim : param->type().shape)
      if (!dim.is_static() && dim.symbol != Dim::batch().symbol) lengths[dim.symbol] = kShortest;
  const auto is_long_enough = [&] {
    for (const auto& node : function.nodes)
      for (const Type& type : node->types)
        for (const Dim dim : type.shape)
          if (!dim.is_static() && lengths.contains(dim.symbol.root()) && dim.value(lengths) < 1) return false;
    return true;
  };
  while (!lengths.empty() && lengths.begin()->second < kLongest && !is_long_enough())
    for (auto& [symbol, length] : lengths) length *= 2;
  return lengths;
}

/// The largest finite magnitude.
double magnitude(const Tensor& tensor) {
  double largest = 0;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double value = std::abs(tensor.get(i));
    if (std::isfinite(value)) largest = std::max(largest, value);
  }
  return largest;
}

/// The largest finite difference of one element.
double distance(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (int64_t i = 0; i < a.elements(); ++i) {
    const double difference = std::abs(a.get(i) - b.get(i));
    if (std::isfinite(difference)) largest = std::max(largest, difference);
  }
  return largest;
}

Bindings bindings_of(const SelfTest& test) {
  Bindings bindings = test.lengths;
  bindings[Dim::batch().symbol] = test.n;
  return bindings;
}

SelfTest with_inputs(const Module& model, const Function& tested) {
  SelfTest test;
  test.n = batch_of(tested);
  test.lengths = lengths_of(tested);
  const Bindings bindings = bindings_of(test);
  for (size_t i = 0; i < tested.params.size(); ++i) {
    const Type& type = tested.params[i]->type();
    Tensor& input = test.inputs.emplace_back(deterministic_tensor(type, bindings, i + 1));
    if (const krt_strings* table =
            find_string_table(model.variables, tested.params[i]->as<NameAttrs>().name, type))
      encode(*table, type, bindings, input, test.strings);
  }
  return test;
}

}  // namespace

SelfTest make_selftest_inputs(const Module& model, std::string_view function) {
  const Function& tested = model.function(function);
  SelfTest test = with_inputs(model, tested);
  const Bindings bindings = bindings_of(test);
  for (const Result& result : tested.results) {
    std::vector<int64_t> shape;
    for (const Dim dim : result.value.shape()) shape.push_back(dim.value(bindings));
    test.outputs.emplace_back(result.value.dtype(), shape);
  }
  return test;
}

SelfTest make_selftest(const Module& model, std::string_view function) {
  SelfTest test = with_inputs(model, model.function(function));
  const auto results = [&](Rounding rounding) {
    return make_interpreter(rounding)->compile(model)->call(function, test.inputs);
  };
  auto exact = std::async(std::launch::async, results, Rounding::none);
  test.outputs = results(Rounding::every_result);
  const std::vector<Tensor> unrounded = exact.get();
  test.atol = test.rtol = 0;
  for (size_t i = 0; i < test.outputs.size(); ++i) {
    const Tensor& output = test.outputs[i];
    const double relative = relative_tolerance(output.dtype());
    test.rtol = std::max(test.rtol, relative);
    // Where a function magnifies rounding, as the sine of a large sum does, so does the order of the sum.
    test.atol =
        std::max({test.atol, relative * magnitude(output), kRoundings * distance(output, unrounded[i])});
  }
  return test;
}

}  // namespace keratin
