#include "frontend/class_key.h"

namespace keratin {

std::string class_key(const Json& object) {
  const Json& registered = object["registered_name"];
  if (registered.is_string() && is_of_package(registered.as_string())) return registered.as_string();
  const std::string& class_name = object["class_name"].as_string();
  const bool is_somebodys = object.has("module") && object["module"].is_null();
  return is_somebodys ? "Custom>" + class_name : class_name;
}

}  // namespace keratin
