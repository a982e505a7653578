// Golden training runs: what real Keras computed step by step, and the same by an Executable.
#pragma once

#include "frontend/load.h"
#include "ir/executor.h"
#include "tests/golden_cases.h"

namespace keratin {

/// Trains as the case says and compares with Keras: evaluation before and after, the loss of each step, the logs of each epoch, the
/// weights and outputs at the end. Reports to GoogleTest.
void expect_training_run(const GoldenCase& golden, const TrainableModule& model, Executable& executable);

/// Compares a history, one value per epoch by name, with Keras's.
void expect_history(const GoldenCase& golden, const std::map<std::string, std::vector<double>>& history);
/// Compares weights, given by name, with those that Keras had at the end.
void expect_final_weights(const GoldenCase& golden,
                          const std::function<Tensor(const std::string& name)>& weight);

}  // namespace keratin
