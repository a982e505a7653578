// Random graphs over all primitives, for differential tests: two ways of running a module must agree on all of them.
//
// A graph is drawn from a seed, op by op, each op with valid attributes and operands: values that are there already, if
// any fit, else new variables, constants and broadcasts. Shapes come from a small palette per graph (1, odd numbers, the
// batch, seldom an empty one), so that they meet again.
//
// Every value is computed while the graph is drawn, three times: as it is, and twice with noise put on what each op
// rounds, in opposite directions. An op is kept only if its results are finite, at most 1024, and move by little with
// the noise (integers: not at all). So no graph hangs on how something is rounded, and disagreement() can be strict.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/tensor.h"

namespace keratin::testing {

struct RandomGraphOptions {
  uint64_t seed = 1;
  std::vector<Op> without;  ///< ops that are not drawn, such as those that only passes put in
  /// One that stands here more often is drawn more often. Booleans, i32 and u32 arise in any case, from ops that give them.
  std::vector<DType> dtypes = {DType::f32, DType::f32,     DType::f32, DType::f32, DType::f32,
                               DType::f32, DType::f32,     DType::f32, DType::f64, DType::i32,
                               DType::i64, DType::boolean, DType::u32};
  int64_t symbols = 1;  ///< 0: all shapes are static; 1: N; 2: N and T
  int64_t fewest_nodes = 1,
          most_nodes = 30;       ///< beside parameters, variables, constants and their broadcasts
  int64_t most_elements = 1024;  ///< of any tensor
};

struct RandomGraph {
  Module module;  ///< verified; one function, "f"
  std::vector<Tensor> inputs;
  Bindings bindings;
};

RandomGraph random_graph(const RandomGraphOptions& options);

/// The graph's function with more results: "loss", a weighted sum of its float results, and its gradient for each float param,
/// "d" and the param's name. Weights differ from element to element.
Module with_gradients(const Module& module);

/// Empty if `found` is `expected`, up to what rounding in another order can do to a random graph; else what differs, and where.
std::string disagreement(const Tensor& expected, const Tensor& found);

/// Which ops were drawn, and which op's results another op read.
class OpCoverage {
 public:
  void add(const Module& module);  ///< bodies included
  int64_t count(Op op) const { return counts_[static_cast<size_t>(op)]; }
  int64_t count(Op producer, Op consumer) const {
    return pairs_[static_cast<size_t>(producer)][static_cast<size_t>(consumer)];
  }
  /// One line per op: how often it was drawn, how many different ops read its results, and of how many it read.
  std::string report() const;
  /// The ops that were drawn less than `times`, that fewer than `neighbours` ops read, or that read fewer.
  std::vector<std::string> gaps(int64_t times, int64_t neighbours) const;

 private:
  void add(const Function& function);
  std::pair<int64_t, int64_t> neighbours(Op op) const;  ///< consumers, producers

  std::array<int64_t, kOpCount> counts_{};
  std::array<std::array<int64_t, kOpCount>, kOpCount> pairs_{};
};

}  // namespace keratin::testing
