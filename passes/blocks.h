// Functions of which a part of each result can be computed from parts of the operands: rows of a batch, heads, images.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "ir/graph.h"

namespace keratin {

/// A dimension cut into blocks: an axis of `all` elements has blocks of `block`, one of k · all elements blocks of k · block.
struct Blocking {
  Dim all;
  int64_t block;

  /// The length of a block of an axis; nothing if that is no number.
  std::optional<int64_t> of(Dim extent) const;
  /// How many blocks there are. Requires: they make up all, whatever its symbol is.
  Dim count() const { return Dim(all.coef / block, all.symbol); }
};

/// By axis of a value: which blocking cuts it, or one of these.
using BlockedAxes = std::vector<int>;
constexpr int kWhole = -1;
/// It is whole, but a block of what is computed from it needs about as much of it: a block and its neighbours, or rows looked up.
constexpr int kWindow = -2;

/// Whether fusions may read windows: lines of an image are computed from their neighbours, too.
enum class Windows : uint8_t { refused, allowed };

/// Which axes of each value of a function are cut, from what is said of its results (and perhaps of others): block i of a result is
/// computed from block i of what has blocks, and from all of what has none. A batch of 32 and a layer of 32 units are told apart by
/// what is done with them.
class BlockAnalysis {
 public:
  BlockAnalysis(const Function& function, std::vector<Blocking> blockings,
                Windows windows = Windows::refused);

  /// The axes of a value must be cut so.
  void need(Value value, const BlockedAxes& axes);
  /// The same for all results: the function's i-th by `axes[i]`.
  void need_results(const std::vector<BlockedAxes>& axes);

  /// False if a block of some result depends on other blocks, or on which block it is, or if what is needed of a value by one reader is
  /// not what another one needs. After it, axes_of() and one_block() tell.
  bool run();

  /// Null: nothing reads it.
  const BlockedAxes* axes_of(Value value) const;
  /// The function for one block of everything. Its nodes are numbered as before. Requires: it has no windows.
  Function one_block() const;

  /// The type of a value's block.
  Type block_type(Value value) const;
  /// Blockings by which a fusion's results are cut, though it reads windows.
  const std::set<int>& windows(const Node& fusion) const { return windows_[fusion.index]; }
  /// What a fusion computes for one block, or for all of them where it reads windows.
  Function region_of_block(const Node& fusion) const;

 private:
  bool fits(const Type& type, const BlockedAxes& axes) const;
  void through(const Node& node, const BlockedAxes& axes);
  void through_conv(const Node& node, const BlockedAxes& axes);
  void through_gather(const Node& node, const BlockedAxes& axes);
  void through_dot(const Node& node, const BlockedAxes& axes);
  void through_reshape(const Node& node, const BlockedAxes& axes);
  void through_fusion(const Node& fusion);
  void through_all(const Node& node);
  BlockedAxes besides_windows(Value value, BlockedAxes axes);
  std::vector<BlockedAxes> results_of_fusion(const Node& fusion) const;
  Shape block_shape(Shape shape, Value value) const;
  void need_whole(Value value) { need(value, BlockedAxes(static_cast<size_t>(value.rank()), -1)); }

  friend class BlockRebuilder;
  const Function& function_;
  const std::vector<Blocking> blockings_;
  const Windows allowed_;
  std::vector<std::vector<std::optional<BlockedAxes>>> axes_;  // by node and result
  std::vector<std::set<int>> windows_;                         // by node
  bool fails_ = false;
};

}  // namespace keratin
