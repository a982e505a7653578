// Arrays that come by name from files, matched with what a model takes; results compared with what they should be.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "frontend/npy.h"
#include "ir/tensor.h"
#include "ir/type.h"

namespace keratin {

/// What turns strings into the integers of an input: runtime/strings.h.
struct StringReader {
  std::function<size_t(const char* const* strings, const size_t* sizes, size_t count)> length;
  std::function<int(const char* const* strings, const size_t* sizes, size_t count, size_t length,
                    int64_t* to)>
      encode;
  std::function<const char*(int status)> explain;
  bool makes_rows = false;  ///< of each string; otherwise one integer of each
};

/// An input or output of something that can be run.
struct Port {
  std::string name;
  Type type;
  std::optional<StringReader> strings = {};  ///< of an input that is made of strings
};
using NamedTensors = std::map<std::string, Tensor>;

/// The arrays in the ports' order. A single port takes an array called "x", too, and one that is made of strings takes rows of bytes
/// (frontend/npy.h). Throws Error(data) that names what is
/// missing, left over, or of another dtype or shape; equal symbols must stand for equal numbers.
std::vector<Tensor> match_inputs(std::span<const Port> ports, NamedTensors arrays, const std::string& where);

/// Whether strings may be among the arrays for such inputs.
Strings strings_of(std::span<const Port> ports);

struct Tolerance {
  double atol = 1e-5, rtol = 1e-4;
};
/// Throws Error(data) unless |got - want| <= atol + rtol·|want| for every element (integers and booleans: equal): it
/// says which array differs, where first and by how much. A single array may have another name in `want`.
void compare(const NamedTensors& got, const NamedTensors& want, Tolerance tolerance,
             const std::string& where);

}  // namespace keratin
