// Callbacks of the C++ API as the trainer's, and the other way round.
#pragma once

#include <keratin/keras/callbacks.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/fit.h"

namespace keratin::keras {

/// What a model that is trained must do for callbacks.
struct TrainedModel {
  std::function<Model&()> take;  ///< the model, with the weights of now
  std::function<void()> give;    ///< the trainable gets what was set since
};

/// The callbacks of one fit, made the trainer's.
class FitCallbacks {
 public:
  /// Throws Error(usage).
  FitCallbacks(const std::vector<callbacks::CallbackPtr>& callbacks, TrainedModel model);
  FitCallbacks(const FitCallbacks&) = delete;
  ~FitCallbacks();

  /// Adds them to the options, and their checkpoints.
  void add_to(trainer::FitOptions& options);
  /// Removes what is needed no more.
  void finish();

 private:
  std::vector<callbacks::CallbackPtr> kept_;
  std::vector<std::unique_ptr<trainer::Callback>> adapters_;
  std::optional<trainer::Checkpoints> checkpoints_;
  bool deletes_checkpoints_ = false;
};

}  // namespace keratin::keras
