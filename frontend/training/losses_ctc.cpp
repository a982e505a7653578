// Connectionist temporal classification: the prediction has logits of classes for each step, of which class 0 is the blank, [N, T, K]. The
// target is a sequence of classes that is shorter or as long, filled up with zeros, [N, T].
#include "frontend/ctc.h"
#include "frontend/training/loss_values.h"

namespace keratin {
namespace {

LossValues ctc(const LossCall& call) {
  const Expr lengths = sum(cast(not_equal(call.target, 0), DType::i32), {1});
  return ctc_loss({.labels = call.target,
                   .label_lengths = lengths,
                   .logits = call.prediction.value,
                   .logit_lengths = {}});
}

constexpr LossDef kLosses[] = {{{"CTC", "", {}}, LossTarget::sequence, ctc}};

}  // namespace

std::span<const LossDef> ctc_losses() { return kLosses; }

}  // namespace keratin
