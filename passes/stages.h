// Fusions that one kernel computes, block by block, one after the other.
//
//     scores = q · kᵀ        softmax        softmax(scores) · v
//
// are three fusions: each reads all of what the one before it has stored. But for one head of one sample they need only what they
// computed for the same head and sample, and that is little: it stays in a core's cache. A region of fusions is such a kernel: its
// pieces are blocks of the result, and each goes through all stages.
#pragma once

#include <optional>
#include <vector>

#include "passes/blocks.h"
#include "passes/decisions.h"

namespace keratin {

/// How a region of fusions is cut into pieces, and what is in each.
struct StageBlocks {
  std::vector<Blocking> blockings;   ///< a piece is one block of each
  std::vector<BlockedAxes> results;  ///< of the region
  int64_t pieces = 1;                ///< with 1 for every symbol
  int64_t bytes = 0;                 ///< that the stages of a piece leave
  int64_t read_again = 0;            ///< bytes of parameters that several pieces read
  double operations = 0;             ///< of a piece
};

/// When stages pay.
struct StageLimits {
  int64_t least_value = 256 << 10;  ///< bytes of what is handed on
  int64_t least_pieces = 8;         ///< enough to keep some threads busy
  int64_t most_bytes = 384 << 10;   ///< of a piece: what second-level caches hold
  int64_t free_read = 32 << 10;     ///< bytes that no piece minds to read again
  double operations_per_byte = 16;  ///< of what is read again: then the operations take longer
  int64_t most_read_again = 8;      ///< bytes for each that stays in cache
};

/// Pieces none of which computes what another one does; nothing if there are none such. Within the limits if that is possible.
/// Requires: every node of the region is a parameter or a fusion, and there is one.
std::optional<StageBlocks> stage_blocks(const Function& region, const StageLimits& limits = {});

/// The pass `stages` with other limits.
Module join_stages(const Module& module, const StageLimits& limits, Decisions* decisions = nullptr);

}  // namespace keratin
