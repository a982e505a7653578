#include "frontend/class_key.h"

namespace keratin {

const std::string& class_key(const Json& object) {
  const Json& registered = object["registered_name"];
  return registered.is_string() && is_of_package(registered.as_string()) ? registered.as_string()
                                                                         : object["class_name"].as_string();
}

}  // namespace keratin
