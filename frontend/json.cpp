// JSON text to tree and back. nlohmann's event parser reads the text; it is included nowhere else.
//
// Two things are done before it sees the text:
//  * Python writes the numbers NaN, Infinity and -Infinity, which are no JSON. Each is overwritten by a
//  number of the
//    same length with a capital E (0E0, 1E000000, -1E000000); capital E's that stood outside strings become
//    small. A capital E in a number thus means one of the three, and line and column of errors stay true.
//  * A zero byte, at which the parser would stop as at the end of the text, is refused.
//
// Memory is bounded by the text's size: values cost about 64 bytes each, so kFreeValues + size/16 of them are
// taken (64 MiB + 4 bytes per byte of text). Depth is bounded so that recursion over a tree is safe.
#include "frontend/json.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

constexpr size_t kMaxText = size_t{64} << 20;
constexpr size_t kMaxDepth = 200;
constexpr size_t kFreeValues = size_t{1} << 20;

std::string_view kind_name(Json::Kind kind) {
  constexpr std::string_view names[] = {"null",     "a boolean", "an integer", "a number",
                                        "a string", "a list",    "an object"};
  return names[static_cast<size_t>(kind)];
}

/// "where:line:column" of the byte `offset`; columns count bytes from 1.
std::string position(std::string_view text, size_t offset, const std::string& where) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  return cat(where, ":", line, ":", before.size() - start + 1);
}

/// The text with Python's three literals and capital E's replaced, as the head of this file says.
std::string as_plain_json(std::string_view text) {
  struct Literal {
    std::string_view python, number;
  };
  constexpr Literal literals[] = {{"-Infinity", "-1E000000"}, {"Infinity", "1E000000"}, {"NaN", "0E0"}};
  std::string plain(text);
  bool in_string = false;
  for (size_t i = 0; i < plain.size(); ++i) {
    const char c = plain[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == 'E') {
      plain[i] = 'e';
    } else if (c == 'N' || c == 'I' || c == '-') {
      for (const Literal& literal : literals) {
        if (text.substr(i, literal.python.size()) != literal.python) continue;
        plain.replace(i, literal.number.size(), literal.number);
        i += literal.number.size() - 1;
        break;
      }
    }
  }
  return plain;
}

double number_of(double parsed, const std::string& spelling) {
  if (spelling.find('E') == std::string::npos) return parsed;
  if (spelling == "0E0") return std::numeric_limits<double>::quiet_NaN();
  return std::copysign(std::numeric_limits<double>::infinity(), parsed);
}

/// ASCII text of a token for a message: at most its last 40 bytes.
std::string printable(const std::string& token) {
  std::string out = token.substr(token.size() - std::min<size_t>(token.size(), 40));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return keratin::quoted(out);
}

}  // namespace

struct Json::Place {
  std::shared_ptr<const Place> up;
  int64_t index;    // in the array `up`; -1: a member
  std::string key;  // in the object `up`
};

/// Receives the parser's events and builds the tree; the parser calls the public functions by these names.
class JsonReader {
 public:
  JsonReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Json take_root() { return std::move(root_); }

  bool null() { return add({}); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(int64_t value) { return add(value); }
  bool number_unsigned(uint64_t value) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return add(static_cast<double>(value));
    return add(static_cast<int64_t>(value));
  }
  bool number_float(double value, const std::string& spelling) { return add(number_of(value, spelling)); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) { return false; }

