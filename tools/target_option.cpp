#include "tools/target_option.h"

namespace keratin {

Target target_of(const Arguments& arguments) {
  const std::string triple = arguments.get("target");
  const std::string_view usual = triple.empty()                 ? "native"
                                 : triple.starts_with("x86_64") ? "x86-64"
                                                                : "generic";
  return make_target(arguments.get("cpu", usual), triple);
}

}  // namespace keratin
