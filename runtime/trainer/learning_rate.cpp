#include "runtime/trainer/learning_rate.h"

#include <algorithm>
#include <cstring>

#include "runtime/trainer/convert.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

void expect_settable_rates(const Trainable& model, const std::string& who) {
  const std::vector<LearningRate>& rates = model.info().learning_rates;
  if (rates.empty()) throw Error(ErrorKind::usage, "the model does not tell its learning rate", who);
  for (const LearningRate& rate : rates)
    if (!rate.variable)
      throw Error(ErrorKind::usage, cat("cannot set ", quoted(rate.name), ", which a schedule makes"), who,
                  "compile the trainer with --optimizer and a learning rate that is a number");
}

void set_learning_rate(Trainable& model, size_t index, double rate) {
  const size_t place = model.info().learning_rates[index].variable.value();
  const VariableInfo& variable = model.info().variables[place];
  Array value(variable.dtype, variable.shape);
  convert(DType::f64, &rate, variable.dtype, value.mutable_data(), 1);
  model.set_variable(place, value);
}

void log_learning_rates(Trainable& model, Logs& logs) {
  const std::vector<double> rates = model.learning_rates();
  for (size_t i = 0; i < rates.size(); ++i) {
    const std::string& name = model.info().learning_rates[i].name;
    const auto found =
        std::find_if(logs.begin(), logs.end(), [&](const auto& log) { return log.first == name; });
    if (found == logs.end())
      logs.emplace_back(name, rates[i]);
    else
      found->second = rates[i];
  }
}

bool is_learning_rate(const Trainable& model, const std::string& name) {
  const std::vector<LearningRate>& rates = model.info().learning_rates;
  return std::any_of(rates.begin(), rates.end(), [&](const LearningRate& rate) { return rate.name == name; });
}

std::string spoken_name(const Trainable& model, size_t index) {
  constexpr std::string_view kRate = "learning_rate";
  const std::string& name = model.info().learning_rates[index].name;
  return name.size() > kRate.size() ? cat(name.substr(kRate.size() + 1), " learning rate") : "learning rate";
}

}  // namespace keratin::trainer
