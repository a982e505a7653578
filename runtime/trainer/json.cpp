#include "runtime/trainer/json.h"

#include <algorithm>
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
  // The parser takes it for the text's end, and says nothing of what is behind it.
  if (text.find('\0') != std::string_view::npos) throw Malformed{"holds a byte that is 0"};
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

/// By FeatureColumn::Kind.
constexpr std::string_view kFeatureKinds[] = {"number", "categorical", "one_hot", "text"};

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

std::map<std::string, std::string> texts(const json& object) {
  std::map<std::string, std::string> all;
  if (!object.is_object()) throw Malformed{"is no JSON object"};
  for (const auto& [name, value] : object.items()) {
    if (!value.is_string()) throw Malformed{cat(trainer::quoted(name), " is no string")};
    all.emplace(name, value.get<std::string>());
  }
  return all;
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
      const std::optional<int64_t> number = parse_integer(key);
      if (!number || *number < 0) refuse(cat(trainer::quoted(key), " is no class number"));
      const double weight = value.is_number() ? value.get<double>() : -1;
      if (!(weight >= 0) || !std::isfinite(weight))
        refuse(cat("the weight of class ", key, " is no number of at least 0"));
      if (!weights.emplace(*number, weight).second) refuse(cat("class ", *number, " occurs twice"));
    }
  } catch (const Malformed& malformed) {
    refuse(malformed.message);
  }
  return weights;
}

std::vector<TensorEntry> parse_safetensors_header(std::string_view text, const std::string& where,
                                                  std::map<std::string, std::string>* metadata) {
  std::vector<TensorEntry> entries;
  std::string here = cat(where, ": header");
  try {
    const json object = parse(text);
    if (!object.is_object()) throw Malformed{"is no JSON object"};
    for (const auto& [name, value] : object.items()) {
      here = cat(where, ": array ", trainer::quoted(name));
      if (name != "__metadata__") entries.push_back(parse_entry(name, value));
    }
    here = cat(where, ": __metadata__");
    if (metadata != nullptr && object.contains("__metadata__")) *metadata = texts(object["__metadata__"]);
  } catch (const Malformed& malformed) {
    throw Error(ErrorKind::data, malformed.message, here);
  }
  return entries;
}

std::string format_safetensors_header(const std::vector<TensorEntry>& entries,
                                      const std::map<std::string, std::string>& metadata) {
  std::vector<std::string> members;
  for (const auto& [name, value] : metadata)
    members.push_back(cat(trainer::quoted(name), ":", trainer::quoted(value)));
  std::vector<std::string> parts;
  if (!members.empty()) parts.push_back(cat("\"__metadata__\":{", join(members, ","), "}"));
  for (const TensorEntry& entry : entries)
    parts.push_back(cat(trainer::quoted(entry.name), ":{\"dtype\":\"",
                        kDTypeNames[static_cast<size_t>(entry.dtype)].text, "\",\"shape\":[",
                        join(entry.shape, ","), "],\"data_offsets\":[", entry.begin, ",", entry.end, "]}"));
  return cat("{", join(parts, ","), "}");
}

namespace {

json to_json(const std::map<std::string, double>& numbers) {
  json object = json::object();
  for (const auto& [name, value] : numbers) object[name] = to_text(value);
  return object;
}

json to_json(const Logs& logs) {
  json list = json::array();
  for (const auto& [name, value] : logs) list.push_back({name, to_text(value)});
  return list;
}

/// What to_text makes of a number.
double number(const json& value) {
  const std::string& text = value.get_ref<const std::string&>();
  const std::optional<double> number = parse_double(text);
  if (!number) throw Malformed{cat(trainer::quoted(text.substr(0, 40)), " is no number")};
  return *number;
}

std::map<std::string, double> numbers(const json& object) {
  std::map<std::string, double> all;
  for (const auto& [name, value] : object.items()) all.emplace(name, number(value));
  return all;
}

Logs logs(const json& list) {
  Logs logs;
  for (const json& log : list) logs.emplace_back(log.at(0).get<std::string>(), number(log.at(1)));
  return logs;
}

}  // namespace

