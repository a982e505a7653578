// docs/coverage.md: what of Keras is supported, made from the tables against Keras's public surface (tests/data/keras_surface.json).
// KERATIN_BLESS=1
// writes it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <optional>

#include "frontend/activations.h"
#include "frontend/layer.h"
#include "frontend/operation.h"
#include "frontend/training/constraints.h"
#include "frontend/training/initializers.h"
#include "frontend/training/losses.h"
#include "frontend/training/metrics.h"
#include "frontend/training/regularizers.h"
#include "frontend/training/schedules.h"
#include "frontend/training/update_rules.h"
#include "ir/text.h"
#include "tests/configurations.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

/// What a class takes, and what of it is refused.
struct Entry {
  std::vector<Arg> args;
  std::string refusal;  ///< why all of it is
};
constexpr std::string_view kLimits = R"(
## What the tables do not say

* At inference only: kernels quantized to float8, for whose training gradients are rounded to 8 bits on their way back; `lora_rank` beside
  quantized kernels.
* Training with `lora_rank` begins with adapters as `enable_lora()` makes them, the second one zero, and exports the kernels with what
  they add. Files have no adapters: what Keras loads has two that are zero, which no training changes.
* `AugMix` draws its chains in every step. Keras does so where nothing is traced, and else once per trace.
* Quantized: `Dense`, `EinsumDense`, `Embedding`, `ReversibleEmbedding` and `TernaryDense`, as Keras saves them.
* What Keras 3.16 corrects is computed as 3.15 does: `Tversky`, whose `alpha` and `beta` change places; `R2Score` and `FBetaScore` with
  weights of samples; label smoothing along another axis than the last.
* Layers that are in several models, or in one and around it, are one layer, though Keras itself cannot load such a file.
* `renorm` of `BatchNormalization` in files of Keras 2.
* Strings go from an input of the model to `StringLookup` or `TextVectorization`, nowhere else. Refused are `invert` of `StringLookup`, out
  of which strings would come; of `TextVectorization` `output_mode="one_hot"` with `split`, which gives ragged rows, `ngrams` without
  `split`, and Python functions as `standardize` and `split`.
* A `MeanMetricWrapper` and metrics or losses given as functions: those of Keras, by name; a function in Python is refused.
* `eigh` and `svd` give vectors that are Keras's up to their signs: the component of the greatest magnitude is positive, for `svd` that of
  the left vectors. Of matrices the shorter side has at most 256 elements, there and in `pinv`, `lstsq`, `matrix_rank` and norms.
* `unique` needs `size`, and `axis` only for vectors. The last two numbers of a transform in `image.affine_transform` are those of a
  projection, as Keras documents and computes on TensorFlow; on JAX they are not.
)";
using Find = std::function<std::optional<Entry>(const std::string& class_name)>;

bool is_initial(std::string_view argument) {
  for (const std::string_view ending : {"_initializer", "_regularizer", "_constraint"})
    if (argument.ends_with(ending)) return true;
  return false;
}

std::string code(std::string_view text) { return cat('`', text, '`'); }

class Document {
 public:
  explicit Document(const Json& surface, const Json& configs) : surface_(surface), configs_(configs) {}

  void write(std::string_view text) { text_ += text; }

  /// A table of classes. `kind`: their key in the surface.
  void classes(std::string_view title, const std::string& kind, const Find& find) {
    std::string rows, refused;
    int64_t count = 0, known = 0;
    for (const auto& [name, arguments] : surface_[kind].members()) {
      ++count;
      const std::optional<Entry> entry = find(name);
      if (!entry || !entry->refusal.empty()) {
        if (!entry) missing.push_back(cat(kind, " ", name));
        refused += cat("| ", code(name), " | refused: ", entry ? entry->refusal : "", " |\n");
        continue;
      }
      ++known;
      rows += cat("| ", code(name), " | ", arguments_of(kind, name, arguments, *entry), " |\n");
    }
    text_ += cat("\n## ", title, "\n\n", known, " of ", count,
                 " classes.\n\n| class | arguments |\n|---|---|\n", rows, refused);
  }

