#include "frontend/operations/tables.h"

namespace keratin {
namespace {

constexpr std::span<const OperationDef> (*kTables[])() = {pointwise_operations, reduce_operations,
                                                          shape_operations};

}  // namespace

const OperationDef* find_operation_def(std::string_view class_name) {
  for (const auto table : kTables)
    for (const OperationDef& row : table())
      if (row.class_name == class_name) return &row;
  return nullptr;
}

}  // namespace keratin
