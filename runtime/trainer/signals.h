// Signals while a model is trained.
#pragma once

#include <csignal>

namespace keratin::trainer {

/// Notes SIGINT, SIGTERM and SIGHUP for as long as it lives; the second of one kind ends the process as usual. Whoever reads the output may
/// leave, and a file may be too large for a limit: errors of writing, not the end. One object at a time.
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
  struct sigaction before_[6] = {};
};

}  // namespace keratin::trainer
