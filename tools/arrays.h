// Arrays that come by name from files, matched with what a model takes; results compared with what they should be.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "ir/tensor.h"
#include "ir/type.h"

namespace keratin {

/// An input or output of something that can be run.
struct Port {
  std::string name;
  Type type;
};
using NamedTensors = std::map<std::string, Tensor>;

/// The arrays in the ports' order. A single port takes an array called "x", too. Throws Error(data) that names what is
/// missing, left over, or of another dtype or shape; equal symbols must stand for equal numbers.
std::vector<Tensor> match_inputs(std::span<const Port> ports, NamedTensors arrays, const std::string& where);

struct Tolerance {
  double atol = 1e-5, rtol = 1e-4;
};
/// Throws Error(data) unless |got - want| <= atol + rtol·|want| for every element (integers and booleans: equal): it
/// says which array differs, where first and by how much. A single array may have another name in `want`.
void compare(const NamedTensors& got, const NamedTensors& want, Tolerance tolerance,
             const std::string& where);

}  // namespace keratin
