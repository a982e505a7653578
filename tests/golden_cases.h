// The golden cases: models saved by real Keras with the arrays that went in and came out, and files that must be refused. One
// folder each, tests/golden/<suite>/<case>/; every folder below $KERATIN_GOLDEN that holds a case.json is one more.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/json.h"
#include "frontend/load.h"
#include "ir/error.h"
#include "ir/tensor.h"

namespace keratin {

struct GoldenCase {
  enum class Expect : uint8_t {
    match,
    refusal,
    either,  ///< from $KERATIN_GOLDEN: whether Keratin reads its classes is not known here
  };

  std::string name;  ///< "layers/conv1d"
  std::filesystem::path folder;
  std::vector<std::filesystem::path> files;  ///< the same model as model.keras, model.h5, model/
  Json info;                                 ///< case.json
  Expect expect;
  bool trains = false;  ///< a training run, not one prediction
  double atol = 0, rtol = 0;

  /// The extents that the case gives for what the model leaves free.
  ShapeOverrides free_extents() const;
  /// The arrays for the params of @predict, in its order.
  std::vector<Tensor> inputs(const Module& module) const;
  /// Expects Keras's outputs, their names included.
  void expect_outputs(const Module& module, std::span<const Tensor> outputs) const;
};

std::vector<GoldenCase> golden_cases();

enum class Suite : uint8_t { inference, training };

/// Reports to GoogleTest how many elements differ, and the first of them.
void expect_close(const Tensor& got, const Tensor& want, double atol, double rtol, const std::string& name);

/// Calls `run` for each file of each case of the suite. It returns if the file's outputs match, having reported what differs to
/// GoogleTest, and throws the Error by which the file is refused. Each file must do what its case expects. Prints how many
/// matched and what each refusal said.
void walk_golden_cases(std::string_view through, Suite suite,
                       const std::function<void(const GoldenCase&, const std::filesystem::path& file)>& run);

}  // namespace keratin
