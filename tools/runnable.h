// Something that can be called with arrays: a graph in an executor, or a compiled shared object.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/executor.h"
#include "ir/graph.h"
#include "tools/arrays.h"

namespace keratin {

struct Runnable {
  std::vector<Port> inputs, outputs;
  std::function<std::vector<Tensor>(std::span<const Tensor> inputs)> call;
};

/// `executable` holds the code of `function`, which is the module's.
Runnable make_runnable(const Module& module, const Function& function,
                       std::shared_ptr<Executable> executable);

/// A shared object that `keratin compile` made; `threads` run it. Its code is executed, initialisers included.
/// Throws Error(no_input) if it cannot be opened, Error(data) if it is no model.
Runnable open_library(const std::string& path, unsigned threads);

}  // namespace keratin
