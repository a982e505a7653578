#include "runtime/trainer/signals.h"

namespace keratin::trainer {
namespace {

volatile std::sig_atomic_t stop_signal = 0, save_requested = 0;

}  // namespace

SignalGuard::SignalGuard() {
  stop_signal = 0;
  save_requested = 0;
  struct sigaction noting = {};
  noting.sa_handler = [](int signal) { stop_signal = signal; };
  noting.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &noting, &interrupt_);
  sigaction(SIGTERM, &noting, &terminate_);
  noting.sa_handler = [](int) { save_requested = 1; };
  noting.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &noting, &user_);
}

SignalGuard::~SignalGuard() {
  sigaction(SIGINT, &interrupt_, nullptr);
  sigaction(SIGTERM, &terminate_, nullptr);
  sigaction(SIGUSR1, &user_, nullptr);
}

int SignalGuard::signal() { return stop_signal; }

bool SignalGuard::take_save_request() {
  const bool was = save_requested != 0;
  save_requested = 0;
  return was;
}

}  // namespace keratin::trainer