  void names(std::string_view title, const std::string& kind,
             const std::function<bool(const std::string&)>& is_known) {
    std::vector<std::string> known;
    for (const Json& name : surface_[kind].items()) {
      if (is_known(name.as_string()))
        known.push_back(code(name.as_string()));
      else
        missing.push_back(cat(kind, " ", name.as_string()));
    }
    text_ += cat("\n## ", title, "\n\nAll ", known.size(), ": ", join(known, ", "), ".\n");
  }

  void operations() {
    std::vector<std::string> known, constants;
    std::map<std::string, std::vector<std::string>> refused;
    for (const auto& [name, op] : surface_["ops"].members()) {
      if (op["class"].is_null()) {
        constants.push_back(code(name));
        continue;
      }
      const OperationDef* def = find_operation_def(op["class"].as_string());
      if (def == nullptr) {
        missing.push_back(cat("ops ", name));
      } else if (!def->refusal.empty()) {
        refused[std::string(def->refusal)].push_back(code(name));
      } else {
        known.push_back(code(name) + arguments_left_out(name, op["arguments"], *def));
      }
    }
    text_ += cat(
        "\n## Operations of keras.ops\n\nIn functional models ", known.size(), " of ",
        known.size() + std::accumulate(refused.begin(), refused.end(), size_t{0},
                                       [](size_t sum, const auto& row) { return sum + row.second.size(); }),
        " functions, with all arguments where nothing else is said:\n\n", join(known, ", "),
        ".\n\nThese make no node of a model, but constants or numbers of Python: ", join(constants, ", "),
        ".\n\n| refused | why |\n|---|---|\n");
    for (const auto& [why, names] : refused) text_ += cat("| ", join(names, ", "), " | ", why, " |\n");
  }

  const std::string& text() const { return text_; }

  std::vector<std::string> missing;  ///< that no table says anything about

 private:
  /// Whether the argument, a name, decides which row it is that reads the others.
  static bool is_read_before(const std::string& name, const std::string& argument) {
    return name == "MeanMetricWrapper" && argument == "fn";
  }

  /// Whether files hold the argument: of what there is no config for, it is taken for granted.
  bool is_saved(const std::string& kind, const std::string& name, const std::string& argument) const {
    if (name == "InputLayer") return false;  // as batch_shape
    const Json& examples = configs_[kind][name];
    return examples.is_null() || examples.at(0).has(argument);
  }

  std::string arguments_of(const std::string& kind, const std::string& name, const Json& arguments,
                           const Entry& entry) {
    std::vector<std::string> texts, unsaved;
    for (const Json& argument : arguments.items()) {
      const std::string& text = argument.as_string();
      const auto arg = std::find_if(entry.args.begin(), entry.args.end(),
                                    [&](const Arg& candidate) { return candidate.name == text; });
      if (arg != entry.args.end() && arg->kind == ArgKind::fixed) {
        texts.push_back(cat(code(text), " (only ", code(arg->fallback), ")"));
      } else if (arg != entry.args.end() || is_initial(text) || is_read_before(name, text)) {
        texts.push_back(code(text));
      } else if (!is_saved(kind, name, text)) {
        unsaved.push_back(code(text));
      } else {
        missing.push_back(cat(kind, " ", name, ": ", text));
      }
    }
    std::string all = join(texts, ", ");
    if (!unsaved.empty()) all += cat(all.empty() ? "" : "; ", "not saved by Keras: ", join(unsaved, ", "));
    return all.empty() ? "none" : all;
  }

  /// Arguments that the row knows neither as operands nor as parameters.
  std::string arguments_left_out(const std::string& name, const Json& arguments, const OperationDef& def) {
    if (def.operands.starts_with("*")) return {};
    for (const Json& argument : arguments.items()) {
      const std::string& text = argument.as_string();
      if (&argument == &arguments.items()[0]) continue;  // never a keyword of a node
      const bool is_param =
          std::any_of(def.params.begin(), def.params.end(), [&](const Arg& arg) { return arg.name == text; });
      if (!is_param && !operand_position(def, text) && text != "dtype" && text != "name")
        missing.push_back(cat("ops ", name, ": ", text));
    }
    std::string limits;
    for (const Arg& arg : def.params)
      if (arg.kind == ArgKind::fixed) limits += cat(" (", code(arg.name), " only ", code(arg.fallback), ")");
    return limits;
  }

