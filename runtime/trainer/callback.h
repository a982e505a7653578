// What fit tells while it trains, and what may be answered: Keras's callbacks.
//
// Epochs and steps count from 0. What a callback remembers from one call to the next and acts upon is its state: a checkpoint holds
// it, so that training which was interrupted goes on as if it had not been.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "runtime/trainer/history.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// What a callback remembers, by names of its own.
struct CallbackState {
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> texts;
  std::map<std::string, Array> arrays;

  bool empty() const { return numbers.empty() && texts.empty() && arrays.empty(); }
};

/// The training at hand, as callbacks see it.
class Training {
 public:
  virtual ~Training() = default;
  virtual Trainable& model() = 0;
  virtual int64_t epochs() const = 0;  ///< that are wanted, those before initial_epoch included
  virtual int64_t steps() const = 0;   ///< of an epoch that are wanted; data may end before
  virtual bool validates() const = 0;  ///< whether there is a validation, if not in each epoch
  /// Whether callbacks in front of the one whose on_train_begin asks may add this to an epoch's logs.
  virtual bool may_be_logged(const std::string& name) const = 0;
  virtual const History& history() const = 0;  ///< of the epochs that ended
  /// Training ends: after the step at hand, if one is, with what belongs to the end of an epoch.
  virtual void stop() = 0;
  virtual void say(const std::string& text) = 0;   ///< to the user, a line
  virtual void warn(const std::string& text) = 0;  ///< likewise, where warnings go
};

class Callback {
 public:
  virtual ~Callback() = default;
  /// What its state is called; unique among those of a fit. Empty if it has none.
  virtual std::string name() const { return {}; }
  /// Whether it writes files: of many ranks, the first alone has it.
  virtual bool writes() const { return false; }

  virtual void on_train_begin(Training&) {}
  /// Behind on_train_begin, instead of on_epoch_begin: training goes on at this step of the epoch.
  virtual void on_resume(Training&, int64_t /*epoch*/, int64_t /*step*/) {}
  virtual void on_epoch_begin(Training&, int64_t /*epoch*/) {}
  /// Whether the next on_train_batch_end makes use of its logs; metrics are not asked for in vain.
  virtual bool wants_batch_logs() { return false; }
  /// `loss`: of the batch alone; `logs`: means since the epoch began, or empty.
  virtual void on_train_batch_end(Training&, int64_t /*step*/, double /*loss*/, const Logs& /*logs*/) {}
  virtual void on_test_begin(Training&) {}
  virtual void on_test_end(Training&, const Logs& /*logs*/) {}
  /// Whether its on_epoch_end may add this to the logs.
  virtual bool may_log(const Trainable&, const std::string& /*name*/) const { return false; }
  /// May add to the logs, which callbacks behind it and the history see.
  virtual void on_epoch_end(Training&, int64_t /*epoch*/, Logs& /*logs*/) {}
  /// Training is over, and what is only known then comes into the weights next (Trainable::finish_training). `is_stopped`: a callback has
  /// ended it, before its last epoch.
  virtual void before_finish(Trainable&, bool /*is_stopped*/) {}
  /// Also if training was stopped, but not if it failed.
  virtual void on_train_end(Training&) {}

  virtual void on_message(const std::string& /*text*/) {}
  virtual void on_warning(const std::string& /*text*/) {}

  virtual CallbackState state() const { return {}; }
  /// Behind on_train_begin. Throws Error(data) about a state that is not one of its own.
  virtual void restore(const CallbackState&) {}
};

}  // namespace keratin::trainer
