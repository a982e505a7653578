// Learning-rate schedules: the rate of an update as a function of the number of updates before it.
#pragma once

#include <string>

#include "frontend/expr.h"
#include "frontend/json.h"
#include "frontend/training/serialized.h"

namespace keratin {

/// The classes that there are, with their arguments.
std::vector<ClassRow> schedule_rows();

/// The rate that a serialized schedule gives for `step`, an f32 scalar. Throws Error(unsupported) for other classes.
Expr scheduled_rate(const Json& schedule, const Expr& step, const std::string& where);

}  // namespace keratin
