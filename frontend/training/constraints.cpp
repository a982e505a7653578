#include "frontend/training/constraints.h"

#include "frontend/training/serialized.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr double kEpsilon = 1e-7;

/// Along the axes; an axis that is null stands for all.
Expr lengths(const Args& args, const Expr& x) {
  const bool all = args.config().has("axis") && args.config()["axis"].is_null();
  return unary(Op::sqrt, sum(x * x, all ? axes_from(x, 0) : args.ints("axis"), true));
}

/// `x` with `wanted` for its lengths along the axes.
Expr with_lengths(const Expr& x, const Expr& wanted, const Expr& lengths) {
  return x * (wanted / (lengths + kEpsilon));
}

constexpr Arg kAxisArg{"axis", ArgKind::ints, "0"};
constexpr Arg kMaxNormArgs[] = {{"max_value", ArgKind::real, "2"}, kAxisArg};
constexpr Arg kMinMaxNormArgs[] = {{"min_value", ArgKind::real, "0.0"},
                                   {"max_value", ArgKind::real, "1.0"},
                                   {"rate", ArgKind::real, "1.0"},
                                   kAxisArg};
constexpr Arg kUnitNormArgs[] = {kAxisArg};

Expr max_norm(const Args& args, const Expr& x) {
  const Expr norm = lengths(args, x);
  return with_lengths(x, clip(norm, 0, args.real("max_value")), norm);
}

/// With a rate below 1 the length goes only that part of the way.
Expr min_max_norm(const Args& args, const Expr& x) {
  const double rate = args.real("rate");
  const Expr norm = lengths(args, x);
  const Expr allowed = clip(norm, args.real("min_value"), args.real("max_value"));
  return with_lengths(x, allowed * rate + norm * (1 - rate), norm);
}

Expr unit_norm(const Args& args, const Expr& x) { return x / (lengths(args, x) + kEpsilon); }

constexpr ConstraintDef kConstraints[] = {
    {{"MaxNorm", "", kMaxNormArgs}, max_norm},
    {{"MinMaxNorm", "", kMinMaxNormArgs}, min_max_norm},
    {{"NonNeg", "", {}}, [](const Args&, const Expr& x) { return maximum(x, 0); }},
    {{"UnitNorm", "", kUnitNormArgs}, unit_norm},
};

}  // namespace

std::deque<ConstraintDef>& constraint_defs() {
  static std::deque<ConstraintDef> all(std::begin(kConstraints), std::end(kConstraints));
  return all;
}

Expr constrained(const Json& constraint, const Expr& x, const std::string& where) {
  const Serialized serialized = read_serialized(constraint, "the constraint");
  const auto& def = find_row(constraint_defs(), serialized.class_name, "constraint", where);
  return def.value(Args(def.args, serialized.config, cat(where, ": constraint ", def.class_name)), x);
}

}  // namespace keratin
