#include "codegen/strings.h"

#include "ir/error.h"
#include "ir/string_table.h"
#include "ir/text.h"

namespace keratin {

const krt_strings* find_string_table(std::span<const Variable> variables, const std::string& input,
                                     const Type& type) {
  const std::string name = string_table_of(input);
  for (const Variable& variable : variables) {
    if (variable.name != name || !is_string_table(variable)) continue;
    const Tensor* data = variable.data.get();
    const bool is_table =
        data != nullptr && krt_strings_check(reinterpret_cast<const unsigned char*>(data->data()),
                                             static_cast<size_t>(data->bytes())) != 0;
    if (!is_table) throw Error(ErrorKind::data, cat("@", name, " is no table of strings"));
    const auto* table = reinterpret_cast<const krt_strings*>(data->data());
    if (type.dtype != DType::i64 || (krt_strings_makes_rows(table) != 0 && type.rank() != 2))
      throw Error(ErrorKind::data, cat("@", name, " does not fit the input ", input));
    return table;
  }
  return nullptr;
}

Dim integers_per_string(const krt_strings& table, const Type& type) {
  return krt_strings_makes_rows(&table) != 0 ? type.shape[1] : Dim(1);
}

}  // namespace keratin