  bool start_array(size_t) { return open(Json::Items{}); }
  bool start_object(size_t) { return open(Json::Members{}); }
  bool key(std::string& name) {
    key_ = std::move(name);
    return true;
  }
  bool end_array() { return close(); }
  bool end_object() {
    const auto& members = std::get<Json::Members>(open_.back().value_);
    std::vector<std::string_view> keys;
    for (const auto& member : members) keys.push_back(member.first);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) {
      const std::string path = open_.back().path();
      fail(cat("key ", keratin::quoted(*twice), " occurs twice", path.empty() ? "" : " in ", path), where_);
    }
    return close();
  }

  bool parse_error(size_t offset, const std::string& token, const nlohmann::detail::exception&) {
    if (offset > text_.size() || token.empty())
      fail("not valid JSON: ends too early", position(text_, offset, where_));
    fail(cat("not valid JSON at ", printable(token)), position(text_, offset - 1, where_));
  }

 private:
  using Value = decltype(Json::value_);

  [[noreturn]] static void fail(const std::string& message, const std::string& where) {
    throw Error(ErrorKind::data, message, where);
  }

  /// A value at the place that is now due: the next of the innermost open container.
  Json place(Value value) {
    Json json;
    json.value_ = std::move(value);
    const bool member = !open_.empty() && open_.back().is_object();
    cost_ += member ? 3 : 1;  // a member's name and place are allocated
    if (cost_ > kFreeValues + text_.size() / 16) fail("too many values for the size of the text", where_);
    if (open_.empty()) return json;
    const Json& parent = open_.back();
    if (member) {
      json.place_ = std::make_shared<Json::Place>(Json::Place{parent.place_, -1, key_});
    } else {
      json.place_ = parent.place_;
      json.index_ = static_cast<int64_t>(parent.size());
    }
    return json;
  }

  bool add(Value value) {
    Json json = place(std::move(value));  // uses key_
    return attach(std::move(json), std::move(key_));
  }

  bool attach(Json json, std::string key) {
    if (open_.empty()) {
      root_ = std::move(json);
    } else if (auto* items = std::get_if<Json::Items>(&open_.back().value_)) {
      items->push_back(std::move(json));
    } else {
      std::get<Json::Members>(open_.back().value_).emplace_back(std::move(key), std::move(json));
    }
    return true;
  }

  bool open(Value empty) {
    if (open_.size() == kMaxDepth) fail(cat("nested more than ", kMaxDepth, " deep"), where_);
    Json json = place(std::move(empty));
    if (json.index_ >= 0) {
      json.place_ = std::make_shared<Json::Place>(Json::Place{json.place_, json.index_, {}});
      json.index_ = -1;
    } else if (!json.place_) {
      json.place_ = std::make_shared<Json::Place>(Json::Place{nullptr, -1, {}});
    }
    open_.push_back(std::move(json));
    open_keys_.push_back(std::move(key_));
    return true;
  }

  bool close() {
    Json json = std::move(open_.back());
    std::string key = std::move(open_keys_.back());
    open_.pop_back();
    open_keys_.pop_back();
    return attach(std::move(json), std::move(key));
  }

  std::string_view text_;
  const std::string& where_;
  Json root_;
  std::vector<Json> open_;              // the containers around the next value, outermost first
  std::vector<std::string> open_keys_;  // and each one's key in the one before
  std::string key_;                     // of the next value, in an object
  size_t cost_ = 0;
};

Json Json::parse(std::string_view text, const std::string& where) {
  if (text.size() > kMaxText) {
    throw Error(ErrorKind::data, cat("JSON text of ", text.size(), " bytes; at most ", kMaxText, " are read"),
                where);
  }
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    throw Error(ErrorKind::data, "not valid JSON: zero byte", position(text, zero, where));
  }
  JsonReader reader(text, where);
  nlohmann::json::sax_parse(as_plain_json(text), &reader);
  return reader.take_root();
}

std::string Json::path() const {
  std::string out;
  if (index_ >= 0) out = cat("[", index_, "]");
  for (const Place* place = place_.get(); place && place->up; place = place->up.get()) {
    const std::string step = place->index >= 0 ? cat("[", place->index, "]") : place->key;
    const bool dot = !out.empty() && out.front() != '[';
    out = cat(step, dot ? "." : "", out);
  }
  return out;
}

template <typename T>
const T& Json::get(std::string_view expected) const {
  if (const T* value = std::get_if<T>(&value_)) return *value;
  throw Error(ErrorKind::data, cat("expected ", expected, ", found ", kind_name(kind())), path());
}

bool Json::as_bool() const { return get<bool>("a boolean"); }

