#include "frontend/training/serialized.h"

#include "frontend/class_key.h"
#include "frontend/model_file.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

Serialized read_serialized(const Json& object, std::string_view what) {
  if (object.is_string()) return {object.as_string(), Json::object({}), true};
  if (!object["class_name"].is_string())
    throw Error(
        ErrorKind::data, cat(what, " is ", object.dump()), {},
        "give a name or a class with a config; of several outputs a list, or an object by their names");
  const Json& config = object["config"];
  if (object["class_name"].as_string() == "function" && config.is_string())
    return {config.as_string(), Json::object({}), true};
  return {class_key(object), config.is_object() ? config : Json::object({}), false};
}

bool is_name_of(const ClassRow& row, std::string_view name) {
  if (is_name_of_function(row.class_name, name) || name == snake_case(row.class_name)) return true;
  std::string_view rest = row.aliases;
  while (!rest.empty()) {
    const size_t bar = rest.find('|');
    if (rest.substr(0, bar) == name) return true;
    rest = bar == std::string_view::npos ? std::string_view() : rest.substr(bar + 1);
  }
  return false;
}

void fail_unknown(std::string_view what, std::string_view name, const std::string& where,
                  const std::string& known) {
  if (is_of_package(name))
    throw Error(ErrorKind::unsupported, cat("the ", what, " ", name, " is not part of Keras"), where,
                std::string(kPluginHint));
  throw Error(ErrorKind::unsupported, cat("the ", what, " ", quoted(name), " is not supported"), where,
              cat("supported are: ", known));
}

}  // namespace keratin
