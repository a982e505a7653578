#include "runtime/trainer/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

using nlohmann::json;

struct Malformed {
  std::string message;
};

json parse(std::string_view text) {
  std::vector<std::set<std::string>> keys;  // of the objects around
  const auto check = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      throw Malformed{cat("the key ", trainer::quoted(parsed.get<std::string>()), " occurs twice")};
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& error) {
    const std::string words = error.what();  // "[json.exception.parse_error.101] parse error at …"
    throw Malformed{words.substr(std::min(words.find("] ") + 2, words.size()))};
  }
}

struct DTypeName {
  std::string_view text;
  DType dtype;
};
constexpr DTypeName kDTypeNames[kDTypeCount] = {
    {"BOOL", DType::boolean}, {"I8", DType::i8},   {"I16", DType::i16},   {"I32", DType::i32},
    {"I64", DType::i64},      {"U8", DType::u8},   {"U16", DType::u16},   {"U32", DType::u32},
    {"U64", DType::u64},      {"F16", DType::f16}, {"BF16", DType::bf16}, {"F32", DType::f32},
    {"F64", DType::f64}};

uint64_t whole_number(const json& value) {
  if (!value.is_number_unsigned()) throw Malformed{"shape and data_offsets are whole numbers"};
  return value.get<uint64_t>();
}

TensorEntry parse_entry(const std::string& name, const json& value) {
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets") || !value["dtype"].is_string() || !value["shape"].is_array() ||
      !value["data_offsets"].is_array() || value["data_offsets"].size() != 2)
    throw Malformed{"expected an object of dtype, shape and data_offsets"};
  TensorEntry entry;
  entry.name = name;
  const std::string& text = value["dtype"].get_ref<const std::string&>();
  const auto* found = std::find_if(std::begin(kDTypeNames), std::end(kDTypeNames),
                                   [&](const DTypeName& candidate) { return candidate.text == text; });
  if (found == std::end(kDTypeNames))
    throw Malformed{cat("elements of type ", trainer::quoted(text.substr(0, 40)), " are not read")};
  entry.dtype = found->dtype;
  for (const json& dimension : value["shape"]) {
    const uint64_t n = whole_number(dimension);
    if (n > static_cast<uint64_t>(INT64_MAX)) throw Malformed{"a dimension is too large"};
    entry.shape.push_back(static_cast<int64_t>(n));
  }
  entry.begin = whole_number(value["data_offsets"][0]);
  entry.end = whole_number(value["data_offsets"][1]);
  return entry;
}

}  // namespace

ClassWeight parse_class_weight(std::string_view text) {
  const auto refuse = [](const std::string& message) {
    throw Error(ErrorKind::usage, message, "--class-weight",
                R"(a JSON object from class numbers to weights, such as '{"0": 1.0, "1": 2.5}')");
  };
  ClassWeight weights;
  try {
    const json object = parse(text);
    if (!object.is_object()) refuse("is no JSON object");
    for (const auto& [key, value] : object.items()) {
      int64_t number = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
      if (error != std::errc() || end != key.data() + key.size() || number < 0)
        refuse(cat(trainer::quoted(key), " is no class number"));
      const double weight = value.is_number() ? value.get<double>() : -1;
      if (!(weight >= 0) || !std::isfinite(weight))
        refuse(cat("the weight of class ", key, " is no number of at least 0"));
      if (!weights.emplace(number, weight).second) refuse(cat("class ", number, " occurs twice"));
    }
  } catch (const Malformed& malformed) {
    refuse(malformed.message);
  }
  return weights;
}

std::vector<TensorEntry> parse_safetensors_header(std::string_view text, const std::string& where) {
  std::vector<TensorEntry> entries;
  std::string here = cat(where, ": header");
  try {
    const json object = parse(text);
    if (!object.is_object()) throw Malformed{"is no JSON object"};
    for (const auto& [name, value] : object.items()) {
      if (name == "__metadata__") continue;
      here = cat(where, ": array ", trainer::quoted(name));
      entries.push_back(parse_entry(name, value));
    }
  } catch (const Malformed& malformed) {
    throw Error(ErrorKind::data, malformed.message, here);
  }
  return entries;
}

std::string format_safetensors_header(const std::vector<TensorEntry>& entries) {
  std::string text;
  for (const TensorEntry& entry : entries) {
    text += cat(text.empty() ? "{" : ",", trainer::quoted(entry.name), ":{\"dtype\":\"",
                kDTypeNames[static_cast<size_t>(entry.dtype)].text, "\",\"shape\":[", join(entry.shape, ","),
                "],\"data_offsets\":[", entry.begin, ",", entry.end, "]}");
  }
  return text.empty() ? "{}" : text + "}";
}

}  // namespace keratin::trainer