  const Json &surface_, &configs_;
  std::string text_;
};

std::vector<Arg> own_arguments(const ClassRow& row) { return {row.args.begin(), row.args.end()}; }

/// The classes of rows; `base` is what they are made from.
template <typename Rows, typename ArgumentsOf>
Find rows_by_name(const Rows& rows, std::string_view base, const ArgumentsOf& all_arguments) {
  return [&rows, base, all_arguments](const std::string& name) -> std::optional<Entry> {
    if (name == base) return Entry{{}, "it is what the others are made from, and computes nothing"};
    for (const auto& row : rows)
      if (row.class_name == name) return Entry{all_arguments(row), {}};
    return std::nullopt;
  };
}

std::optional<Entry> find_layer(const std::string& name) {
  for (const RefusedLayer& row : refused_layers())
    if (row.class_name == name && find_layer_def(name) == nullptr) return Entry{{}, std::string(row.reason)};
  const LayerDef* def = find_layer_def(name);
  if (def == nullptr) return std::nullopt;
  return Entry{{def->args.begin(), def->args.end()}, {}};
}

TEST(Coverage, DocumentSaysWhatTheTablesSay) {
  const auto read = [](const char* name) {
    return Json::parse(read_file(in_tests(cat("data/", name))), name);
  };
  const Json surface = read("keras_surface.json"), configs = read("keras_defaults.json");
  Document document(surface, configs);
  document.write(cat(
      "# What of Keras is supported\n\nMade from Keratin's tables against the public surface of Keras ",
      surface["keras"].as_string(),
      ". All classes also take `name`, `dtype`, `trainable`, `seed` and, of layers, `autocast`. Each argument has all the "
      "values that Keras documents, unless the table says which; what is refused is refused when compiling, with the layer's "
      "name and the reason.\n"));
  document.classes("Layers", "layers", find_layer);
  document.names("Activations", "activations", [](const std::string& name) {
    // That of two parameters cannot be named; files have the operation.
    return name == "threshold" || std::any_of(activation_defs().begin(), activation_defs().end(),
                                              [&](const ActivationDef& def) { return def.name == name; });
  });
  document.operations();
  document.classes("Losses", "losses",
                   rows_by_name(loss_defs(), "Loss", [](const LossDef& row) { return arguments_of(row); }));
  document.classes("Metrics", "metrics", rows_by_name(metric_defs(), "Metric", own_arguments));
  document.classes(
      "Optimizers", "optimizers",
      rows_by_name(optimizer_defs(), "Optimizer", [](const OptimizerDef& row) { return arguments_of(row); }));
  document.classes("Learning rate schedules", "schedules",
                   rows_by_name(schedule_defs(), "LearningRateSchedule", own_arguments));
  document.classes("Initializers", "initializers",
                   rows_by_name(initializer_defs(), "Initializer", own_arguments));
  document.classes("Regularizers", "regularizers",
                   rows_by_name(regularizer_defs(), "Regularizer", own_arguments));
  document.classes("Constraints", "constraints",
                   rows_by_name(constraint_defs(), "Constraint", own_arguments));
  const std::vector<std::string> applications = application_names();
  document.names("Applications", "applications", [&](const std::string& name) {
    return std::find(applications.begin(), applications.end(), name) != applications.end();
  });
  document.write(kLimits);
  for (const std::string& missing : document.missing) ADD_FAILURE() << "no table knows " << missing;

  const std::string path = cat(KERATIN_SOURCE_DIR, "/docs/coverage.md");
  if (std::getenv("KERATIN_BLESS") != nullptr) std::ofstream(path) << document.text();
  EXPECT_EQ(read_file(path), document.text()) << "KERATIN_BLESS=1 writes it anew";
}

}  // namespace
}  // namespace keratin
