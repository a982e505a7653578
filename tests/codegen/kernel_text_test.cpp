// The text form of kernel modules: print and parse undo each other; whatever is given, parsing ends in a module or an Error.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "codegen/kernel.h"
#include "codegen/vecmath.h"
#include "ir/error.h"
#include "kernel_texts.h"

namespace keratin {
namespace {

TEST(KernelText, PrintsWhatItParsed) {
  for (const std::string_view text : {kGemm, kEverything}) EXPECT_EQ(print(parse_kernels(text)), text);
}

TEST(KernelText, ConditionsAndIfStatementsAreToldApart) {
  const std::string text =
      "kernels @m\n\nkernel @k(%x: out f32[N])\n    par i in 0..N {\n  store %x[i] = 0.0\n  if i - 1 {\n"
      "    store %x[i] = 1.0 if i - 2\n  }\n}\n";
  const KernelModule module = parse_kernels(text);
  EXPECT_EQ(module.kernels[0].body.size(), 2u);
  EXPECT_EQ(print(module), text);
}

TEST(KernelText, ParsesWhatIsNotCanonical) {
  const std::string text =
      "kernels @m kernel @k(%x: out f32[N]) par i in 0..N { // a comment\n"
      "  unroll r in 0..1 { unroll s in 0..1 { store %x[1*i + (r + s)*1 + 3 - 3] = 0.0 if 0 } } }";
  EXPECT_EQ(print(parse_kernels(text)),
            "kernels @m\n\nkernel @k(%x: out f32[N])\n    par i in 0..N {\n  unroll r in 0..1, s in 0..1 {\n"
            "    store %x[i + r + s] = 0.0 if 0\n  }\n}\n");
}

TEST(KernelText, DoesNotDependOnHowVariablesAreNumbered) {
  const auto make = [](bool outer_first) {
    KernelModule module;
    Kernel& kernel = module.kernels.emplace_back();
    module.name = "m";
    kernel.name = "k";
    const BufferId y = add_buffer(kernel, {"y", DType::f32, {Dim(16)}, Mode::out});
    VarId i = 0, j = 0;
    if (outer_first) i = add_variable(kernel, "i");
    j = add_variable(kernel, "j");
    if (!outer_first) i = add_variable(kernel, "i");
    const Stmt store =
        store_stmt({.buffer = y, .at = {Index::variable(i) + Index::variable(j)}}, number(1.0f));
    kernel.body = {for_stmt(i, 0, 8, 1, LoopKind::serial, {for_stmt(j, 0, 8, 1, LoopKind::serial, {store})})};
    return print(module);
  };
  EXPECT_EQ(make(true), make(false));
  EXPECT_EQ(print(parse_kernels(make(false))), make(false));
}

TEST(KernelText, SharedNodesStayShared) {
  KernelModule module;
  module.name = "m";
  Kernel& kernel = module.kernels.emplace_back();
  kernel.name = "k";
  const BufferId x = add_buffer(kernel, {"x", DType::f32, {Dim(1)}, Mode::inout});
  ExprRef value = load(kernel, {.buffer = x, .at = {0}});
  for (int i = 0; i < 40; ++i) value = apply(Op::add, {value, value});  // a tree of 2^40 nodes
  kernel.body.push_back(store_stmt({.buffer = x, .at = {0}}, value));
  const std::string text = print(module);
  EXPECT_LT(text.size(), 2000u);
  EXPECT_EQ(print(parse_kernels(text)), text);
}

TEST(KernelText, DeepExpressionsAreCut) {
  KernelModule module;
  module.name = "m";
  Kernel& kernel = module.kernels.emplace_back();
  kernel.name = "k";
  const BufferId x = add_buffer(kernel, {"x", DType::f32, {Dim(3000)}, Mode::inout});
  ExprRef value = number(0.0f);
  for (int i = 0; i < 3000; ++i) value = apply(Op::add, {value, load(kernel, {.buffer = x, .at = {i}})});
  kernel.body.push_back(store_stmt({.buffer = x, .at = {0}}, value));
  const std::string text = print(module);
  EXPECT_EQ(print(parse_kernels(text)), text);
}

TEST(KernelText, RoundTripsElementaryFunctions) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    KernelModule module;
    module.name = "m";
    Kernel& kernel = module.kernels.emplace_back();
    kernel.name = "k";
    const BufferId x = add_buffer(kernel, {"x", dtype, {Dim(8)}, Mode::inout});
    const Access all{.buffer = x, .at = {0}, .lanes = 8};
    for (int op = 0; op < kOpCount; ++op) {
      if (!is_expanded_op(static_cast<Op>(op))) continue;
      const std::vector<ExprRef> args(static_cast<Op>(op) == Op::pow ? 2 : 1, load(kernel, all));
      for (const bool fma : {false, true})
        for (const Accuracy accuracy : {Accuracy::full, Accuracy::bf16})
          kernel.body.push_back(store_stmt(all, expand(static_cast<Op>(op), args, fma, accuracy)));
    }
    EXPECT_EQ(find_problem(module), "");
    const std::string text = print(module);
    EXPECT_EQ(print(parse_kernels(text)), text);
  }
}

