// Connectionist temporal classification: what the loss CTC and ops.ctc_loss share.
#pragma once

#include "frontend/expr.h"

namespace keratin {

/// Of each sequence, -log of the probability of all paths that become its labels when repetitions are merged and blanks dropped.
struct CtcSequences {
  Expr labels;         ///< [N, L], integers
  Expr label_lengths;  ///< [N]: what follows does not count
  Expr logits;         ///< [N, T, K]: of classes in each step
  Expr logit_lengths;  ///< [N]; none: T
  int64_t blank = 0;   ///< a class
};
Expr ctc_loss(const CtcSequences& sequences);

}  // namespace keratin
