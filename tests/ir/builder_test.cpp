#include "ir/builder.h"

#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/op.h"
#include "ir/rebuild.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "ir/verify.h"

namespace keratin {
namespace {

const Dim N = Dim::batch();
const Type kMatrix(DType::f32, {N, 4});

std::string text_of(Builder& builder) { return print(builder.finish()); }

std::shared_ptr<const Tensor> tensor(std::vector<double> elements) {
  auto out =
      std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{static_cast<int64_t>(elements.size())});
  for (size_t i = 0; i < elements.size(); ++i) out->set(static_cast<int64_t>(i), elements[i]);
  return out;
}

TEST(Ops, EveryOpIsDescribed) {
  for (int i = 0; i < kOpCount; ++i) {
    const auto op = static_cast<Op>(i);
    EXPECT_EQ(parse_op(to_text(op)), op);
    EXPECT_FALSE(def_of(op).doc.empty()) << to_text(op);
  }
  EXPECT_EQ(to_text(Op::and_), "and");
  EXPECT_EQ(family_of(Op::conv), Family::contract);
  EXPECT_FALSE(parse_op("frobnicate"));
}

TEST(Builder, SharesEqualNodes) {
  Builder b("f");
  const Value x = b.param("x", kMatrix), y = b.param("y", kMatrix);
  EXPECT_EQ(b.add(x, y), b.add(x, y));
  EXPECT_NE(b.add(x, y), b.add(y, x));
  EXPECT_EQ(b.var("w", kMatrix), b.var("w", kMatrix));
  EXPECT_NE(b.var("w", kMatrix), b.var("v", kMatrix));
  EXPECT_EQ(b.constant(DType::f32, 2, {3}), b.constant(DType::f32, 2, {3}));
  EXPECT_NE(b.constant(DType::f32, 2, {3}), b.constant(DType::f32, 2, {4}));
  EXPECT_NE(b.constant(DType::f32, 0), b.constant(DType::f32, -0.0));
  EXPECT_EQ(b.constant(tensor({1, 2})), b.constant(tensor({1, 2})));
  EXPECT_NE(b.constant(tensor({1, 2})), b.constant(tensor({1, 3})));
  EXPECT_EQ(b.reduce(Op::reduce_sum, x, {1}), b.reduce(Op::reduce_sum, x, {1}));
  EXPECT_NE(b.reduce(Op::reduce_sum, x, {1}), b.reduce(Op::reduce_sum, x, {0}));
}

TEST(Builder, SharesEqualRegions) {
  const auto body = [] {
    Builder b;
    b.result("", b.neg(b.param("x", kMatrix)));
    return std::make_shared<const Function>(b.finish());
  };
  Builder b("f");
  const Value x = b.param("x", kMatrix);
  EXPECT_EQ(b.make_node(Op::fusion, {x}, NoAttrs{}, body()), b.make_node(Op::fusion, {x}, NoAttrs{}, body()));
}

TEST(Builder, LeavesOutWhatIsNotReached) {
  Builder b("f");
  const Value x = b.param("x", kMatrix);
  b.param("unused", kMatrix);
  b.exp(x);
  b.result("y", b.neg(x));
  const Function f = b.finish();
  EXPECT_EQ(print(f),
            "func @f(%x: f32[N,4], %unused: f32[N,4]) -> (%y: f32[N,4]) {\n"
            "  %0 = neg %x : f32[N,4]\n"
            "  return %0\n"
            "}\n");
  for (size_t i = 0; i < f.nodes.size(); ++i) EXPECT_EQ(f.nodes[i]->index, i);
}

TEST(Builder, VerbatimKeepsAll) {
  Builder b("f", Builder::Mode::verbatim);
  const Value x = b.param("x", kMatrix);
  EXPECT_NE(b.neg(x), b.neg(x));
  b.neg(b.neg(x));
  EXPECT_EQ(b.finish().nodes.size(), 5);
}

TEST(Builder, IsEmptyAfterFinish) {
  Builder b("f");
  b.result("x", b.neg(b.param("x", kMatrix)));
  b.finish();
  EXPECT_TRUE(b.finish().nodes.empty());
}

TEST(Builder, ErrorsNameOpAndOrigin) {
  Builder b("f");
  const Value x = b.param("x", kMatrix), y = b.param("y", Type(DType::f32, {N, 5}));
  try {
    b.set_origin(std::make_shared<const std::string>("encoder/dense"));
    b.add(x, y);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.where().starts_with("encoder/dense: add")) << error.where();
  }
}