std::string error_of(std::string_view text) {
  try {
    parse_kernels(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    return error.where() + ": " + error.message();
  }
  return "no error";
}

std::string error_in_kernel(const std::string& body) {
  return error_of(
      "kernels @m\nkernel @k(%x: in f32[N,4], %y: out f32[N,4], %w: in f16[2]) par i in 0..N {\n" + body +
      "\n}");
}

TEST(KernelText, ErrorsSayWhere) {
  EXPECT_EQ(error_of("module @m"), "kernels:1:1: expected kernels");
  EXPECT_EQ(error_of("kernels @m\nfoo"), "kernels:2:1: expected var, kernel or program");
  EXPECT_EQ(error_of("kernels @m\nvar @v: f32[N]"), "kernels:2:9: a variable has a fixed size");
  EXPECT_EQ(error_of("kernels @m program @p() -> (%y) memory 0 {}"),
            "kernels:1:29: there is no buffer \"y\"");
  EXPECT_EQ(error_of("kernels @m program @p() -> () memory 0 { launch @k() }"),
            "kernels:1:50: there is no kernel @k");
  EXPECT_EQ(error_in_kernel("store %x[i, 0] = 0.0"), "kernels:3:1: store into %x, which is only read");
  EXPECT_EQ(error_in_kernel("store %y[i] = 0.0"), "kernels:3:1: %y has 2 axes, not 1");
  EXPECT_EQ(error_in_kernel("store %y[i, 0] = 0.0:f64"),
            "kernels:3:1: what is stored into %y is f64 instead of f32");
  EXPECT_EQ(error_in_kernel("store %y[i, 0 : 4] = load %x[i, 0 : 2]"), "kernels:3:22: 2 lanes instead of 4");
  EXPECT_EQ(error_in_kernel("store %y[i, 0] = load %z[0]"), "kernels:3:24: there is no buffer %z");
  EXPECT_EQ(error_in_kernel("store %y[i, k] = 0.0\nfor k in 0..2 { }\nstore %y[i, k] = 0.0"),
            "kernels:5:13: k is used outside its scope");
  EXPECT_EQ(error_in_kernel("for i in 0..2 { }"), "kernels:3:5: there is a i already");
  EXPECT_EQ(error_in_kernel("for k in 0..2 step 0 { }"), "kernels:3:15: a step is at least 1");
  EXPECT_EQ(error_in_kernel("let v: f32 = add(1.0, 2.0:f64)"),
            "kernels:3:14: argument 0 of add is f32 instead of f64");
  EXPECT_EQ(error_in_kernel("let v: f32 = exp(1.0)"), "kernels:3:14: \"exp\" is no op of kernels");
  EXPECT_EQ(error_in_kernel("let v: f32 = $1"), "kernels:3:14: there is no $1");
  EXPECT_EQ(error_in_kernel("let v: f32 = cast f32(load %w[0])\nlet w: f32 = v\nlet v: f32 = w"),
            "kernels:5:5: there is a v already");
  EXPECT_EQ(error_in_kernel("let v: f16 = 0.0:f16"), "kernels:3:8: expected the type of a value");
  EXPECT_EQ(error_in_kernel("let v: f32 = a[0]"), "kernels:3:14: no accumulator a is in scope");
  EXPECT_EQ(error_in_kernel("let v: i32 = i32(i + lane)"), "kernels:3:18: lane stands where it cannot");
  EXPECT_EQ(error_in_kernel("let v: i64 = i64(i*i)"),
            "kernels:3:19: the product of two variables is no index");
  EXPECT_EQ(error_in_kernel("let v: i64 = i64(i div 0)"), "kernels:3:24: a divisor is at least 1");
}

TEST(KernelText, OverflowsAreErrors) {
  std::string index = "i";
  for (int depth = 0; depth < 8; ++depth) index = "99999999999*(" + index + ")";
  EXPECT_NE(error_in_kernel("let v: i64 = i64(" + index + ")").find("an index does not fit 64 bits"),
            std::string::npos);
  EXPECT_NE(error_of("kernels @m kernel @k(%x: in f32[99999999999,99999999999]) { }").find("64 bits"),
            std::string::npos);
}

TEST(KernelText, DepthIsLimited) {
  const auto nested = [](const std::string& open, const std::string& inner, const std::string& close) {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += open;
    text += inner;
    for (int i = 0; i < 100000; ++i) text += close;
    return text;
  };
  EXPECT_NE(error_in_kernel("let v: i64 = i64(" + nested("(", "i", ")") + ")").find("nested too deeply"),
            std::string::npos);
  EXPECT_NE(error_in_kernel("let v: f32 = " + nested("neg(", "0.0", ")")).find("nested too deeply"),
            std::string::npos);
  EXPECT_NE(error_in_kernel(nested("if i {", "", "}")).find("nested too deeply"), std::string::npos);
  std::string loops = "for k0 in 0..1", chain = "$1: f32 = neg(0.0)";
  for (int i = 1; i < 20000; ++i) {
    loops += ", k" + std::to_string(i) + " in 0..1";
    chain += " $" + std::to_string(i + 1) + ": f32 = neg($" + std::to_string(i) + ")";
  }
  EXPECT_NE(error_in_kernel(loops + " {}").find("nested too deeply"), std::string::npos);
  EXPECT_NE(error_in_kernel(chain + " let v: f32 = $1").find("nested too deeply"), std::string::npos);
}

TEST(KernelText, AnyDamageEndsInAnErrorOrAModule) {
  std::mt19937 random(11);
  const auto pick = [&](size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random); };
  for (int round = 0; round < 6000; ++round) {
    std::string text(round % 3 == 0 ? kGemm : kEverything);
    for (size_t edits = 1 + pick(3); edits > 0; --edits) {
      const size_t at = pick(text.size());
      switch (pick(4)) {
        case 0: text.erase(at, 1 + pick(8)); break;
        case 1: text.insert(at, text.substr(pick(text.size()), 1 + pick(12))); break;
        case 2: text[at] = static_cast<char>(pick(256)); break;
        default: text.resize(at + 1); break;
      }
    }
    try {
      const KernelModule module = parse_kernels(text);
      const std::string printed = print(module);
      EXPECT_EQ(print(parse_kernels(printed)), printed);
      (void)find_problem(module);
    } catch (const Error&) {}
  }
}

}  // namespace
}  // namespace keratin
