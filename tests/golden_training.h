// Golden training runs: what real Keras computed step by step, and the same by an Executable.
#pragma once

#include "frontend/load.h"
#include "ir/executor.h"
#include "tests/golden_cases.h"

namespace keratin {

/// Trains as the case says and compares with Keras: evaluation before and after, the loss of each step, the logs of each epoch, the
/// weights and outputs at the end. Reports to GoogleTest.
void expect_training_run(const GoldenCase& golden, const TrainableModule& model, Executable& executable);

}  // namespace keratin
