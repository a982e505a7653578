// Dropout, for layers that have it among other things.
#pragma once

#include <string_view>

#include "frontend/layer.h"

namespace keratin {

/// In training, elements are dropped with the probability that `argument` gives, and the others scaled up; an extent of 1 in
/// `noise` drops whole slices. Else `x`.
Expr drop(Call& call, const Expr& x, const Shape& noise, std::string_view argument = "rate");

}  // namespace keratin
