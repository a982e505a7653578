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

bool is_expensive(Op op) {
  switch (op) {
    case Op::exp:
    case Op::expm1:
    case Op::log:
    case Op::log1p:
    case Op::sin:
    case Op::cos:
    case Op::tanh:
    case Op::sigmoid:
    case Op::softplus:
    case Op::erf:
    case Op::pow:
    case Op::sqrt:
    case Op::rsqrt:
    case Op::div:
    case Op::rem:
    case Op::random_bits: return true;
    default: return false;
  }
}

void not_differentiable(const GradientArgs&) {}

void differentiated_elsewhere(const GradientArgs& args) {
  KERATIN_CHECK(false, cat(args.node.op, " has no gradient rule of its own"));
}

}  // namespace keratin
