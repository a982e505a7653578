// Why a model is slow: what its kernels hand on in memory, and what else was decided.
#pragma once

#include <string>

#include "codegen/kernel.h"
#include "passes/decisions.h"

namespace keratin {

/// For people: a line per value that is handed on, and per other decision, for every program of the module.
std::string why_text(const KernelModule& module, const Decisions& decisions);

}  // namespace keratin