int64_t Json::as_int() const {
  if (const double* real = std::get_if<double>(&value_)) {
    if (std::trunc(*real) == *real && std::abs(*real) < 0x1p63) return static_cast<int64_t>(*real);
    throw Error(ErrorKind::data, cat("expected an integer, found ", *real), path());
  }
  return get<int64_t>("an integer");
}

double Json::as_double() const {
  if (const int64_t* integer = std::get_if<int64_t>(&value_)) return static_cast<double>(*integer);
  return get<double>("a number");
}

const std::string& Json::as_string() const { return get<std::string>("a string"); }
const std::vector<Json>& Json::items() const { return get<Items>("a list"); }
const std::vector<std::pair<std::string, Json>>& Json::members() const { return get<Members>("an object"); }

const Json* Json::find(std::string_view key) const {
  const auto* members = std::get_if<Members>(&value_);
  if (!members) return nullptr;
  const auto it =
      std::find_if(members->begin(), members->end(), [&](const auto& m) { return m.first == key; });
  return it == members->end() ? nullptr : &it->second;
}

const Json& Json::operator[](std::string_view key) const {
  if (const Json* member = find(key)) return *member;
  thread_local Json absent;
  // An item of an array has no place of its own yet; this may itself be `absent`.
  auto here = index_ >= 0 ? std::make_shared<Place>(Place{place_, index_, {}}) : place_;
  if (!here) here = std::make_shared<Place>(Place{nullptr, -1, {}});
  absent.place_ = std::make_shared<Place>(Place{std::move(here), -1, std::string(key)});
  return absent;
}

const Json& Json::at(size_t i) const {
  const Items& list = items();
  if (i >= list.size()) {
    throw Error(ErrorKind::data, cat("has ", list.size(), " entries, number ", i + 1, " is missing"), path());
  }
  return list[i];
}

bool Json::has(std::string_view key) const { return find(key) != nullptr; }

size_t Json::size() const {
  if (const auto* list = std::get_if<Items>(&value_)) return list->size();
  if (const auto* members = std::get_if<Members>(&value_)) return members->size();
  return 0;
}

Json Json::of(bool value) {
  Json json;
  json.value_ = value;
  return json;
}

Json Json::of(int64_t value) {
  Json json;
  json.value_ = value;
  return json;
}

Json Json::of(double value) {
  Json json;
  json.value_ = value;
  return json;
}

Json Json::of(std::string value) {
  Json json;
  json.value_ = std::move(value);
  return json;
}

Json Json::array(std::vector<Json> items) {
  Json json;
  json.value_ = std::move(items);
  return json;
}

Json Json::object(std::vector<std::pair<std::string, Json>> members) {
  Json json;
  json.value_ = std::move(members);
  return json;
}

namespace {

void write_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char hex[] = "0123456789abcdef";
      out += cat("\\u00", c < 0x10 ? '0' : '1', hex[c & 15]);
    } else {
      out += c;
    }
  }
  out += '"';
}

/// So that it reads back as a real: 1 is written 1.0.
std::string real_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::string text = to_text(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void write(const Json& json, std::string& out) {
  switch (json.kind()) {
    case Json::Kind::null: out += "null"; return;
    case Json::Kind::boolean: out += to_text(json.as_bool()); return;
    case Json::Kind::integer: out += to_text(json.as_int()); return;
    case Json::Kind::real: out += real_text(json.as_double()); return;
    case Json::Kind::string: write_string(json.as_string(), out); return;
    case Json::Kind::array: {
      const char* separator = "[";
      for (const Json& item : json.items()) {
        out += separator;
        write(item, out);
        separator = ",";
      }
      out += json.size() == 0 ? "[]" : "]";
      return;
    }
    case Json::Kind::object: {
      const char* separator = "{";
      for (const auto& [key, value] : json.members()) {
        out += separator;
        write_string(key, out);
        out += ':';
        write(value, out);
        separator = ",";
      }
      out += json.size() == 0 ? "{}" : "}";
      return;
    }
  }
}

}  // namespace

std::string Json::dump() const {
  std::string out;
  write(*this, out);
  return out;
}

}  // namespace keratin
