// The tables of operations, one per file of this folder.
#pragma once

#include <span>

#include "frontend/operation.h"

namespace keratin {

std::span<const OperationDef> pointwise_operations();
std::span<const OperationDef> reduce_operations();
std::span<const OperationDef> shape_operations();

}  // namespace keratin