TEST(Builder, ConstantsOfEqualElementsAreOneNumber) {
  Builder b("f");
  EXPECT_EQ(b.constant(tensor({2, 2, 2})), b.constant(DType::f32, 2, {3}));
  EXPECT_EQ(b.constant(tensor({})), b.constant(DType::f32, 0, {0}));
  EXPECT_FALSE(is_splat(b.constant(tensor({0, -0.0})), 0));
}

TEST(Builder, FoldsConstants) {
  Builder b("f");
  EXPECT_EQ(b.add(b.constant(tensor({1, 2})), b.constant(tensor({3, 4}))), b.constant(tensor({4, 6})));
  // Numbers stay numbers, of any shape.
  EXPECT_EQ(b.mul(b.constant(DType::f32, 2, {N, 4}), b.constant(DType::f32, 3, {N, 4})),
            b.constant(DType::f32, 6, {N, 4}));
  EXPECT_EQ(b.cast(b.constant(DType::i32, 3, {N}), DType::f32), b.constant(DType::f32, 3, {N}));
  EXPECT_EQ(b.lt(b.constant(DType::f32, 1), b.constant(DType::f32, 2)), b.constant(DType::boolean, 1));
  EXPECT_EQ(b.reduce(Op::reduce_sum, b.constant(tensor({1, 2, 3})), {0}), b.constant(DType::f32, 6));
  EXPECT_EQ(b.constant(DType::f32, 0.1), b.div(b.constant(DType::f32, 1), b.constant(DType::f32, 10)));
}

TEST(Builder, DoesNotFoldWhatGrows) {
  Builder b("f");
  const Value row = b.constant(tensor({1, 2}));
  EXPECT_EQ(b.broadcast(row, {1}, {1000, 2}).node->op, Op::broadcast);
  EXPECT_EQ(b.broadcast(b.constant(DType::f32, 1), {}, {1000, 2}).node->op, Op::constant);
  EXPECT_EQ(b.make(Op::iota, {}, IotaAttrs{0, DType::i32, {4}}).node->op, Op::iota);
  EXPECT_EQ(b.reduce(Op::reduce_sum, b.constant(DType::f32, 1, {1000, 1000}), {0, 1}).node->op,
            Op::reduce_sum);
  EXPECT_EQ(b.make(Op::stop_gradient, {b.constant(DType::f32, 1)}).node->op, Op::stop_gradient);
}

TEST(Builder, ConstantsOfALayout) {
  Builder b("f");
  const Value w = b.var("w", Type(DType::f32, {8, 40}, {1, 32}));
  const Value half = b.constant_like(w, 0.5);
  EXPECT_EQ(half.type(), w.type());
  b.result("y", b.mul(w, b.add(half, half)));
  EXPECT_EQ(text_of(b), "func @f() -> (%y: f32[8,40]{1:32}) {\n  return @w\n}\n");
}

// Rebuilding.

struct NegToExp : Rebuilder {
  using Rebuilder::Rebuilder;
  std::vector<Value> visit(const Node& node) override {
    return node.op == Op::neg ? std::vector{builder().exp(mapped(node.operands[0]))} : copy(node);
  }
};

