#include "frontend/dtype_policy.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

struct DTypeName {
  std::string_view name;
  DType dtype;
};
constexpr DTypeName kDTypeNames[] = {
    {"bool", DType::boolean}, {"int8", DType::i8},     {"int16", DType::i16},     {"int32", DType::i32},
    {"int64", DType::i64},    {"uint8", DType::u8},    {"uint16", DType::u16},    {"uint32", DType::u32},
    {"uint64", DType::u64},   {"float16", DType::f16}, {"bfloat16", DType::bf16}, {"float32", DType::f32},
    {"float64", DType::f64},
};

struct Mode {
  std::string_view name;
  Quantization quantization;
  int numbers;  ///< that follow its name: "gptq/4/128"
};
constexpr Mode kModes[] = {
    {"int8", Quantization::int8, 0},     {"int4", Quantization::int4, 0},
    {"int4", Quantization::int4, 1},     {"gptq", Quantization::gptq, 2},
    {"float8", Quantization::float8, 0}, {"ternary", Quantization::ternary, 0},
    {"awq", Quantization::awq, 2},
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t from = 0; from <= text.size();) {
    const size_t to = std::min(text.find(separator, from), text.size());
    parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

std::optional<int64_t> number_in(std::string_view text) {
  if (text == "None") return -1;  // what older versions wrote for groups of all rows
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

[[noreturn]] void reject(std::string_view name, const std::string& where) {
  if (name == "string")
    throw Error(ErrorKind::unsupported, "strings are not supported", where,
                "turn them into numbers before the model");
  if (name.starts_with("complex"))
    throw Error(ErrorKind::unsupported, "complex numbers are not supported", where,
                "keep real and imaginary parts as two tensors");
  throw Error(ErrorKind::unsupported, cat("there is no dtype policy ", quoted(std::string(name))), where,
              "known are mixed_float16, mixed_bfloat16 and the dtypes, float32 for one");
}

DType dtype_named(std::string_view name, const std::string& where) {
  for (const DTypeName& known : kDTypeNames)
    if (known.name == name) return known.dtype;
  reject(name, where);
}

DTypePolicy policy_named(std::string_view name, const std::string& where) {
  if (name == "mixed_float16") return {DType::f32, DType::f16};
  if (name == "mixed_bfloat16") return {DType::f32, DType::bf16};
  // What Keras 2 wrote where the first input decided.
  if (name == "_infer" || name == "infer") return {};
  const DType dtype = dtype_named(name, where);
  return {dtype, dtype};
}

/// Reads a mode, "int8" or "gptq/4/128", into a policy.
void set_mode(DTypePolicy& policy, std::string_view text, const std::string& where) {
  const std::vector<std::string_view> parts = split(text, '/');
  std::vector<int64_t> numbers;
  for (size_t i = 1; i < parts.size(); ++i)
    if (const std::optional<int64_t> number = number_in(parts[i])) numbers.push_back(*number);
  const auto mode = std::find_if(std::begin(kModes), std::end(kModes), [&](const Mode& each) {
    return each.name == parts[0] && each.numbers == static_cast<int>(parts.size()) - 1;
  });
  if (mode == std::end(kModes) || numbers.size() + 1 != parts.size())
    throw Error(ErrorKind::unsupported, cat("there is no mode of quantization ", quoted(std::string(text))),
                where, "known are int8, int4, int4/GROUP, float8, ternary, gptq/BITS/GROUP and awq/4/GROUP");
  policy.quantization = mode->quantization;
  if (!numbers.empty()) policy.group_size = numbers.back();
  if (numbers.size() == 2) policy.weight_bits = numbers[0];
  const bool sane_bits = mode->quantization == Quantization::awq
                             ? policy.weight_bits == 4
                             : policy.weight_bits >= 2 && policy.weight_bits <= 8;
  if (policy.group_size < -1 || policy.group_size == 0 || !sane_bits)
    throw Error(ErrorKind::data,
                cat("mode of quantization ", quoted(std::string(text)), " has wrong numbers"), where);
}

/// Whether a pattern of a map fits all of a path: characters, dots, and * + ? behind either. Python has more, and asks for each as
/// long as it takes; files must not.
bool fits(std::string_view pattern, std::string_view path, const std::string& where) {
  struct Step {
    char character;
    bool is_any, may_lack, may_repeat;
  };
  std::vector<Step> steps;
  for (size_t i = 0; i < pattern.size(); ++i) {
    Step step{pattern[i], pattern[i] == '.', false, false};
    if (pattern[i] == '\\' && i + 1 < pattern.size() &&
        std::ispunct(static_cast<unsigned char>(pattern[i + 1])))
      step.character = pattern[++i];
    else if (std::string_view("^$*+?{}[]()|\\").find(pattern[i]) != std::string_view::npos)
      throw Error(
          ErrorKind::unsupported,
          cat("the pattern ", quoted(std::string(pattern)), " of a map of dtype policies is not supported"),
          where, "name layers by their paths, or by patterns of characters, dots, *, + and ?");
    const char sign = i + 1 < pattern.size() ? pattern[i + 1] : ' ';
    step.may_lack = sign == '*' || sign == '?';
    step.may_repeat = sign == '*' || sign == '+';
    if (step.may_lack || step.may_repeat) ++i;
    steps.push_back(step);
  }
  // Where in the pattern one may be after each character.
  std::vector<bool> at(steps.size() + 1);
  at[0] = true;
  const auto skip = [&] {
    for (size_t i = 0; i < steps.size(); ++i)
      if (at[i] && steps[i].may_lack) at[i + 1] = true;
  };
  skip();
  for (char c : path) {
    std::vector<bool> next(at.size());
    for (size_t i = 0; i < steps.size(); ++i) {
      if (!at[i] || (!steps[i].is_any && steps[i].character != c)) continue;
      next[i + 1] = true;
      if (steps[i].may_repeat) next[i] = true;
    }
    at = std::move(next);
    skip();
  }
  return at.back();
}

const Json& policy_in_map(const Json& map, std::string_view path, const std::string& where) {
  const Json& policies = map["policy_map"];
  if (policies.is_null()) return map["default_policy"];
  if (const Json& exact = policies[path]; !exact.is_null()) return exact;
  const Json* found = &map["default_policy"];
  size_t count = 0;
  for (const auto& [pattern, policy] : policies.members()) {
    if (!fits(pattern, path, where)) continue;
    found = &policy;
    ++count;
  }
  if (count > 1)
    throw Error(ErrorKind::data,
                cat("its map of dtype policies has ", count, " that fit ", quoted(std::string(path))), where);
  return *found;
}

}  // namespace

DTypePolicy read_dtype_policy(const Json& dtype, std::string_view path, const std::string& where) {
  if (dtype.is_null()) return {};
  if (dtype.is_string()) {
    // "int8_from_float32"
    const std::string_view name = dtype.as_string();
    const size_t from = name.find("_from_");
    if (from == std::string_view::npos) return policy_named(name, where);
    DTypePolicy policy = policy_named(name.substr(from + 6), where);
    set_mode(policy, name.substr(0, from), where);
    return policy;
  }
  const Json& config = dtype["config"];
  if (config.has("policy_map")) return read_dtype_policy(policy_in_map(config, path, where), path, where);
  if (!config["mode"].is_string()) return read_dtype_policy(config["name"], path, where);
  DTypePolicy policy = read_dtype_policy(config["source_name"], path, where);
  set_mode(policy, config["mode"].as_string(), where);
  if (const Json& history = config["amax_history_length"]; !history.is_null())
    policy.amax_history = history.as_int();
  return policy;
}

DType read_dtype(const Json& dtype, const std::string& where) {
  return read_dtype_policy(dtype, {}, where).compute;
}

std::string_view dtype_name(DType dtype) {
  for (const DTypeName& known : kDTypeNames)
    if (known.dtype == dtype) return known.name;
  return "float32";
}

}  // namespace keratin