std::string format_snapshot(const Snapshot& snapshot, const std::map<std::string, uint32_t>& checksums) {
  json callbacks = json::object();
  for (const auto& [name, state] : snapshot.callbacks)
    callbacks[name] = {{"numbers", to_json(state.numbers)}, {"texts", state.texts}};
  json history = json::array();
  for (const Logs& logs : snapshot.history.epochs) history.push_back(to_json(logs));
  return json{{"callbacks", callbacks},
              {"checksums", checksums},
              {"data_checksums", snapshot.data_checksums},
              {"epoch", snapshot.epoch},
              {"epochs", snapshot.epochs},
              {"first_epoch", snapshot.history.first_epoch},
              {"history", history},
              {"settings", snapshot.settings},
              {"step", snapshot.step},
              {"stopped", snapshot.stopped},
              {"training_logs", to_json(snapshot.training_logs)}}
      .dump();
}

Snapshot parse_snapshot(std::string_view text, const std::string& where,
                        std::map<std::string, uint32_t>& checksums) {
  Snapshot snapshot;
  try {
    const json object = parse(text);
    for (const auto& [name, state] : object.at("callbacks").items())
      snapshot.callbacks[name] = {numbers(state.at("numbers")), texts(state.at("texts")), {}};
    checksums = object.at("checksums").get<std::map<std::string, uint32_t>>();
    snapshot.data_checksums = object.value("data_checksums", std::map<std::string, uint32_t>());
    snapshot.epoch = object.at("epoch").get<int64_t>();
    snapshot.epochs = object.value("epochs", snapshot.epochs);
    snapshot.history.first_epoch = object.at("first_epoch").get<int64_t>();
    for (const json& epoch : object.at("history")) snapshot.history.epochs.push_back(logs(epoch));
    snapshot.settings = texts(object.at("settings"));
    snapshot.step = object.at("step").get<int64_t>();
    snapshot.stopped = object.at("stopped").get<bool>();
    snapshot.training_logs = logs(object.at("training_logs"));
  } catch (const Malformed& malformed) {
    throw Error(ErrorKind::data, malformed.message, where);
  } catch (const json::exception&) {
    throw Error(ErrorKind::data, "is not what a checkpoint holds", where);
  }
  return snapshot;
}

std::string format_encoding(const Encoding& encoding) {
  json features = json::array();
  for (const FeatureColumn& column : encoding.features) {
    json feature = {{"name", column.name}, {"kind", kFeatureKinds[static_cast<size_t>(column.kind)]}};
    if (!column.words.empty()) feature["words"] = column.words;
    if (column.fill) feature["fill"] = *column.fill;
    features.push_back(std::move(feature));
  }
  json labels = json::array();
  for (const LabelColumn& label : encoding.labels)
    labels.push_back({{"name", label.name}, {"classes", label.classes}});
  const json all = {{"features", features}, {"labels", labels}, {"gaps_are_words", encoding.gaps_are_words}};
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

Encoding parse_encoding(std::string_view text, const std::string& where) {
  Encoding encoding;
  try {
    const json all = parse(text);
    for (const json& feature : all.at("features")) {
      const auto kind = feature.at("kind").get<std::string>();
      const auto* found = std::find(std::begin(kFeatureKinds), std::end(kFeatureKinds), kind);
      if (found == std::end(kFeatureKinds)) throw Malformed{cat("unknown kind ", trainer::quoted(kind))};
      FeatureColumn& column = encoding.features.emplace_back();
      column.name = feature.at("name").get<std::string>();
      column.kind = static_cast<FeatureColumn::Kind>(found - std::begin(kFeatureKinds));
      column.words = feature.value("words", std::vector<std::string>());
      if (feature.contains("fill")) column.fill = feature["fill"].get<double>();
    }
    for (const json& label : all.at("labels"))
      encoding.labels.push_back(
          {label.at("name").get<std::string>(), label.at("classes").get<std::vector<std::string>>()});
    encoding.gaps_are_words = all.at("gaps_are_words").get<bool>();
  } catch (const Malformed& malformed) {
    throw Error(ErrorKind::data, malformed.message, where);
  } catch (const json::exception&) {
    throw Error(ErrorKind::data, "does not say how the data were read", where);
  }
  return encoding;
}

}  // namespace keratin::trainer
