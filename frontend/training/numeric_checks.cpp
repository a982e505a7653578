#include "frontend/training/numeric_checks.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "frontend/expr.h"
#include "ir/rebuild.h"
#include "ir/text.h"

namespace keratin {
namespace {

class NumericChecks : public Rebuilder {
 public:
  explicit NumericChecks(const Function& step) : Rebuilder(step) {}

  Function run() {
    std::vector<std::pair<std::string, Expr>> gradients;
    for (const auto& node : source().nodes) {
      rebuild(*node);
      if (node->op == Op::gradient)
        for (size_t i = 0; i < node->types.size(); ++i)
          gradients.emplace_back(name_of(node->operands[i + 1]), expr(node->value(static_cast<uint32_t>(i))));
      else if (node->op != Op::param && node->op != Op::var && gradients.empty() && node->origin)
        for (uint32_t i = 0; i < node->types.size(); ++i)
          add(cat("layer ", *node->origin), expr(node->value(i)));
    }
    // They are made from the last layer to the first: where the last of them is NaN, it began.
    for (size_t i = gradients.size(); i-- > 0;)
      add(cat("gradient of ", gradients[i].first), gradients[i].second);
    for (const Update& update : source().updates) add(cat("update of ", update.variable), expr(update.value));
    for (const auto& [name, flag] : flags_) builder().result(name, flag.value());
    return renamed(builder().finish());
  }

 private:
  Expr expr(Value of_source) { return {builder(), mapped(of_source)}; }

  static std::string name_of(Value value) {
    return value.node->op == Op::var ? value.node->as<NameAttrs>().name : std::string("an array");
  }

  static Function renamed(Function function) {
    function.name = "check_numerics";
    return function;
  }

  void add(const std::string& name, const Expr& x) {
    if (!x || !is_float(x.dtype())) return;
    const Expr finite = less(unary(Op::abs, x), std::numeric_limits<double>::infinity());
    const Expr all = reduce(Op::reduce_and, finite, axes_from(finite, 0));
    const Expr bad = logical_not(all);
    for (auto& [known, flag] : flags_)
      if (known == name) {
        flag = logical_or(flag, bad);
        return;
      }
    flags_.emplace_back(name, bad);
  }

  std::vector<std::pair<std::string, Expr>> flags_;
};

}  // namespace

Function numeric_checks(const Function& train_step) { return NumericChecks(train_step).run(); }

}  // namespace keratin
