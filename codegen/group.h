// A fusion's region becomes a kernel: choice of loops for each kind of region.
#pragma once

#include "codegen/kernel.h"
#include "codegen/schedule.h"
#include "codegen/target.h"
#include "codegen/values.h"
#include "ir/graph.h"

namespace keratin {

struct Contraction;

/// The kernel of a region. Its parameters are the region's params (mode in), then its results (mode out).
/// Throws Error(unsupported) if the region holds something that has no lowering.
/// `keep_shapes`: buffers have the shapes that the region's values have (axes may be merged otherwise).
/// `accuracy`: of functions; whatever it is, bf16 suffices where all results are bf16.
Kernel lower_region(const Function& region, const std::string& name, const Target& target,
                    bool keep_shapes = false, Accuracy accuracy = Accuracy::full,
                    const Schedule& schedule = {});

/// A region being lowered: shared by the files lower_*.cpp.
struct RegionLowering {
  const Function& region;
  KernelWriter writer;
  Values values;
  std::vector<BufferId> outputs;  ///< by result
  Scheduler scheduler;

  RegionLowering(const Function& region, const std::string& name, const Target& target, Accuracy accuracy,
                 const Schedule& schedule);

  /// A parallel loop over an axis, cut into pieces of `block`: the range [low, high) of the piece.
  std::pair<Index, Index> par_range(const std::string& name, Dim extent, int64_t block);
  /// The range of a piece of `block`, by its number.
  std::pair<Index, Index> piece_range(const Index& piece, Dim extent, int64_t block);
  /// A parallel loop over all of an axis.
  Index par_index(const std::string& name, Dim extent);
  /// Whether a <= b always, or a >= b always; absent: neither is known.
  std::optional<bool> at_most(const Index& a, const Index& b) const;
  /// The lesser or greater of two bounds, as an index.
  Index smaller(const Index& a, const Index& b, Interval range);
  Index larger(const Index& a, const Index& b, Interval range);

  /// Vectors for elements of the widest dtype in the region.
  int lanes() const;
  /// Whether something is computed that is no single instruction: exponentials and the like.
  bool has_functions() const;
  /// How many vectors are written side by side in a loop over elements: functions are chains of instructions that wait for each other.
  int side_by_side() const;
  /// Evaluates all results at a point, then stores them.
  void store_results(const std::vector<uint32_t>& results, const Point& point);
  /// The same for results in panels: where `inside` does not hold, zeros are stored.
  void store_panels(const std::vector<uint32_t>& results, const Point& point, const Guard& inside);
};

/// Writes with vectors if that is asked for and possible, else with scalars.
void vectorize_or_not(KernelWriter& writer, bool vectors, const std::function<void(bool)>& write);

/// The loops over a block of elements: for every point of `shape` (vectors along one axis where that works), `body`.
void element_loops(RegionLowering& lowering, const Shape& shape, bool vectors,
                   const std::function<void(const Point&)>& body);

// One file each.
void lower_elements(RegionLowering& lowering);  ///< lower_elements.cpp: all results of one shape
void lower_rows(RegionLowering& lowering);      ///< lower_rows.cpp: stages that share a loop over rows
/// True if the kernel that lower_rows makes of a region may store a result where it reads a parameter.
bool rows_may_overwrite(const Function& region, size_t parameter, size_t result);
void lower_contraction(RegionLowering& lowering, const Node& contraction);  ///< lower_contraction.cpp
/// lower_tiles.cpp: a contraction by tiles; false if it cannot be, with nothing written.
bool lower_tiles(RegionLowering& lowering, const Node& contraction, const Contraction& problem);
void lower_winograd(RegionLowering& lowering, const Node& node);  ///< lower_winograd.cpp
void lower_scan(RegionLowering& lowering, const Node& scan);      ///< lower_scan.cpp
void lower_stages(RegionLowering& lowering);  ///< lower_stages.cpp: fusions, block by block
void lower_order(RegionLowering& lowering,
                 const Node& node);  ///< lower_order.cpp: sort, top_k, cumsum, cumprod
void lower_scatter(RegionLowering& lowering,
                   const Node& node);  ///< lower_scatter.cpp: scatter_add, pool_max_grad

}  // namespace keratin
