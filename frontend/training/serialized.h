// Losses, metrics, optimizers and schedules in a compile config: a name, or a class with its arguments.
//
// Each kind has a table of its classes; a row lists the class name, other names of it and its arguments. "MeanSquaredError",
// "mean_squared_error" and the aliases mean the same.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "frontend/args.h"
#include "frontend/json.h"

namespace keratin {

/// What the rows of all tables have in common.
struct ClassRow {
  std::string_view class_name;
  std::string_view aliases;  ///< separated by |
  std::span<const Arg> args;
};

struct Serialized {
  std::string class_name;  ///< as class_key() gives it, or another name of the class
  Json config;             ///< an empty object if it was a name
  bool is_name = false;
};

/// Reads "mse", {"class_name": …, "config": {…}} or {"class_name": "function", "config": "mse"}. Throws Error(data).
Serialized read_serialized(const Json& object, std::string_view what);

bool is_name_of(const ClassRow& row, std::string_view name);

[[noreturn]] void fail_unknown(std::string_view what, std::string_view name, const std::string& where,
                               const std::string& known);

/// The row of the class. Throws Error(unsupported), with `where`, that lists the classes.
template <typename Rows>
const auto& find_row(const Rows& rows, std::string_view name, std::string_view what,
                     const std::string& where) {
  std::string known;
  for (const auto& row : rows) {
    if (is_name_of(row, name)) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.class_name);
  }
  fail_unknown(what, name, where, known);
}

}  // namespace keratin
