#include "frontend/args.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ir/text.h"

namespace keratin {
namespace {

/// Keys that any layer may have. Names, dtypes and the trainable flag are read when the layer is made; initializers,
/// regularizers and constraints matter to training, which finds them in the config; the rest says how Keras built
/// the layer and nothing about what it computes.
constexpr std::array kCommonKeys = {
    std::string_view("name"),         std::string_view("trainable"),   std::string_view("dtype"),
    std::string_view("seed"),         std::string_view("batch_shape"), std::string_view("batch_input_shape"),
    std::string_view("build_config"), std::string_view("autocast"),
};
constexpr std::array kCommonEndings = {std::string_view("_initializer"), std::string_view("_regularizer"),
                                       std::string_view("_constraint")};

bool is_common(std::string_view key) {
  return std::find(kCommonKeys.begin(), kCommonKeys.end(), key) != kCommonKeys.end() ||
         std::any_of(kCommonEndings.begin(), kCommonEndings.end(),
                     [&](std::string_view ending) { return key.ends_with(ending); });
}

bool is_off(const Json& value) {
  return value.is_null() || (value.kind() == Json::Kind::boolean && !value.as_bool());
}

bool is_one_of(std::string_view text, std::string_view accepted) {
  while (!accepted.empty()) {
    const size_t bar = accepted.find('|');
    if (accepted.substr(0, bar) == text) return true;
    accepted = bar == std::string_view::npos ? std::string_view() : accepted.substr(bar + 1);
  }
  return false;
}

/// "valid|same" as "valid" or "same".
std::string spell(std::string_view accepted) {
  std::vector<std::string> texts;
  while (!accepted.empty()) {
    const size_t bar = accepted.find('|');
    texts.push_back(cat('"', accepted.substr(0, bar), '"'));
    accepted = bar == std::string_view::npos ? std::string_view() : accepted.substr(bar + 1);
  }
  return join(texts, " or ");
}

/// No argument of a real model is larger; with sizes of tensors limited as well (of_sane_size), no product overflows.
constexpr double kMostInteger = 1 << 28;

bool is_int(const Json& value) {
  return value.is_number() && std::abs(value.as_double()) <= kMostInteger &&
         value.as_double() == std::trunc(value.as_double());
}

/// True if all of `value`'s items (or `value` itself) are integers.
bool are_ints(const Json& value) {
  return value.is_array() ? std::all_of(value.items().begin(), value.items().end(), is_int) : is_int(value);
}

std::string shortened(const Json& value) {
  std::string text = value.dump();
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

/// What a value of this kind is called.
std::string_view expectation(ArgKind kind) {
  switch (kind) {
    case ArgKind::boolean: return "expected true or false";
    case ArgKind::integer: return "expected an integer";
    case ArgKind::count: return "expected an integer from 1 to 2^28";
    case ArgKind::real: return "expected a number";
    case ArgKind::ints: return "expected an integer or a list of integers";
    case ArgKind::choice:
    case ArgKind::fixed:
    case ArgKind::any: break;
  }
  return "";
}

bool fits(ArgKind kind, const Json& value) {
  switch (kind) {
    case ArgKind::boolean: return value.kind() == Json::Kind::boolean;
    case ArgKind::integer: return is_int(value);
    case ArgKind::count: return is_int(value) && value.as_int() >= 1;
    case ArgKind::real: return value.is_number();
    case ArgKind::choice: return value.is_string();
    case ArgKind::ints: return are_ints(value);
    case ArgKind::fixed:
    case ArgKind::any: break;
  }
  return true;
}

}  // namespace

Ints to_ints(const Json& value) {
  if (!value.is_array()) return {value.as_int()};
  Ints out;
  for (const Json& item : value.items()) out.push_back(item.as_int());
  return out;
}

Args::Args(std::span<const Arg> declared, const Json& config, std::string where)
    : declared_(declared.begin(), declared.end()), config_(&config), where_(std::move(where)) {
  for (const auto& [key, value] : config.members()) {
    const bool known = is_common(key) || std::any_of(declared.begin(), declared.end(),
                                                     [&](const Arg& arg) { return arg.name == key; });
    if (!known && !is_off(value))
      throw Error(ErrorKind::unsupported,
                  cat("argument ", key, " is ", shortened(value), ": it is not known"), where_,
                  "only null and false are accepted for it");
  }
  for (const Arg& arg : declared) values_.push_back(read(arg));
}

Json Args::read(const Arg& arg) const {
  const Json& given = (*config_)[arg.name];
  const auto fallback = [&] {
    return arg.kind == ArgKind::choice && arg.fallback != "null" ? Json::of(std::string(arg.fallback))
                                                                 : Json::parse(arg.fallback, "default");
  };
  if (given.is_null()) {
    if (arg.fallback.empty()) throw Error(ErrorKind::data, cat("argument ", arg.name, " is absent"), where_);
    return fallback();
  }
  if (!fits(arg.kind, given)) fail(ErrorKind::data, arg.name, given, expectation(arg.kind));
  if (arg.kind == ArgKind::choice && !is_one_of(given.as_string(), arg.accepted))
    fail(ErrorKind::unsupported, arg.name, given, cat("expected ", spell(arg.accepted)));
  if (arg.kind == ArgKind::fixed && given.dump() != fallback().dump())
    fail(ErrorKind::unsupported, arg.name, given, cat("only ", arg.fallback, " is supported"));
  return given;
}

const Json& Args::find(std::string_view name, ArgKind kind) const {
  for (size_t i = 0; i < declared_.size(); ++i)
    if (declared_[i].name == name) {
      KERATIN_CHECK(kind == ArgKind::any || declared_[i].kind == kind ||
                        (kind == ArgKind::integer && declared_[i].kind == ArgKind::count),
                    cat("argument ", name, " is declared with another kind"));
      return values_[i];
    }
  KERATIN_CHECK(false, cat("argument ", name, " is not declared"));
}

bool Args::boolean(std::string_view name) const { return find(name, ArgKind::boolean).as_bool(); }
int64_t Args::integer(std::string_view name) const { return find(name, ArgKind::integer).as_int(); }
double Args::real(std::string_view name) const { return find(name, ArgKind::real).as_double(); }
const std::string& Args::choice(std::string_view name) const {
  return find(name, ArgKind::choice).as_string();
}
Ints Args::ints(std::string_view name) const { return to_ints(find(name, ArgKind::ints)); }
const Json& Args::json(std::string_view name) const { return find(name, ArgKind::any); }

Ints Args::ints(std::string_view name, size_t count) const {
  const Json& value = find(name, ArgKind::ints);
  Ints out = to_ints(value);
  if (!value.is_array() || (out.size() == 1 && count > 1)) out.assign(count, out[0]);
  if (out.size() != count) reject(name, cat("expected ", count, " integers"), {}, ErrorKind::data);
  return out;
}

void Args::reject(std::string_view name, std::string_view problem, std::string hint, ErrorKind kind) const {
  throw Error(kind, cat("argument ", name, " is ", shortened(json(name)), ": ", problem), where_,
              std::move(hint));
}

void Args::fail(ErrorKind kind, std::string_view name, const Json& value, std::string_view expected) const {
  throw Error(kind, cat("argument ", name, " is ", shortened(value), ": ", expected), where_);
}

}  // namespace keratin
