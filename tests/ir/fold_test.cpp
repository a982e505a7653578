// One test per identity, of the identity's name: the candidate, and what is taken instead. That every row of the table
// has a test is itself tested.
#include "ir/fold.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "ir/builder.h"
#include "ir/text.h"

namespace keratin {
namespace {

const Dim N = Dim::batch();

/// A builder with values to write candidates with.
struct Scene {
  Builder b{"f"};
  Value x = b.param("x", Type(DType::f32, {N, 2, 3}));
  Value i = b.param("i", Type(DType::i32, {N, 2, 3}));
  Value p = b.param("p", Type(DType::boolean, {N, 2, 3}));
  Value w = b.param("w", Type(DType::f32, {4, 6}));

  Value splat(double number) { return b.constant_like(x, number); }
  Value integer(double number) { return b.constant_like(i, number); }
  Value sevens(Shape shape) { return b.constant(DType::f32, 7, std::move(shape)); }
};

/// Expectations on what `make` gives.
using Test = std::function<void(Scene&)>;

void over_nothing(Scene& s, Op op, Value x) { EXPECT_EQ(s.b.make(op, {x}, AxesAttrs{}), x); }

const std::map<std::string, Test, std::less<>> kTests{
    {"neg_of_neg", [](Scene& s) { EXPECT_EQ(s.b.neg(s.b.neg(s.x)), s.x); }},
    {"not_of_not",
     [](Scene& s) {
       for (const Value v : {s.p, s.i}) EXPECT_EQ(s.b.make(Op::not_, {s.b.make(Op::not_, {v})}), v);
     }},
    {"cast_to_same", [](Scene& s) { EXPECT_EQ(s.b.make(Op::cast, {s.x}, CastAttrs{DType::f32}), s.x); }},
    {"add_nothing",
     [](Scene& s) {
       EXPECT_EQ(s.b.add(s.x, s.splat(-0.0)), s.x);
       EXPECT_EQ(s.b.add(s.splat(-0.0), s.x), s.x);
       EXPECT_EQ(s.b.add(s.i, s.integer(0)), s.i);
       EXPECT_EQ(s.b.add(s.x, s.splat(0)).node->op, Op::add) << "-0 + 0 is 0";
     }},
    {"sub_zero",
     [](Scene& s) {
       EXPECT_EQ(s.b.sub(s.x, s.splat(0)), s.x);
       EXPECT_EQ(s.b.sub(s.i, s.integer(0)), s.i);
       EXPECT_EQ(s.b.sub(s.x, s.splat(-0.0)).node->op, Op::sub) << "-0 - -0 is 0";
       EXPECT_EQ(s.b.sub(s.splat(0), s.x).node->op, Op::sub);
     }},
    {"mul_by_one",
     [](Scene& s) {
       EXPECT_EQ(s.b.mul(s.x, s.splat(1)), s.x);
       EXPECT_EQ(s.b.mul(s.x, s.splat(0)).node->op, Op::mul) << "NaN * 0 is NaN";
     }},
    {"one_times", [](Scene& s) { EXPECT_EQ(s.b.mul(s.integer(1), s.i), s.i); }},
    {"div_by_one",
     [](Scene& s) {
       EXPECT_EQ(s.b.div(s.x, s.splat(1)), s.x);
       EXPECT_EQ(s.b.div(s.splat(1), s.x).node->op, Op::div);
       EXPECT_EQ(s.b.div(s.x, s.x).node->op, Op::div) << "0 / 0 is NaN";
     }},
    {"max_of_same", [](Scene& s) { EXPECT_EQ(s.b.max(s.x, s.x), s.x); }},
    {"min_of_same", [](Scene& s) { EXPECT_EQ(s.b.min(s.x, s.x), s.x); }},
    {"and_of_same", [](Scene& s) { EXPECT_EQ(s.b.make(Op::and_, {s.p, s.p}), s.p); }},
    {"or_of_same", [](Scene& s) { EXPECT_EQ(s.b.make(Op::or_, {s.i, s.i}), s.i); }},
    {"select_by_constant",
     [](Scene& s) {
       const Value y = s.b.exp(s.x);
       EXPECT_EQ(s.b.select(s.b.constant_like(s.p, 1), s.x, y), s.x);
       EXPECT_EQ(s.b.select(s.b.constant_like(s.p, 0), s.x, y), y);
     }},
    {"select_same", [](Scene& s) { EXPECT_EQ(s.b.select(s.p, s.x, s.x), s.x); }},
    {"sum_over_nothing", [](Scene& s) { over_nothing(s, Op::reduce_sum, s.x); }},
    {"prod_over_nothing", [](Scene& s) { over_nothing(s, Op::reduce_prod, s.x); }},
    {"max_over_nothing", [](Scene& s) { over_nothing(s, Op::reduce_max, s.x); }},
    {"min_over_nothing", [](Scene& s) { over_nothing(s, Op::reduce_min, s.x); }},
    {"and_over_nothing", [](Scene& s) { over_nothing(s, Op::reduce_and, s.p); }},
    {"or_over_nothing", [](Scene& s) { over_nothing(s, Op::reduce_or, s.p); }},
    {"reshape_to_same", [](Scene& s) { EXPECT_EQ(s.b.reshape(s.x, {N, 2, 3}), s.x); }},
    {"reshape_of_splat",
     [](Scene& s) { EXPECT_EQ(s.b.reshape(s.sevens({N, 2, 3}), {N, 6}), s.sevens({N, 6})); }},
    {"reshape_of_reshape",
     [](Scene& s) {
       const Value twice = s.b.reshape(s.b.reshape(s.x, {N, 6}), {N, 3, 2});
       EXPECT_EQ(twice, s.b.reshape(s.x, {N, 3, 2}));
       EXPECT_EQ(s.b.reshape(twice, {N, 2, 3}), s.x);
     }},
    {"transpose_of_nothing", [](Scene& s) { EXPECT_EQ(s.b.transpose(s.x, {0, 1, 2}), s.x); }},
    {"transpose_of_splat",
     [](Scene& s) { EXPECT_EQ(s.b.transpose(s.sevens({N, 2, 3}), {2, 0, 1}), s.sevens({3, N, 2})); }},
    {"transpose_of_transpose",
     [](Scene& s) {
       const Value once = s.b.transpose(s.x, {1, 2, 0});
       EXPECT_EQ(s.b.transpose(once, {1, 2, 0}), s.b.transpose(s.x, {2, 0, 1}));
       EXPECT_EQ(s.b.transpose(once, {2, 0, 1}), s.x);
     }},
    {"broadcast_to_same", [](Scene& s) { EXPECT_EQ(s.b.broadcast(s.x, {0, 1, 2}, {N, 2, 3}), s.x); }},
    {"broadcast_of_splat",
     [](Scene& s) { EXPECT_EQ(s.b.broadcast(s.sevens({3}), {1}, {N, 3}), s.sevens({N, 3})); }},
    {"broadcast_of_broadcast",
     [](Scene& s) {
       const Value once = s.b.broadcast(s.w, {0, 2}, {4, N, 6});
       EXPECT_EQ(s.b.broadcast(once, {1, 2, 4}, {5, 4, N, 7, 6}),
                 s.b.broadcast(s.w, {1, 4}, {5, 4, N, 7, 6}));
     }},
    {"slice_of_all",
     [](Scene& s) {
       EXPECT_EQ(s.b.slice(s.x, {0, 0, 0}, {N, 2, 3}), s.x);
       EXPECT_NE(s.b.slice(s.x, {0, 1, 0}, {N, 2, 3}), s.x);
     }},
    {"slice_of_splat",
     [](Scene& s) { EXPECT_EQ(s.b.slice(s.sevens({N, 6}), {0, 1}, {N, 6}, {1, 2}), s.sevens({N, 3})); }},
    {"pad_by_nothing",
     [](Scene& s) { EXPECT_EQ(s.b.pad(s.w, s.b.constant(DType::f32, 0), {0, 0}, {0, 0}), s.w); }},
    {"pad_splat_with_itself",
     [](Scene& s) {
       EXPECT_EQ(s.b.pad(s.sevens({N, 6}), s.sevens({}), {0, 1}, {0, 1}), s.sevens({N, 8}));
       EXPECT_EQ(s.b.pad(s.sevens({N, 6}), s.b.constant(DType::f32, 0), {0, 1}, {0, 1}).node->op, Op::pad);
     }},
    {"concat_of_one", [](Scene& s) { EXPECT_EQ(s.b.concat({s.x}, 1), s.x); }},
    {"concat_of_splats",
     [](Scene& s) {
       EXPECT_EQ(s.b.concat({s.sevens({N, 2}), s.sevens({N, 3})}, 1), s.sevens({N, 5}));
       EXPECT_EQ(s.b.concat({s.sevens({N, 2}), s.b.constant(DType::f32, 1, {N, 2})}, 1).node->op, Op::concat);
     }},
    {"reverse_of_no_axes", [](Scene& s) { over_nothing(s, Op::reverse, s.x); }},
    {"reverse_of_splat",
     [](Scene& s) {
       EXPECT_EQ(s.b.make(Op::reverse, {s.sevens({N, 6})}, AxesAttrs{{1}}), s.sevens({N, 6}));
     }},
    {"relayout_to_same", [](Scene& s) { EXPECT_EQ(s.b.make(Op::relayout, {s.w}, LayoutAttrs{}), s.w); }},
    {"relayout_of_relayout",
     [](Scene& s) {
       const Value panels = s.b.make(Op::relayout, {s.w}, LayoutAttrs{{1, 32}});
       EXPECT_EQ(s.b.make(Op::relayout, {panels}, LayoutAttrs{{0, 16}}),
                 s.b.make(Op::relayout, {s.w}, LayoutAttrs{{0, 16}}));
       EXPECT_EQ(s.b.make(Op::relayout, {panels}, LayoutAttrs{}), s.w);
     }},
};

class Fold : public testing::TestWithParam<std::string> {};

TEST_P(Fold, Identity) {
  const auto test = kTests.find(GetParam());
  ASSERT_NE(test, kTests.end()) << "no test of this identity";
  Scene scene;
  test->second(scene);
}

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const Identity& identity : identities()) names.emplace_back(identity.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(, Fold, testing::ValuesIn(names()),
                         [](const testing::TestParamInfo<std::string>& info) { return info.param; });

TEST(FoldTable, NamesAreUniqueAndEveryTestHasARow) { EXPECT_EQ(kTests.size(), identities().size()); }

}  // namespace
}  // namespace keratin
