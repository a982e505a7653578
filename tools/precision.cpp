#include "tools/precision.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "codegen/emit.h"
#include "codegen/native.h"
#include "ir/error.h"
#include "ir/text.h"
#include "passes/pass.h"

namespace keratin {

Precision precision_of(const Arguments& arguments) {
  const std::string text = arguments.get("precision", "f32");
  if (text == "f32") return Precision::f32;
  if (text == "bf16") return Precision::bf16;
  throw Error(ErrorKind::usage, cat("'", text, "' is no precision"), "--precision", "f32, bf16");
}

Module in_precision(const Module& model, Precision precision) {
  return precision == Precision::bf16 ? round_operands(model) : clone(model);
}

std::string bf16_error(const Module& model, const Function& function, std::span<const Tensor> inputs) {
  const Target target = host_target();
  const auto results = [&](Precision precision) {
    const auto kernels = std::make_shared<const KernelModule>(
        compile_kernels(model, target, {.precision = precision, .convolutions = Convolutions::exact}));
    return jit_kernels(kernels, target, {}, 1)->call(function.name, inputs);
  };
  const std::vector<Tensor> exact = results(Precision::f32), rounded = results(Precision::bf16);
  double largest = 0, sum = 0, magnitude = 0;
  int64_t count = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    if (!is_float(exact[i].dtype())) continue;
    count += exact[i].elements();
    for (int64_t k = 0; k < exact[i].elements(); ++k) {
      const double difference = std::abs(rounded[i].get(k) - exact[i].get(k));
      sum += difference;
      largest = std::max(largest, difference);
      magnitude = std::max(magnitude, std::abs(exact[i].get(k)));
    }
  }
  char line[160];
  std::snprintf(line, sizeof line,
                "bf16 differs from f32 by at most %.3g, by %.3g on average, in results of up to %.3g\n",
                largest, sum / static_cast<double>(std::max<int64_t>(count, 1)), magnitude);
  return line;
}

}  // namespace keratin
