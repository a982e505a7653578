#include "runtime/trainer/numeric_checks.h"

#include <algorithm>
#include <cmath>

#include "runtime/trainer/convert.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

NumericChecks::NumericChecks(Trainable& model) : model_(model) {
  if (model.info().checks.empty())
    throw Error(ErrorKind::usage, "the trainer was compiled without it", "--check-numerics",
                "keratin compile MODEL --trainer --check-numerics");
}

void NumericChecks::begin() {
  before_.clear();
  for (size_t i = 0; i < model_.info().variables.size(); ++i) before_.push_back(model_.get_variable(i));
}

void NumericChecks::end(const Batch& batch, double loss, int64_t epoch, int64_t step) {
  const std::vector<VariableInfo>& variables = model_.info().variables;
  std::string what;
  if (!std::isfinite(loss)) what = "the loss";
  for (size_t i = 0; i < variables.size() && what.empty(); ++i) {
    if (!variables[i].is_weight() || !is_float(variables[i].dtype)) continue;
    const Array now = model_.view_variable(i);
    if (first_misfit(now.dtype(), now.data(), now.dtype(), now.elements()) >= 0) what = variables[i].name;
  }
  if (what.empty()) return;
  for (size_t i = 0; i < variables.size(); ++i) model_.set_variable(i, before_[i]);
  throw Error(ErrorKind::numerics, cat(what, " became NaN or infinite, first in the ", first_of(batch)),
              cat("epoch ", epoch + 1, ", step ", step + 1),
              "smaller learning rates, scaled inputs or clipnorm may help");
}

std::string NumericChecks::first_of(const Batch& batch) const {
  std::vector<bool> found(model_.info().checks.size());  // a rank without samples has computed nothing
  if (batch.n > 0) found = model_.check_numerics(batch);
  int64_t first = std::find(found.begin(), found.end(), true) - found.begin();
  // Ranks check their own samples.
  if (Ranks* ranks = model_.ranks()) first = -ranks->greatest(-first);
  // The step itself may differ from the checks in the last bit, and in what overflows.
  if (static_cast<size_t>(first) == found.size()) return "step as a whole, but in no part of it";
  return model_.info().checks[static_cast<size_t>(first)];
}

}  // namespace keratin::trainer
