#include "ir/op.h"

#include <array>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

const OpDef& def_of(Op op) {
  static constexpr std::array<const OpDef*, kOpCount> kDefs{{
#define OP(name, family) &def_##name,
#include "ir/ops.def"
#undef OP
  }};
  return *kDefs[static_cast<size_t>(op)];
}

void not_differentiable(const GradientArgs&) {}

void differentiated_by_pass(const GradientArgs& args) {
  KERATIN_CHECK(false, cat(args.node.op, " has no gradient rule of its own"));
}

}  // namespace keratin
