// Where the first number of a step arises that is none.
#pragma once

#include "ir/graph.h"

namespace keratin {

/// check_numerics: takes what `train_step` takes and changes nothing. Its results, booleans, say in the order in which they are
/// computed whether there is NaN or infinity in what a layer computes ("layer NAME"), in a gradient ("gradient of VARIABLE", those of the
/// last layers first), and in what a variable would get ("update of VARIABLE").
Function numeric_checks(const Function& train_step);

}  // namespace keratin
