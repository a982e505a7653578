// Signals that stop training.
#pragma once

#include <csignal>

namespace keratin::trainer {

/// Notes SIGINT and SIGTERM for as long as it lives; the second of them ends the process as usual. One at a time.
class SignalGuard {
 public:
  SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  ~SignalGuard();

  /// The one that came; 0: none.
  static int signal();
  /// Whether SIGUSR1 came since the last call: a checkpoint is asked for.
  static bool take_save_request();

 private:
  struct sigaction interrupt_ = {}, terminate_ = {}, user_ = {};
};

}  // namespace keratin::trainer
