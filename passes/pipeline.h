// From the graph as traced to the graph that codegen takes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ir/executor.h"
#include "ir/graph.h"
#include "passes/decisions.h"
#include "passes/memory_plan.h"

namespace keratin {

/// How contractions are computed: as the model says, or from operands rounded to bf16, with sums of f32.
enum class Precision : uint8_t { f32, bf16 };

/// How convolutions of f32 are computed: what may be lost of their exactness for speed (passes/winograd.cpp).
enum class Convolutions : uint8_t { exact, winograd, fast };

struct PipelineOptions {
  Precision precision = Precision::f32;
  Convolutions convolutions = Convolutions::winograd;
  bool distributed = false;  ///< training steps are there for one rank of many, too (passes/partition.cpp);
  std::set<std::string, std::less<>> own_layers;  ///< in these layers ranks go by their own samples
  bool slices = false;  ///< batches are cut where that is possible (passes/slices.h): those of any size,
  int64_t batch = 0;    ///< and those that were fixed to this number
  std::optional<WorkspaceLimit> workspace_limit;
  std::set<std::string, std::less<>> without_stages;  ///< functions in which each fusion stays a kernel
  std::vector<std::string> skip;                      ///< names of passes that are left out; not fuse
  /// Called after every pass.
  std::function<void(std::string_view pass, const Module& module)> after;
  Decisions* decisions = nullptr;  ///< where passes say what they decide, if somebody asks
};

/// Runs all passes, verifying after each. Leaves: every node of a function is a source, a view or a fusion; what depends on
/// weights alone is in the function `prepare`. Throws Error(unsupported) for what is too much to compile (passes/feasible.h).
Module optimize(const Module& module, const PipelineOptions& options = {});

/// `prepare` alone, with the variables that it uses; no function if there is none.
Module preparation_of(const Module& module);
/// What is left: prepared variables become weights, of zeros, and variables that no function uses any more are dropped.
Module without_preparation(const Module& module);

/// Runs `prepare` on an executor and keeps what it computes: prepared variables become weights with data, and `prepare` and
/// all variables that no function uses any more are dropped. The module itself if it has no `prepare`.
Module bake(const Module& module, Executor& executor);

}  // namespace keratin
