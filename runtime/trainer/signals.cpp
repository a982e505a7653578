#include "runtime/trainer/signals.h"

#include <cstddef>
#include <iterator>

namespace keratin::trainer {
namespace {

volatile std::sig_atomic_t stop_signal = 0, save_requested = 0;

void stop(int signal) { stop_signal = signal; }
void request(int) { save_requested = 1; }

struct Handled {
  int number;
  void (*handler)(int);
  unsigned flags;
};
const Handled kSignals[] = {
    {SIGINT, stop, SA_RESETHAND | SA_RESTART},
    {SIGTERM, stop, SA_RESETHAND | SA_RESTART},
    {SIGHUP, stop, SA_RESETHAND | SA_RESTART},
    {SIGUSR1, request, SA_RESTART},
    {SIGPIPE, SIG_IGN, 0},
    {SIGXFSZ, SIG_IGN, 0},
};

}  // namespace

SignalGuard::SignalGuard() {
  stop_signal = 0;
  save_requested = 0;
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    struct sigaction action = {};
    action.sa_handler = kSignals[i].handler;
    action.sa_flags = static_cast<int>(kSignals[i].flags);
    sigaction(kSignals[i].number, &action, &before_[i]);
    // What nohup and background jobs have been told to ignore, they ignore.
    if (before_[i].sa_handler == SIG_IGN) sigaction(kSignals[i].number, &before_[i], nullptr);
  }
}

SignalGuard::~SignalGuard() {
  for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i].number, &before_[i], nullptr);
}

int SignalGuard::signal() { return stop_signal; }

bool SignalGuard::take_save_request() {
  const bool was = save_requested != 0;
  save_requested = 0;
  return was;
}

}  // namespace keratin::trainer
