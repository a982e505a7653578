// One function, built in place and run by the interpreter.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/executor.h"
#include "ir/tensor.h"
#include "ir/text.h"

namespace keratin::testing {

inline const Dim kN = Dim::batch();
inline const Dim kT = Dim(1, Symbol("T"));

inline Type f32(Shape shape) { return Type(DType::f32, std::move(shape)); }
inline Type i32(Shape shape) { return Type(DType::i32, std::move(shape)); }

inline Tensor tensor(DType dtype, std::vector<int64_t> shape, const std::vector<double>& values) {
  Tensor made(dtype, std::move(shape));
  for (int64_t i = 0; i < made.elements(); ++i) made.set(i, values.at(i));
  return made;
}
inline Tensor f32(std::vector<int64_t> shape, const std::vector<double>& values) {
  return tensor(DType::f32, std::move(shape), values);
}
inline Tensor i32(std::vector<int64_t> shape, const std::vector<double>& values) {
  return tensor(DType::i32, std::move(shape), values);
}
/// 0, 1, 2, …
inline Tensor counting(std::vector<int64_t> shape) {
  Tensor made(DType::f32, std::move(shape));
  for (int64_t i = 0; i < made.elements(); ++i) made.set(i, static_cast<double>(i));
  return made;
}

using Build = std::function<std::vector<Value>(Builder&, const std::vector<Value>&)>;

inline Function function_of(const std::vector<Type>& params, const Build& build,
                            Builder::Mode mode = Builder::Mode::verbatim) {
  Builder builder("f", mode);
  std::vector<Value> values;
  for (const Type& type : params) values.push_back(builder.param(cat("p", values.size()), type));
  size_t count = 0;
  for (Value value : build(builder, values)) builder.result(cat("r", count++), value);
  return builder.finish();
}

inline std::vector<Tensor> run(const std::vector<Type>& params, const std::vector<Tensor>& inputs,
                               const Build& build) {
  Module module;
  module.functions.push_back(function_of(params, build));
  return make_interpreter()->compile(module)->call("f", inputs);
}

/// What building the function says, as the user sees it.
inline std::string error_of(const std::vector<Type>& params, const Build& build) {
  try {
    function_of(params, build);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// A region with its params.
inline std::shared_ptr<const Function> body_of(const std::vector<Type>& params, const Build& build) {
  Function body = function_of(params, build);
  body.name.clear();
  return std::make_shared<const Function>(std::move(body));
}

inline std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.elements(); ++i) values.push_back(tensor.get(i));
  return values;
}

}  // namespace keratin::testing
