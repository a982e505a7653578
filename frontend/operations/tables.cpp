#include "frontend/operations/tables.h"

namespace keratin {
namespace {

constexpr std::span<const OperationDef> (*kTables[])() = {
    activation_operations,     arithmetic_operations, bits_operations,       compare_operations,
    create_operations,         ctc_operations,        elementary_operations, image_operations,
    image_sampling_operations, index_operations,      linalg_operations,     nn_operations,
    order_operations,          product_operations,    rearrange_operations,  reduce_operations,
    scatter_operations,        sequence_operations,   shape_operations,      window_operations,
};

}  // namespace

const OperationDef* find_operation_def(std::string_view class_name) {
  for (const auto table : kTables)
    for (const OperationDef& row : table())
      if (row.class_name == class_name) return &row;
  return nullptr;
}

}  // namespace keratin
