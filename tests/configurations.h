// Configurations: single layers and operations with arguments drawn at random, and what real Keras computes for them. A line each in
// tests/configurations/recorded/*.jsonl; tests/configurations/README.md says how they are made.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/json.h"
#include "ir/executor.h"
#include "ir/graph.h"
#include "ir/tensor.h"

namespace keratin {

/// Names of the files of configurations: "core", "ops".
std::vector<std::string> configuration_files();

/// One configuration: a model with one layer or operation, and numbers that follow from names (see `fill`).
class Configuration {
 public:
  explicit Configuration(Json line) : line_(std::move(line)) {}

  const std::string& name() const { return line_["name"].as_string(); }
  const Json& model() const { return line_["model"]; }  ///< as Keras serializes it, less what does not matter
  /// The functions @predict and, where Keras's gradients are recorded, @train; variables have their data. Throws Error if Keratin
  /// refuses the model.
  Module module() const;
  /// The same, of which only the outputs are compared, with free lengths: of steps, and of the sides of images. None if there are none.
  std::optional<Configuration> with_free_lengths() const;
  /// Runs both functions and reports to GoogleTest what differs from Keras.
  void expect(Executable& executable) const;

 private:
  std::vector<Tensor> inputs() const;
  void expect_outputs(const std::vector<Tensor>& outputs) const;
  void expect_gradients(const std::vector<Tensor>& results, const Executable& executable) const;
  double tolerance() const;

  Json line_;
};

/// The configurations of a file.
std::vector<Configuration> read_configurations(const std::string& file);

/// Names of the recorded models of keras.applications, sorted.
std::vector<std::string> application_names();
Configuration read_application(const std::string& name);

/// Numbers that follow from a name by the rule of tests/configurations/numbers_by_name.py.
Tensor fill(const std::string& name, DType dtype, const std::vector<int64_t>& shape, double low, double high);

}  // namespace keratin
