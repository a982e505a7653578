// Learning-rate schedules: the rate of an update as a function of the number of updates before it.
#pragma once

#include <deque>
#include <string>

#include "frontend/expr.h"
#include "frontend/json.h"
#include "frontend/training/serialized.h"

namespace keratin {

/// `step` is an f32 scalar.
using RateFn = Expr(const Args& args, const Expr& step);

struct ScheduleDef : ClassRow {
  RateFn* rate;
};

/// The rows of all schedules: Keras's, then those of plug-ins.
std::deque<ScheduleDef>& schedule_defs();

/// The rate that a serialized schedule gives for `step`, an f32 scalar. Throws Error(unsupported) for classes that no table has.
Expr scheduled_rate(const Json& schedule, const Expr& step, const std::string& where);

}  // namespace keratin
