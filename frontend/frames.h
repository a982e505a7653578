// Frames: pieces of a signal, one every few samples, which may overlap.
#pragma once

#include "frontend/expr.h"

namespace keratin {

/// Pieces of `length` elements of the last axis, each `stride` after the one before, on an axis of their own.
Expr frames_of(const Expr& x, int64_t length, int64_t stride);
/// What frames_of takes apart, put together: what overlaps adds up.
Expr overlapped(const Expr& frames, int64_t stride);

}  // namespace keratin
