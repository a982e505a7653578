// The options of fit that are callbacks. What follows one are Keras's arguments, "patience=3", and "restore_best_weights" for one that is
// true.
#pragma once

#include <memory>
#include <vector>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/command_line.h"

namespace keratin::trainer {

inline constexpr Option kCallbackOptions[] = {
    {"early-stopping", "KEY=VALUE...",
     "end when a metric has stopped improving: monitor=val_loss min_delta=0 patience=0\n"
     "mode=auto|min|max baseline=B restore_best_weights start_from_epoch=0",
     false, true, true},
    {"reduce-lr-on-plateau", "KEY=VALUE...",
     "a smaller learning rate then: monitor=val_loss factor=0.1 patience=10 mode=auto\n"
     "min_delta=0.0001 cooldown=0 min_lr=0",
     false, true, true},
    {"learning-rate-scheduler", "EPOCH:RATE...",
     "set the learning rate from these epochs on, 1:0.01 10:0.001, and log it; `model` logs\nthat of the model's schedule",
     false, true},
    {"model-checkpoint", "KEY=VALUE...",
     "save weights: path=w-{epoch:02d}-{val_loss:.3f}.safetensors monitor=val_loss\n"
     "save_best_only mode=auto save_freq=epoch|STEPS initial_value_threshold=V",
     false, true},
    {"swap-ema-weights", "swap_on_epoch",
     "validate with the averages of the weights (use_ema); swap_on_epoch: save them, too", false, true, true},
    {"terminate-on-nan", "", "end at a loss that is NaN or infinite"},
    {"tensorboard", "KEY=VALUE...",
     "write what TensorBoard shows: log_dir=logs update_freq=epoch|batch|STEPS\n"
     "histogram_freq=0 write_steps_per_second",
     false, true, true},
    {"csv-logger", "FILE", "write a table with a row for each epoch"},
    {"plot", "FILE", "draw loss and metrics by epoch, .svg"},
};

/// Those that were asked for, in Keras's usual order. Throws Error(usage).
std::vector<std::unique_ptr<Callback>> make_callbacks(const Arguments& arguments);

}  // namespace keratin::trainer
