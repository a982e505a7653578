// LoRA (E. Hu et al., 2021): a kernel plus a product of two narrow ones, which alone are trained.
//
// Files do not have the narrow ones: Keras adds their product to the kernel when it saves. When it loads, it sets both to zero;
// then their gradients are zero, too.
#pragma once

#include "frontend/layer.h"

namespace keratin {

inline constexpr Arg kLoraRankArg{"lora_rank", ArgKind::any, "null"},
    kLoraAlphaArg{"lora_alpha", ArgKind::any, "null"};

/// Throws Error(unsupported) in training, if the layer has LoRA.
inline void refuse_lora_training(Call& call) {
  if (call.args().is_null("lora_rank") || !call.training() || !call.layer().trainable()) return;
  call.args().reject(
      "lora_rank", "LoRA is supported at inference only",
      "its kernels are not in files, and zero once loaded: in Keras, too, they would not be trained");
}

}  // namespace keratin
