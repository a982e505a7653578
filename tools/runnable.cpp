#include "tools/runnable.h"

#include "codegen/strings.h"
#include "ir/string_table.h"
#include "runtime/abi.h"

namespace keratin {

namespace {

/// What reads the strings of an input, if it is made of some.
std::optional<StringReader> string_reader(const Module& module, const std::string& input, const Type& type) {
  const krt_strings* table = find_string_table(module.variables, input, type);
  if (table == nullptr) return {};
  const std::shared_ptr<const Tensor> data = string_variable(module.variables, input)->data;
  return StringReader{
      [table, data](const char* const* strings, const size_t* sizes, size_t count) {
        return krt_strings_length(table, strings, sizes, count);
      },
      [table, data](const char* const* strings, const size_t* sizes, size_t count, size_t length,
                    int64_t* to) { return krt_strings_encode(table, strings, sizes, count, length, to); },
      krt_strerror, krt_strings_makes_rows(table) != 0};
}

}  // namespace

Runnable make_runnable(const Module& module, const Function& function,
                       std::shared_ptr<Executable> executable) {
  Runnable result;
  for (const Node* param : function.params) {
    const std::string& name = param->as<NameAttrs>().name;
    result.inputs.push_back({name, param->type(), string_reader(module, name, param->type())});
  }
  for (const Result& output : function.results) result.outputs.push_back({output.name, output.value.type()});
  result.call = [name = function.name, executable = std::move(executable)](std::span<const Tensor> inputs) {
    return executable->call(name, inputs);
  };
  return result;
}

}  // namespace keratin
