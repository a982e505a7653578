// Every pass on graphs of many thousand nodes, of the shapes at which passes grow slow or run out of stack. Each takes a second
// at most; where a step costs the square of the graph's size, it is minutes.
#include <gtest/gtest.h>

#include <chrono>

#include "ir/builder.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/pipeline.h"

namespace keratin::testing {
namespace {

#ifdef NDEBUG
constexpr int64_t kMany = 6000;
#else
constexpr int64_t kMany = 1000;
#endif
const Shape kRow{4};
const Type kVector(DType::f32, kRow);

class Large : public ::testing::Test {
 protected:
  Value variable(std::string name, Type type) {
    module_.variables.push_back({name, std::move(type), Role::weight, false, nullptr});
    return builder_.var(module_.variables.back());
  }

  void optimize_it() {
    module_.name = "large";
    module_.functions.push_back(builder_.finish());
    const auto start = std::chrono::steady_clock::now();
    result_ = optimize(module_);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(1));
  }

  Module module_, result_;
  Builder builder_{"f"};
};

TEST_F(Large, ChainOfPointwiseOps) {
  Value x = builder_.param("x", kVector);
  for (int64_t i = 0; i < kMany; ++i) x = builder_.make(i % 2 == 0 ? Op::tanh : Op::sin, {x});
  builder_.result("y", x);
  optimize_it();
  EXPECT_LE(result_.functions[0].nodes.size(), kMany / 200);  // a few hundred to a kernel
}

TEST_F(Large, ChainOfLayers) {
  Value x = builder_.param("x", kVector);
  for (int64_t i = 0; i < kMany / 4; ++i) {
    const Value w = variable(cat("w", i), Type(DType::f32, {4, 4}));
    x = builder_.make(Op::dot, {x, w}, DotAttrs{{{0}, {0}}, {}});
    x = builder_.make(Op::tanh, {builder_.add(x, variable(cat("b", i), kVector))});
  }
  builder_.result("y", x);
  optimize_it();
}

TEST_F(Large, ChainOfResidualLayers) {
  Value x = builder_.param("x", kVector);
  for (int64_t i = 0; i < kMany / 5; ++i) {
    const Value w = variable(cat("w", i), Type(DType::f32, {4, 4}));
    Value y = builder_.make(Op::tanh, {x});
    y = builder_.make(Op::dot, {y, w}, DotAttrs{{{0}, {0}}, {}});
    x = builder_.add(x, y);
  }
  builder_.result("y", x);
  optimize_it();
}

TEST_F(Large, ChainOfViewsAndSorts) {
  Value x = builder_.param("x", kVector);
  for (int64_t i = 0; i < kMany; ++i) {
    x = builder_.reshape(x, {2, 2});
    x = builder_.make_node(Op::sort, {x}, SortAttrs{.axis = 1})->value();
    x = builder_.reshape(x, {4});
    x = builder_.make(Op::tanh, {x});
  }
  builder_.result("y", x);
  optimize_it();
}

TEST_F(Large, ManyReductionsMeetAtTheEnd) {
  Value x = builder_.param("x", Type(DType::f32, {4, 4}));
  std::vector<Value> parts;
  for (int64_t i = 0; i < kMany / 4; ++i) {
    x = builder_.make(Op::tanh, {x});
    parts.push_back(builder_.reshape(builder_.reduce(Op::reduce_sum, x, {1}), {1, 4}));
  }
  parts.push_back(builder_.slice(x, {0, 0}, {1, 4}));
  builder_.result("y", builder_.concat(parts, 0));
  optimize_it();
}

TEST_F(Large, ManyReductionsAreSummedUp) {
  Value x = builder_.param("x", Type(DType::f32, {4, 4}));
  Value sum = builder_.param("s", kVector);
  for (int64_t i = 0; i < kMany / 4; ++i) {
    x = builder_.make(Op::tanh, {x});
    sum = builder_.add(sum, builder_.reduce(Op::reduce_sum, x, {1}));
  }
  builder_.result("y", sum);
  optimize_it();
}

TEST_F(Large, ManyReductionsAreReadAtOnceAndAtTheEnd) {
  const Value x = builder_.param("x", Type(DType::f32, {4, 4}));
  Value sum = builder_.param("s", kVector);
  std::vector<Value> parts;
  for (int64_t i = 0; i < kMany / 4; ++i) {
    const Value scaled = builder_.mul(x, builder_.constant(DType::f32, static_cast<double>(i) + 2, {4, 4}));
    const Value part = builder_.reduce(Op::reduce_sum, scaled, {1});
    sum = builder_.add(sum, part);
    parts.push_back(builder_.reshape(part, {1, 4}));
  }
  parts.push_back(builder_.reshape(sum, {1, 4}));
  builder_.result("y", builder_.concat(parts, 0));
  optimize_it();
}

TEST_F(Large, ManyUpdatesReadOneRate) {
  const Value rate = builder_.param("rate", Type(DType::f32, {}));
  const Value g = builder_.param("g", kVector);
  for (int64_t i = 0; i < kMany / 4; ++i) {
    const std::string name = cat("w", i);
    const Value w = variable(name, kVector);
    const Value gradient = builder_.mul(g, builder_.constant(DType::f32, static_cast<double>(i), kRow));
    builder_.update(name, builder_.sub(w, builder_.mul(gradient, builder_.broadcast(rate, {}, kRow))));
  }
  optimize_it();
}

TEST_F(Large, ManyUpdatesAfterContractions) {
  const Value rate = builder_.param("rate", Type(DType::f32, {}));
  Value x = builder_.param("x", Type(DType::f32, {4, 4}));
  for (int64_t i = 0; i < kMany / 5; ++i) {
    const std::string name = cat("w", i);
    const Value w = variable(name, Type(DType::f32, {4, 4}));
    x = builder_.make(Op::dot, {x, w}, DotAttrs{{{1}, {0}}, {}});
    const Value step = builder_.mul(x, builder_.broadcast(rate, {}, {4, 4}));
    builder_.update(name, builder_.sub(w, step));
  }
  optimize_it();
}

TEST_F(Large, ManyWeightsArePrepared) {
  const Value x = builder_.param("x", kVector);
  Value sum = x;
  for (int64_t i = 0; i < kMany / 2; ++i)
    sum = builder_.max(sum, builder_.exp(variable(cat("w", i), kVector)));
  builder_.result("y", sum);
  optimize_it();
  EXPECT_EQ(result_.variables.size(), static_cast<size_t>(kMany));
}

TEST_F(Large, ManyArraysOfConstants) {
  Value x = builder_.param("x", kVector);
  for (int64_t i = 0; i < kMany / 2; ++i) {
    auto data = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{4});
    data->set(0, static_cast<double>(i) + 1);
    x = builder_.max(x, builder_.constant(std::move(data)));
  }
  builder_.result("y", x);
  optimize_it();
}

TEST_F(Large, FixedValuesReadTwiceByEachOther) {
  // Without variables, so that looking for the first one goes along every path.
  const Value p = builder_.param("p", kVector);
  Value x = builder_.make(Op::iota, {}, IotaAttrs{0, DType::f32, kRow});
  for (int64_t i = 0; i < kMany; ++i) x = builder_.add(builder_.make(Op::sin, {x}), x);
  builder_.result("y", builder_.add(p, x));
  optimize_it();
}

TEST_F(Large, OneValueReadByMany) {
  const Value x = builder_.param("x", kVector);
  const Value shared = builder_.exp(x);
  std::vector<Value> parts;
  for (int64_t i = 0; i < kMany; ++i) {
    const Value scaled =
        builder_.mul(shared, builder_.constant(DType::f32, static_cast<double>(i) + 2, kRow));
    parts.push_back(builder_.reshape(builder_.reduce(Op::reduce_sum, scaled, {0}), {1}));
  }
  builder_.result("y", builder_.concat(parts, 0));
  optimize_it();
}

}  // namespace
}  // namespace keratin::testing
