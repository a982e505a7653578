#include "runtime/trainer/data_options.h"

#include <cmath>
#include <optional>

#include "runtime/trainer/csv.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr std::string_view kTableOptions[] = {"label",   "features", "ignore",       "categorical",
                                              "one-hot", "missing",  "sample-weight"};

void check_missing(const std::string& rule) {
  if (rule.empty() || rule == "mean" || rule == "median" || rule == "drop") return;
  const std::optional<double> value = parse_double(rule);
  if (!value || !std::isfinite(*value))
    throw Error(ErrorKind::usage, cat(trainer::quoted(rule), " is no rule"), "--missing",
                "rules are mean, median, drop, or a number");
}

TableOptions table_options(const Arguments& arguments) {
  check_missing(arguments.get("missing"));
  return {.labels = arguments.get_all("label"),
          .features = arguments.get_all("features"),
          .ignored = arguments.get_all("ignore"),
          .categorical = arguments.get_all("categorical"),
          .one_hot = arguments.get_all("one-hot"),
          .missing = arguments.get("missing"),
          .sample_weight = arguments.get("sample-weight")};
}

}  // namespace

Dataset read_data(const Arguments& arguments, std::string_view option, const TrainableInfo& model,
                  Needs needs, const Encoding& known) {
  const std::vector<std::string> files = arguments.get_all(option);
  if (option == "data" && !is_table(files.at(0)))
    for (const std::string_view name : kTableOptions)
      if (arguments.has(name)) throw Error(ErrorKind::usage, "is for tables, .csv and .tsv", cat("--", name));
  return read_dataset(files, model, needs, table_options(arguments), known);
}

int64_t batch_size(const Arguments& arguments) { return arguments.get_int("batch-size", 32, 1, INT64_MAX); }

}  // namespace keratin::trainer
