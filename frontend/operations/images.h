// What operations on images have in common: single ones or batches, channels last or first.
#pragma once

#include "frontend/operation.h"
#include "frontend/window.h"

namespace keratin {

/// Images as a batch.
struct Images {
  Expr value;
  SpaceAxes axes;
  bool is_single;

  /// A result of the same form; a single one lacks the first axis again.
  Expr restored(const Expr& y) const { return is_single ? squeeze(y, {0}) : y; }
};

/// `x` as images, by the argument data_format. Throws Error(data) if it has not their rank.
Images images_of(const OperationCall& call, const Expr& x);

}  // namespace keratin
