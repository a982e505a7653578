// What this machine can do at most: multiply-adds of f32 and bf16, and bytes read from each level of its memory in a second,
// measured with kernels that do nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codegen/target.h"
#include "ir/tensor.h"

namespace keratin {

class Ceilings {
 public:
  /// Requires: runs_on_host(target), threads > 0.
  Ceilings(const Target& target, unsigned threads);

  struct Level {
    std::string_view name;  ///< "L1", "L2", "L3", "memory"
    int64_t holds;          ///< bytes, in the caches of all threads together
    std::optional<double> bytes_per_second;
  };

  /// Two for a multiply-add, of f32 or of bf16 summed in f32. Measured when it is first asked for.
  double flops_per_second(DType factors = DType::f32);
  bool has_measured(DType factors) const { return flops_per_second_.contains(factors); }
  /// The first level that holds `bytes`; its speed is measured when it is first asked for.
  const Level& level_of(int64_t bytes);
  /// All; those that nobody asked for are not measured.
  const std::vector<Level>& levels() const { return levels_; }

  /// Bytes that are read from the level that holds `among`.
  struct Reads {
    int64_t bytes, among;
  };
  struct Limit {
    double seconds;
    std::string_view by;  ///< "fma", or the level's name
  };
  /// The least time that takes so many floating point operations, `bf16_flops` of which have factors in bf16, and reads.
  Limit limit(double flops, double bf16_flops, const std::vector<Reads>& reads);

 private:
  double measure_tiles() const;
  double measure_reads(const Level& level) const;
  double measure_multiply_adds(const std::string& multiply_add, const Tensor& factors, int of_each) const;

  Target target_;
  unsigned threads_;
  std::map<DType, double> flops_per_second_;
  std::vector<Level> levels_;
};

}  // namespace keratin
