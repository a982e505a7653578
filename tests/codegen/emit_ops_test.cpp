// Every op of kernel IR as machine code, for every dtype and several numbers of lanes, on every processor level that this
// machine has: the same bits as the kernel interpreter, on all pairs of awkward operands.
#include <gtest/gtest.h>

#include "codegen/emit.h"
#include "op_modules.h"

namespace keratin {
namespace {

void check(const OpModule& ops) {
  const auto module = std::make_shared<const KernelModule>(ops.module());
  const std::vector<Tensor> expected = interpret_kernels(module)->call("predict", ops.inputs());
  for (const Target& target : host_levels()) {
    if (!ops.fits(target)) continue;
    const std::vector<Tensor> found = jit_kernels(module, target, {}, 1)->call("predict", ops.inputs());
    for (size_t i = 0; i < expected.size(); ++i)
      expect_same(expected[i], found[i], cat(ops.name(i), " on ", target.cpu));
  }
}

class EmitOps : public ::testing::TestWithParam<DType> {
 protected:
  OpModule ops{GetParam()};
};

TEST_P(EmitOps, Arithmetic) {
  add_arithmetic(ops, GetParam());
  check(ops);
}

TEST_P(EmitOps, ConstantOperands) {
  add_constant_operands(ops, GetParam());
  check(ops);
}

TEST_P(EmitOps, Casts) {
  add_casts(ops, GetParam());
  check(ops);
}

TEST_P(EmitOps, Folds) {
  add_folds(ops, GetParam());
  check(ops);
}

INSTANTIATE_TEST_SUITE_P(AllDTypes, EmitOps, ::testing::ValuesIn(kDTypes),
                         [](const auto& info) { return std::string(to_text(info.param)); });

TEST(EmitFma, RoundsOnce) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    OpModule ops(dtype);
    add_fma(ops, dtype);
    check(ops);
  }
}

}  // namespace
}  // namespace keratin
