#include "codegen/c_names.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "ir/text.h"

namespace keratin {
namespace {

// Keywords of C23 and C++23, and words that are macros or operators somewhere a header may be read.
constexpr std::string_view kKeywords[] = {"alignas",     "alignof",
                                          "and",         "and_eq",
                                          "asm",         "assert",
                                          "auto",        "bitand",
                                          "bitor",       "bool",
                                          "break",       "case",
                                          "catch",       "char",
                                          "char16_t",    "char32_t",
                                          "char8_t",     "class",
                                          "co_await",    "co_return",
                                          "co_yield",    "compl",
                                          "complex",     "concept",
                                          "const",       "const_cast",
                                          "consteval",   "constexpr",
                                          "constinit",   "continue",
                                          "decltype",    "default",
                                          "delete",      "do",
                                          "double",      "dynamic_cast",
                                          "else",        "enum",
                                          "errno",       "explicit",
                                          "export",      "extern",
                                          "false",       "float",
                                          "for",         "friend",
                                          "goto",        "i386",
                                          "if",          "inline",
                                          "int",         "linux",
                                          "long",        "mutable",
                                          "namespace",   "new",
                                          "noexcept",    "not",
                                          "not_eq",      "nullptr",
                                          "operator",    "or",
                                          "or_eq",       "private",
                                          "protected",   "public",
                                          "register",    "reinterpret_cast",
                                          "requires",    "restrict",
                                          "return",      "short",
                                          "signed",      "sizeof",
                                          "static",      "static_assert",
                                          "static_cast", "struct",
                                          "switch",      "template",
                                          "this",        "thread_local",
                                          "throw",       "true",
                                          "try",         "typedef",
                                          "typeid",      "typename",
                                          "typeof",      "typeof_unqual",
                                          "union",       "unix",
                                          "unsigned",    "using",
                                          "virtual",     "void",
                                          "volatile",    "wchar_t",
                                          "while",       "xor",
                                          "xor_eq"};

// What follows PREFIX_ in the header besides the program, and the other names in a parameter list.
constexpr std::string_view kEntries[] = {"alloc",        "call",           "info",        "pool_create",
                                         "pool_destroy", "selftest",       "state_init",  "state_size",
                                         "strerror",     "workspace_size", "batch",       "input",
                                         "output",       "input_count",    "output_count"};
constexpr std::string_view kParameters[] = {"n",        "state",    "workspace", "pool",        "size_t",
                                            "int8_t",   "int16_t",  "int32_t",   "int64_t",     "uint8_t",
                                            "uint16_t", "uint32_t", "uint64_t",  "keratin_pool"};

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// `name` as an identifier, numbered until no spelling of it in any case is in `taken`, where it is entered.
std::string unique_identifier(std::string_view name, std::set<std::string>& taken) {
  std::string base = c_identifier(name);
  if (std::binary_search(std::begin(kKeywords), std::end(kKeywords), std::string_view(base))) base += "_";
  std::string candidate = base;
  for (int number = 2; !taken.insert(lower_case(candidate)).second; ++number)
    candidate = cat(base, "_", number);
  return candidate;
}

}  // namespace

std::string c_identifier(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool keep = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (keep) {
      out += c;
    } else if (!out.empty() && out.back() != '_') {
      out += '_';  // a run of other characters is one; a leading or double underscore would be reserved
    }
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  if (out.empty()) return "model";
  if (std::isdigit(static_cast<unsigned char>(out[0])) != 0) out.insert(out.begin(), 'm');
  return out;
}

CNames c_names(const Program& program, const std::vector<Symbol>& lengths) {
  std::set<std::string> entries(std::begin(kEntries), std::end(kEntries));
  CNames names;
  std::set<std::string> parameters(std::begin(kParameters), std::end(kParameters));
  for (const uint32_t i : program.inputs)
    names.inputs.push_back(unique_identifier(program.buffers[i].name, parameters));
  for (const std::string& input : names.inputs)
    for (const char* of_strings : {"encode_", "length_"}) entries.insert(lower_case(of_strings + input));
  names.entry = unique_identifier(program.name, entries);
  for (const uint32_t i : program.outputs)
    names.outputs.push_back(unique_identifier(program.buffers[i].name, parameters));
  for (const Symbol length : lengths)
    names.lengths.push_back(unique_identifier(lower_case(length.name()), parameters));
  return names;
}

std::string_view c_type(DType dtype) {
  switch (dtype) {
    case DType::boolean: return "uint8_t";
    case DType::i8: return "int8_t";
    case DType::i16: return "int16_t";
    case DType::i32: return "int32_t";
    case DType::i64: return "int64_t";
    case DType::u8: return "uint8_t";
    case DType::u16: return "uint16_t";
    case DType::u32: return "uint32_t";
    case DType::u64: return "uint64_t";
    case DType::f16: return "uint16_t";
    case DType::bf16: return "uint16_t";
    case DType::f32: return "float";
    case DType::f64: return "double";
  }
  return {};
}

}  // namespace keratin
