#include "frontend/training/regularizers.h"

#include "frontend/training/serialized.h"
#include "ir/text.h"

namespace keratin {
namespace {

Expr l1(const Expr& x, double factor) { return sum(unary(Op::abs, x), axes_from(x, 0)) * factor; }
Expr l2(const Expr& x, double factor) { return sum(x * x, axes_from(x, 0)) * factor; }

constexpr Arg kL1Args[] = {{"l1", ArgKind::real, "0.01"}};
constexpr Arg kL2Args[] = {{"l2", ArgKind::real, "0.01"}};
constexpr Arg kL1L2Args[] = {{"l1", ArgKind::real, "0.0"}, {"l2", ArgKind::real, "0.0"}};

constexpr Arg kOrthogonalArgs[] = {{"factor", ArgKind::real, "0.01"},
                                   {"mode", ArgKind::choice, "rows", "rows|columns"}};

/// The mean size of the cosines between rows, or columns, of a matrix.
Expr orthogonal(const Args& args, const Expr& x) {
  constexpr double kEpsilon = 1e-7;
  if (x.rank() != 2)
    args.reject("mode", cat("only a matrix has rows and columns, not ", to_text(x.shape())), {},
                ErrorKind::data);
  const Expr rows = args.choice("mode") == "rows" ? x : transpose(x, {1, 0});
  const Expr unit = rows * minimum(unary(Op::rsqrt, sum(rows * rows, {1}, true)), 1 / kEpsilon);
  const Expr cosines(
      x.builder(), x.builder().make(Op::dot, {unit.value(), unit.value()}, DotAttrs{.contract = {{1}, {1}}}));
  const Expr n = count(rows, {0});
  const Expr others = where(equal(places(cosines, 0), places(cosines, 1)), number(cosines, 0), cosines);
  return l1(others, args.real("factor") * 0.5) / (n * (n - 1) / 2);
}

constexpr RegularizerDef kRegularizers[] = {
    {{"L1", "", kL1Args}, [](const Args& args, const Expr& x) { return l1(x, args.real("l1")); }},
    {{"L2", "", kL2Args}, [](const Args& args, const Expr& x) { return l2(x, args.real("l2")); }},
    {{"L1L2", "l1_l2", kL1L2Args},
     [](const Args& args, const Expr& x) { return l1(x, args.real("l1")) + l2(x, args.real("l2")); }},
    {{"OrthogonalRegularizer", "", kOrthogonalArgs}, orthogonal},
};

}  // namespace

std::deque<RegularizerDef>& regularizer_defs() {
  static std::deque<RegularizerDef> all(std::begin(kRegularizers), std::end(kRegularizers));
  return all;
}

Expr penalty(const Json& regularizer, const Expr& x, const std::string& where) {
  const Serialized serialized = read_serialized(regularizer, "the regularizer");
  const auto& def = find_row(regularizer_defs(), serialized.class_name, "regularizer", where);
  return def.penalty(Args(def.args, serialized.config, cat(where, ": regularizer ", def.class_name)), x);
}

}  // namespace keratin
