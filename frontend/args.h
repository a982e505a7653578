// The arguments of a layer, read by a declaration.
//
// A layer's table row lists its arguments once: name, kind, default. Reading a config checks every key against that
// list, so that nothing in a file is ever silently ignored: an argument has its declared kind, a key that is not
// declared is null or false, and keys that every layer may have (name, initializers, regularizers, …: see
// kCommonKeys in args.cpp) are left to those who use them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/json.h"
#include "ir/attrs.h"
#include "ir/error.h"

namespace keratin {

enum class ArgKind : uint8_t {
  boolean,
  integer,
  count,  ///< an integer that is at least 1
  real,
  choice,  ///< one of the texts in `accepted`, which are separated by |
  ints,    ///< an integer or a list of integers
  fixed,   ///< known, but only the default is supported
  any,     ///< the layer looks at it itself
};

struct Arg {
  std::string_view name;
  ArgKind kind;
  std::string_view fallback = {};  ///< the default as JSON (choice: the text itself); empty: must be given
  std::string_view accepted = {};  ///< of a choice
};

class Args {
 public:
  Args() = default;
  /// Reads `config` by `declared`. `where` is what errors say they come from. Throws Error(data) if an argument is absent or
  /// of another kind, Error(unsupported) if it has a value that is well-formed but not supported.
  Args(std::span<const Arg> declared, const Json& config, std::string where);

  // The argument, or its default. Requires: declared with that kind.
  bool boolean(std::string_view name) const;
  int64_t integer(std::string_view name) const;  ///< also a count
  double real(std::string_view name) const;
  const std::string& choice(std::string_view name) const;
  Ints ints(std::string_view name) const;  ///< a single integer is a list of one
  /// The integers, `count` of them: a single one stands for all.
  Ints ints(std::string_view name, size_t count) const;
  const Json& json(std::string_view name) const;
  bool is_null(std::string_view name) const { return json(name).is_null(); }

  /// The whole config, keys that all layers have included.
  const Json& config() const { return *config_; }
  const std::string& where() const { return where_; }

  /// An error about an argument: "argument NAME is VALUE: PROBLEM".
  [[noreturn]] void reject(std::string_view name, std::string_view problem, std::string hint = {},
                           ErrorKind kind = ErrorKind::unsupported) const;

 private:
  const Json& find(std::string_view name, ArgKind kind) const;
  Json read(const Arg& arg) const;
  [[noreturn]] void fail(ErrorKind kind, std::string_view name, const Json& value,
                         std::string_view expected) const;

  std::vector<Arg> declared_;
  std::vector<Json> values_;  // in the order of declared_
  const Json* config_ = nullptr;
  std::string where_;
};

/// The integers of a list (or of one integer).
Ints to_ints(const Json& value);

}  // namespace keratin
