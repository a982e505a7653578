// Ranks as threads of this process: an executable of a partitioned module (passes/partition.cpp) that looks like one of the module itself.
#pragma once

#include <barrier>
#include <memory>
#include <span>
#include <vector>

#include "ir/executor.h"

namespace keratin {

/// Calls a function NAME of which there is a NAME.ranks on several interpreters at once, each with a part of the samples; other functions
/// on each of them. Expects equal bits of all.
class RankedExecutable : public Executable {
 public:
  RankedExecutable(const Module& partitioned, size_t ranks);
  ~RankedExecutable() override;

  std::vector<Tensor> call(std::string_view function, std::span<const Tensor> inputs) override;
  Tensor get_variable(std::string_view name) const override;
  void set_variable(std::string_view name, const Tensor& value) override;

 private:
  class Rank;
  struct Meeting {
    explicit Meeting(size_t ranks) : barrier(static_cast<std::ptrdiff_t>(ranks)), parts(ranks) {}
    std::barrier<> barrier;
    std::vector<Tensor> parts;
  };

  const Module& module_;
  Meeting meeting_;
  std::vector<std::unique_ptr<Rank>> ranks_;
  std::vector<std::unique_ptr<Executable>> executables_;
};

}  // namespace keratin
