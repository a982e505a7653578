// Comparisons, logic, and choosing by them.
#include <cmath>

#include "frontend/elementary.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

template <Expr (*function)(const Expr&, const Expr&)>
Outputs two(OperationCall& call) {
  const auto [a, b] = call.pair();
  return function(a, b);
}

Expr greater_than(const Expr& a, const Expr& b) { return less(b, a); }
Expr greater_or_equal(const Expr& a, const Expr& b) { return less_equal(b, a); }
Expr both(const Expr& a, const Expr& b) { return logical_and(as_boolean(a), as_boolean(b)); }
Expr either(const Expr& a, const Expr& b) { return logical_or(as_boolean(a), as_boolean(b)); }
Expr one_of_two(const Expr& a, const Expr& b) { return not_equal(as_boolean(a), as_boolean(b)); }

/// |a - b| ≤ atol + rtol·|b|; infinities only if they are equal.
Expr is_close(Expr a, Expr b, const Expr& rtol, const Expr& atol, bool equal_nan) {
  const auto size = [](const Expr& x) { return unary(Op::abs, x); };
  const Expr near = less_equal(size(a - b), atol + rtol * size(b));
  const Expr finite = logical_and(is_finite(a), is_finite(b));
  const Expr close = logical_or(logical_and(finite, near), equal(a, b));
  return equal_nan ? logical_or(close, logical_and(is_nan(a), is_nan(b))) : close;
}

constexpr Arg kIsCloseParams[] = {{"equal_nan", ArgKind::boolean, "false"}};

Outputs is_close_operation(OperationCall& call) {
  const auto [a, b] = call.real_pair();
  const auto tolerance = [&](size_t i, double otherwise) {
    return call.has(i) ? cast(call.tensor(i), a.dtype())
                       : Expr(call.builder(), call.builder().constant(a.dtype(), otherwise));
  };
  return is_close(a, b, tolerance(2, 1e-5), tolerance(3, 1e-8), call.args().boolean("equal_nan"));
}

constexpr Arg kAllCloseParams[] = {
    {"rtol", ArgKind::real, "1e-05"},
    {"atol", ArgKind::real, "1e-08"},
    {"equal_nan", ArgKind::boolean, "false"},
};

Outputs all_close(OperationCall& call) {
  const auto [a, b] = call.real_pair();
  const Expr close = is_close(a, b, number(b, call.args().real("rtol")), number(b, call.args().real("atol")),
                              call.args().boolean("equal_nan"));
  return reduce(Op::reduce_and, close, axes_from(close, 0));
}

Outputs where_operation(OperationCall& call) {
  if (!call.has(1) && !call.has(2))
    call.fail(
        "with the condition alone it gives as many places as there are: the shape would depend on data");
  const Expr condition = as_boolean(call.tensor(0));
  const auto [a, b] = call.pair(1);
  return where(condition, a, b);
}

/// The first choice whose condition holds.
Outputs select(OperationCall& call) {
  const std::vector<Expr> conditions = call.tensors(0), choices = call.tensors(1);
  if (conditions.size() != choices.size())
    call.fail(cat("has ", conditions.size(), " conditions for ", choices.size(), " choices"),
              ErrorKind::data);
  Expr common = choices[0];
  for (const Expr& choice : choices) common = cast(common, promote(common.dtype(), choice.dtype()));
  const Json zero = Json::of(int64_t{0});
  Expr result = call.has(2) && call.operand(2).tensor.value
                    ? call.tensor(2)
                    : call.beside(common, call.has(2) ? *call.operand(2).data : zero).second;
  for (size_t i = choices.size(); i-- > 0;) result = where(as_boolean(conditions[i]), choices[i], result);
  return result;
}

constexpr Arg kClipParams[] = {{"x_min", ArgKind::any, "null"}, {"x_max", ArgKind::any, "null"}};

/// Either bound may be absent, a number or an array.
Outputs clip_operation(OperationCall& call) {
  Expr x = call.tensor(0);
  if (x.dtype() == DType::boolean) x = cast(x, DType::i32);
  const auto bound = [&](std::string_view name, Expr (*function)(const Expr&, const Expr&)) {
    if (call.args().is_null(name)) return;
    const auto [value, limit] = call.beside(x, call.args().json(name));
    x = function(value, limit);
  };
  bound("x_min", maximum);
  bound("x_max", minimum);
  return x;
}

constexpr OperationDef kRows[] = {
    {"Equal", "x1 x2", two<equal>},
    {"NotEqual", "x1 x2", two<not_equal>},
    {"Less", "x1 x2", two<less>},
    {"LessEqual", "x1 x2", two<less_equal>},
    {"Greater", "x1 x2", two<greater_than>},
    {"GreaterEqual", "x1 x2", two<greater_or_equal>},
    {"Isclose", "x1 x2 rtol atol", is_close_operation, kIsCloseParams},
    {"AllClose", "x1 x2", all_close, kAllCloseParams},

    {"LogicalAnd", "x1 x2", two<both>},
    {"LogicalOr", "x1 x2", two<either>},
    {"LogicalXor", "x1 x2", two<one_of_two>},
    {"LogicalNot", "x", [](OperationCall& call) { return Outputs(logical_not(as_boolean(call.tensor(0)))); }},

    {"Where", "condition x1 x2", where_operation},
    {"Select", "condlist choicelist default", select},
    {"Clip", "x", clip_operation, kClipParams},
};

}  // namespace

std::span<const OperationDef> compare_operations() { return kRows; }

}  // namespace keratin
