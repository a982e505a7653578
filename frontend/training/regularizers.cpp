#include "frontend/training/regularizers.h"

#include "frontend/training/serialized.h"
#include "ir/text.h"

namespace keratin {
namespace {

using PenaltyFn = Expr(const Args& args, const Expr& x);

struct RegularizerDef : ClassRow {
  PenaltyFn* penalty;
};

Expr l1(const Expr& x, double factor) { return sum(unary(Op::abs, x), axes_from(x, 0)) * factor; }
Expr l2(const Expr& x, double factor) { return sum(x * x, axes_from(x, 0)) * factor; }

constexpr Arg kL1Args[] = {{"l1", ArgKind::real, "0.01"}};
constexpr Arg kL2Args[] = {{"l2", ArgKind::real, "0.01"}};
constexpr Arg kL1L2Args[] = {{"l1", ArgKind::real, "0.0"}, {"l2", ArgKind::real, "0.0"}};

constexpr RegularizerDef kRegularizers[] = {
    {{"L1", "", kL1Args}, [](const Args& args, const Expr& x) { return l1(x, args.real("l1")); }},
    {{"L2", "", kL2Args}, [](const Args& args, const Expr& x) { return l2(x, args.real("l2")); }},
    {{"L1L2", "l1_l2", kL1L2Args},
     [](const Args& args, const Expr& x) { return l1(x, args.real("l1")) + l2(x, args.real("l2")); }},
};

}  // namespace

Expr penalty(const Json& regularizer, const Expr& x, const std::string& where) {
  const Serialized serialized = read_serialized(regularizer, "the regularizer");
  const auto& def = find_row<RegularizerDef>(kRegularizers, serialized.class_name, "regularizer", where);
  return def.penalty(Args(def.args, serialized.config, cat(where, ": regularizer ", def.class_name)), x);
}

}  // namespace keratin
