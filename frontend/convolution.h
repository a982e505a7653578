// Transposed convolutions: what layers and operations share.
#pragma once

#include "frontend/args.h"
#include "frontend/expr.h"
#include "frontend/window.h"

namespace keratin {

/// Each input element adds the kernel (space axes, output features, input features), scaled by it, to the output at stride times its
/// place. The arguments are padding, output_padding and data_format.
Expr transposed_convolution(const Args& args, const Windows& windows, const Expr& x, Expr kernel);

}  // namespace keratin
