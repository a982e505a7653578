#include "runtime/trainer/progress.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr int64_t kBarWidth = 20;
constexpr double kInterval = 0.05;

std::string printed(const char* format, double value) {
  if (std::isnan(value)) return "nan";  // C may write -nan
  char buffer[400];                     // the longest double has 309 digits before the point
  return {buffer, static_cast<size_t>(std::snprintf(buffer, sizeof buffer, format, value))};
}

std::string duration_text(double seconds) {
  if (seconds >= 1 || seconds == 0) return printed(" %.0fs/step", seconds);
  if (seconds >= 1e-3) return printed(" %.0fms/step", seconds * 1e3);
  return printed(" %.0fus/step", seconds * 1e6);
}

/// How long the epoch will still take.
std::string remaining_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  const auto two = [](int64_t n) { return cat(n < 10 ? "0" : "", n); };
  if (seconds > 3600) return cat(s / 3600, ":", two(s % 3600 / 60), ":", two(s % 60));
  if (seconds > 60) return cat(s / 60, ":", two(s % 60));
  return cat(s, "s");
}

/// `size`: what decides between the two notations.
std::string logs_text(const Logs& logs, double (*size)(double)) {
  std::string text;
  for (const auto& [name, value] : logs)
    text += cat(" - ", name, ": ", printed(size(value) > 1e-3 ? "%.4f" : "%.4e", value));
  return text;
}

std::string bars(int64_t n) {
  std::string text;
  for (int64_t i = 0; i < n; ++i) text += "━";
  return text;
}

/// Columns on a terminal: characters, without escape sequences.
size_t columns(const std::string& text) {
  size_t n = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b')
      i = text.find('m', i);
    else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80)
      ++n;
  }
  return n;
}

}  // namespace

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Progress::Progress(std::FILE* out, std::FILE* errors, Verbose verbose, bool terminal,
                   std::function<double()> clock)
    : out_(out), errors_(errors), verbose_(verbose), terminal_(terminal), clock_(std::move(clock)) {}

void Progress::print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

void Progress::on_epoch_begin(Training& training, int64_t epoch) { on_resume(training, epoch, 0); }

void Progress::on_resume(Training& training, int64_t epoch, int64_t step) {
  steps_ = training.steps();
  first_ = step;
  start_ = clock_();
  after_first_step_ = last_draw_ = -1;
  width_ = 0;
  if (verbose_ != Verbose::silent && training.epochs() > 1)
    print(cat("Epoch ", epoch + 1, "/", training.epochs(), "\n"));
}

/// The first step, which may have to warm up, is left out once there are more.
double Progress::step_duration(int64_t step, double now) {
  const int64_t done = step - first_;
  if (done == 0) return 0;
  const double duration = after_first_step_ >= 0 && done > 1
                              ? (now - after_first_step_) / static_cast<double>(done - 1)
                              : (now - start_) / static_cast<double>(done);
  if (done == 1) after_first_step_ = now;
  return duration;
}

bool Progress::wants_batch_logs() {
  return verbose_ == Verbose::bar && terminal_ && (last_draw_ < 0 || clock_() - last_draw_ >= kInterval);
}

void Progress::on_train_batch_end(Training&, int64_t step, double, const Logs& logs) {
  if (verbose_ != Verbose::bar) return;
  const double now = clock_();
  if (terminal_ && (last_draw_ < 0 || now - last_draw_ >= kInterval))
    draw(step + 1, logs, now, false);
  else
    step_duration(step + 1, now);
}

void Progress::on_epoch_end(Training&, int64_t, Logs& logs) {
  const double now = clock_();
  if (verbose_ == Verbose::bar) draw(steps_, logs, now, true);
  if (verbose_ != Verbose::line) return;
  print(cat(counts(steps_), printed(" - %.0fs -", now - start_), duration_text(step_duration(steps_, now)),
            logs_text(logs, [](double value) { return value; }), "\n"));
}

/// "  7/250".
std::string Progress::counts(int64_t step) const {
  const std::string done = to_text(step), all = to_text(steps_);
  return cat(std::string(all.size() - std::min(done.size(), all.size()), ' '), done, "/", all);
}

void Progress::draw(int64_t step, const Logs& logs, double now, bool last) {
  const double duration = step_duration(step, now);
  const auto colored = [&](const char* code, const std::string& text) {
    return terminal_ ? cat("\x1b[", code, "m", text, "\x1b[0m") : text;
  };
  const int64_t filled = kBarWidth * step / steps_;
  std::string line = cat(colored("1", counts(step)), " ");
  if (filled > 0) line += colored("32", bars(filled));
  line += colored("37", bars(kBarWidth - filled));
  const std::string time =
      last ? printed("%.0fs", now - start_) : remaining_text(duration * static_cast<double>(steps_ - step));
  line += cat(" ", colored("1", time), duration_text(duration),
              logs_text(logs, [](double value) { return std::fabs(value); }));
  const size_t width = columns(line);
  if (terminal_)
    line = cat(std::string(width_, '\b'), "\r", line, std::string(width_ > width ? width_ - width : 0, ' '));
  print(line + (last ? "\n" : ""));
  width_ = width;
  last_draw_ = now;
  line_open_ = !last;
}

void Progress::leave_line() {
  if (line_open_) print("\n");
  line_open_ = false;
  width_ = 0;
}

void Progress::on_message(const std::string& text) {
  if (verbose_ == Verbose::silent) return;
  leave_line();
  print(text + "\n");
}

void Progress::on_warning(const std::string& text) {
  leave_line();
  std::fprintf(errors_, "warning: %s\n", text.c_str());
  std::fflush(errors_);
}

}  // namespace keratin::trainer
