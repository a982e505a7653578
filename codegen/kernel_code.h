// A kernel in a form that runs quickly without machine code: the kernel interpreter's inner half.
//
// Built once for given values of the symbols: every expression becomes a list of steps on slots of a frame, each a function
// on `lanes` elements; every index a sum over an array of variables; every access strides and extents. Loops, conditions
// and accumulators are run as they stand. Every access is checked against its buffer.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "codegen/kernel.h"

namespace keratin {

class KernelCode {
 public:
  /// `kernel` must outlive the code.
  KernelCode(const Kernel& kernel, const Bindings& bindings);
  ~KernelCode();
  KernelCode(KernelCode&&) noexcept;

  /// Runs all pieces in order; `buffers` are the parameters. Aborts, naming kernel, statement and indices, if an access
  /// leaves its buffer.
  void run(std::span<std::byte* const> buffers) const;

  struct Impl;

 private:
  std::unique_ptr<const Impl> impl_;
};

}  // namespace keratin