Module sample() {
  return parse_module(R"(module @m {
  var @w : f32[N,4]
  var @v : f32[N,4] state
  func @f(%x: f32[N,4], %s: f32[N,4]) -> (%y: f32[N,4], %i: i32[N,4]) {
    %0 = neg %x : f32[N,4] loc("a")
    %1, %2 = sort %0 {axis = 1} : f32[N,4], i32[N,4]
    %3 = add %1, 0.5 : f32[N,4]
    %4 = constant [1.0, 2.0] : f32[2]
    %5 = mul %3, @w : f32[N,4]
    return %5, %2 updates @v = %3
  }
}
)",
                      "sample");
}

TEST(Rebuild, CopiesWhatIsNotChanged) {
  const Module module = sample();
  EXPECT_TRUE(equal(Rebuilder(module.functions[0], Builder::Mode::verbatim).run(), module.functions[0]));
}

TEST(Rebuild, ReplacesNodes) {
  const Module module = sample();
  const Function changed = NegToExp(module.functions[0]).run();
  EXPECT_EQ(print(changed, {.origins = true}),
            "func @f(%x: f32[N,4], %s: f32[N,4]) -> (%y: f32[N,4], %i: i32[N,4]) {\n"
            "  %0 = exp %x : f32[N,4] loc(\"a\")\n"
            "  %1, %2 = sort %0 {axis = 1} : f32[N,4], i32[N,4]\n"
            "  %3 = add %1, 0.5 : f32[N,4]\n"
            "  %4 = mul %3, @w : f32[N,4]\n"
            "  return %4, %2 updates @v = %3\n"
            "}\n");
}

TEST(Graph, CloneIsEqualAndApart) {
  const Module module = sample();
  const Module copy = clone(module);
  EXPECT_TRUE(equal(module, copy));
  check(copy);
  EXPECT_NE(module.functions[0].nodes[0].get(), copy.functions[0].nodes[0].get());
  EXPECT_FALSE(equal(NegToExp(module.functions[0]).run(), module.functions[0]));
}

TEST(Graph, FindsByName) {
  const Module module = sample();
  EXPECT_EQ(module.find_variable("v")->role, Role::state);
  EXPECT_EQ(module.find_variable("u"), nullptr);
  EXPECT_EQ(&module.function("f"), &module.functions[0]);
  try {
    module.function("g");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.hint(), "the functions are f");
  }
}

// What only C++ can make, the verifier refuses.

Module one_function() {
  Module module;
  Builder b("f");
  b.result("y", b.neg(b.param("x", kMatrix)));
  module.functions.push_back(b.finish());
  return module;
}

TEST(Verify, WrongTypes) {
  Module module = one_function();
  check(module);
  module.functions[0].nodes[1]->types = {Type(DType::f64, {N, 4})};
  EXPECT_THROW(check(module), Error);
  EXPECT_DEATH(verify(module), "found f64\\[N,4\\], expected f32\\[N,4\\](.|\n)*func @f");
}

TEST(Verify, WrongPlaces) {
  Module module = one_function();
  std::swap(module.functions[0].nodes[0], module.functions[0].nodes[1]);
  EXPECT_THROW(check(module), Error);
  module.functions[0].nodes[0]->index = 0;
  module.functions[0].nodes[1]->index = 1;
  EXPECT_THROW(check(module), Error);
}

TEST(Verify, ForeignValues) {
  Module module = one_function(), other = one_function();
  module.functions[0].nodes[1]->operands[0] = other.functions[0].nodes[0]->value();
  EXPECT_THROW(check(module), Error);
  module = one_function();
  module.functions[0].results[0].value.result = 1;
  EXPECT_THROW(check(module), Error);
}

TEST(Verify, Variables) {
  Module module = one_function();
  module.functions[0].updates.push_back({"w", module.functions[0].params[0]->value()});
  EXPECT_THROW(check(module), Error);
  module.variables.push_back({"w", kMatrix, Role::prepared, false, nullptr});
  EXPECT_THROW(check(module), Error);
  module.functions[0].name = "prepare";
  check(module);
  module.variables[0].data = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{2, 4});
  EXPECT_THROW(check(module), Error);
}

}  // namespace
}  // namespace keratin
