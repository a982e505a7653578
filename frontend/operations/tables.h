// The tables of operations, one per file of this folder.
#pragma once

#include <span>

#include "frontend/operation.h"

namespace keratin {

std::span<const OperationDef> activation_operations();
std::span<const OperationDef> arithmetic_operations();
std::span<const OperationDef> bits_operations();
std::span<const OperationDef> compare_operations();
std::span<const OperationDef> create_operations();
std::span<const OperationDef> ctc_operations();
std::span<const OperationDef> elementary_operations();
std::span<const OperationDef> image_operations();
std::span<const OperationDef> image_sampling_operations();
std::span<const OperationDef> index_operations();
std::span<const OperationDef> linalg_operations();
std::span<const OperationDef> nn_operations();
std::span<const OperationDef> order_operations();
std::span<const OperationDef> product_operations();
std::span<const OperationDef> rearrange_operations();
std::span<const OperationDef> reduce_operations();
std::span<const OperationDef> scatter_operations();
std::span<const OperationDef> sequence_operations();
std::span<const OperationDef> shape_operations();
std::span<const OperationDef> window_operations();

}  // namespace keratin
