// The arrays of the C++ API, and those of the compiler and of training, which hold the same bytes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/tensor.h"
#include "runtime/trainer/array.h"

namespace keratin::keras {

class Array;
class Arrays;

Array to_array(std::shared_ptr<const keratin::Tensor> tensor);
Array to_array(const trainer::Array& array);

/// A view. Throws Error(usage) for a dtype that no model takes.
trainer::Array view_of(const Array& array);
trainer::Array view_of(const std::shared_ptr<const keratin::Tensor>& tensor);

/// A copy that has `type`. Throws Error(data) with `where` if the shape is another, or a number does not fit the dtype.
std::shared_ptr<const keratin::Tensor> to_tensor(const Array& array, const Type& type,
                                                 const std::string& where);
std::shared_ptr<const keratin::Tensor> to_tensor(const trainer::Array& array);

/// The arrays by the names that training knows them under: "x", or "x:NAME" for each of `names`. Throws Error(usage) if there are more or
/// fewer.
void add_arrays(const std::string& letter, const Arrays& arrays, const std::vector<std::string>& names,
                std::map<std::string, trainer::Array>& all);

}  // namespace keratin::keras
