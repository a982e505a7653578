#include "codegen/strings.h"

#include "ir/error.h"
#include "ir/string_table.h"
#include "ir/text.h"

namespace keratin {

const krt_strings* find_string_table(std::span<const Variable> variables, const std::string& input,
                                     const Type& type) {
  const Variable* variable = string_variable(variables, input);
  if (variable == nullptr) return nullptr;
  const Tensor* data = variable->data.get();
  const bool is_table =
      data != nullptr && krt_strings_check(reinterpret_cast<const unsigned char*>(data->data()),
                                           static_cast<size_t>(data->bytes())) != 0;
  if (!is_table) throw Error(ErrorKind::data, cat("@", variable->name, " is no table of strings"));
  const auto* table = reinterpret_cast<const krt_strings*>(data->data());
  if (type.dtype != DType::i64 || (krt_strings_makes_rows(table) != 0 && type.rank() != 2))
    throw Error(ErrorKind::data, cat("@", variable->name, " does not fit the input ", input));
  return table;
}

Dim integers_per_string(const krt_strings& table, const Type& type) {
  return krt_strings_makes_rows(&table) != 0 ? type.shape[1] : Dim(1);
}

std::vector<std::string> sample_strings(const krt_strings& table, size_t count) {
  const auto* bytes = reinterpret_cast<const char*>(&table);
  const auto* entries = reinterpret_cast<const krt_strings_entry*>(bytes + krt_strings_entries_at(&table));
  const auto token = [&](size_t i) -> std::string {
    if (table.entry_count == 0 || (table.unknown_count > 0 && i % 3 == 1)) return cat("unknown", i);
    const krt_strings_entry& entry = entries[i % table.entry_count];
    return {bytes + krt_strings_bytes_at(&table) + entry.at, entry.size};
  };
  const size_t tokens = krt_strings_makes_rows(&table) != 0 ? 5 : 1;
  std::vector<std::string> strings(count);
  for (size_t i = 0; i < count * tokens; ++i) strings[i / tokens] += cat(i % tokens > 0 ? " " : "", token(i));
  return strings;
}

}  // namespace keratin
