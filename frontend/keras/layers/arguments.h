// What Keras makes of arguments that may be given in a short form.
#pragma once

#include "frontend/keras/make.h"

namespace keratin::keras {

/// An activation as it is serialized: None is "linear".
Value activation_of(const Value& activation);

/// {before, after} of the one axis: p is {p, p}.
Value both_ends(const Value& padding);
/// {{before, after}, …} of `rank` axes: p is {p, p} on all, {p, q} is {{p, p}, {q, q}}.
Value both_ends(const Value& padding, size_t rank);

/// {low, high} of a factor that may be one number f: then from -f, or `least`, to f.
Value interval_of(const Value& factor, double least);

}  // namespace keratin::keras
