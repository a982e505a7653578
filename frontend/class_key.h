// What the class of a serialized object is looked up by.
#pragma once

#include <string>
#include <string_view>

#include "frontend/json.h"

namespace keratin {

/// "Dense"; or "mine>Scale" for a class that is registered with a package, whatever classes of Keras are called; "Custom>Scale" for one that
/// is registered without, or that is not registered and of no module of Keras.
std::string class_key(const Json& object);

/// Whether a key is that of a class of a package.
inline bool is_of_package(std::string_view key) { return key.find('>') != std::string_view::npos; }

/// The class without its package.
inline std::string_view without_package(std::string_view key) { return key.substr(key.find('>') + 1); }

/// Whether a function in Python that is called `name` in a file is the one that a row is about: functions without a package have none in
/// files.
inline bool is_name_of_function(std::string_view row, std::string_view name) {
  return name == row || (row.starts_with("Custom>") && name == without_package(row));
}

/// What to do about a class of a package that no table has.
inline constexpr std::string_view kPluginHint =
    "a plug-in says in C++ what it computes: --plugin FILE.so; docs/extending.md shows one";

}  // namespace keratin
