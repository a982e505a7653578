// Kernel modules as machine code on memory that shows every access beside it: each buffer of a call (inputs, outputs, weights,
// state, planned temporaries, tile) lies against a page that must not be touched, with its end or with its beginning, and
// what is left of its other page is checked to be as before.
#pragma once

#include <memory>

#include "codegen/emit.h"
#include "codegen/target.h"
#include "ir/executor.h"

namespace keratin::testing {

/// Every call is made twice, with the forbidden pages behind the buffers and before them. Throws std::runtime_error from
/// call(), naming the buffer, if the code reads or writes beside one. One thread.
std::unique_ptr<Executable> guarded_kernels(std::shared_ptr<const KernelModule> module, const Target& target);

}  // namespace keratin::testing
