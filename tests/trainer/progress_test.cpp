#include "runtime/trainer/progress.h"

#include <cmath>

#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

/// What is printed when time goes as the test wants it.
class Screen {
 public:
  Screen(Verbose verbose, bool terminal)
      : out_(std::tmpfile()),
        errors_(std::tmpfile()),
        progress(out_, errors_, verbose, terminal, [this] { return now; }) {}
  Screen(const Screen&) = delete;
  ~Screen() {
    std::fclose(out_);
    std::fclose(errors_);
  }
  void begin(int64_t epoch, int64_t epochs, int64_t steps) {
    training_.epochs_ = epochs;
    training_.steps_ = steps;
    progress.on_epoch_begin(training_, epoch);
  }
  /// `step`: how many are done.
  void end_step(int64_t step, const Logs& logs) { progress.on_train_batch_end(training_, step - 1, 0, logs); }
  void end_epoch(Logs logs) { progress.on_epoch_end(training_, 0, logs); }

  std::string printed() { return text_of(out_); }
  std::string warned() { return text_of(errors_); }

 private:
  static std::string text_of(std::FILE* file) {
    std::string text(static_cast<size_t>(std::ftell(file)), '\0');
    std::rewind(file);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
    return text;
  }
  std::FILE *out_, *errors_;
  SomeTraining training_;

 public:
  double now = 100;
  Progress progress;
};

const std::string kFull = "━━━━━━━━━━━━━━━━━━━━", kHalf = "━━━━━━━━━━";

TEST(Progress, ALinePerEpochWhereNoTerminalIs) {
  Screen screen(Verbose::bar, false);
  screen.begin(0, 2, 250);
  for (int64_t step = 1; step <= 250; ++step) {
    screen.now += step == 1 ? 0.4 : 0.002;
    EXPECT_FALSE(screen.progress.wants_batch_logs());
    screen.end_step(step, {});
  }
  screen.end_epoch({{"accuracy", 0.76824}, {"loss", 0.821}, {"val_loss", 0.0005}});
  EXPECT_EQ(screen.printed(), "Epoch 1/2\n250/250 " + kFull +
                                  " 1s 2ms/step - accuracy: 0.7682 - loss: 0.8210 - val_loss: 5.0000e-04\n");
}

TEST(Progress, TheFirstStepDoesNotCount) {
  Screen screen(Verbose::bar, false);
  screen.begin(0, 1, 3);
  screen.now += 10;
  screen.end_step(1, {});
  screen.now += 0.0001;
  screen.end_step(2, {});
  screen.now += 0.0001;
  screen.end_step(3, {});
  screen.end_epoch({{"loss", NAN}});
  EXPECT_EQ(screen.printed(), "3/3 " + kFull + " 10s 100us/step - loss: nan\n");
}

TEST(Progress, RedrawnOnATerminal) {
  Screen screen(Verbose::bar, true);
  screen.begin(1, 3, 10);
  screen.now += 2;
  EXPECT_TRUE(screen.progress.wants_batch_logs());
  screen.end_step(1, {{"loss", 1}});
  screen.now += 0.04;
  EXPECT_FALSE(screen.progress.wants_batch_logs());
  screen.end_step(2, {});
  screen.now += 12.06;
  screen.end_step(5, {{"loss", -0.5}});
  screen.end_epoch({{"loss", 0.25}});
  const std::string bold = "\x1b[1m", green = "\x1b[32m", white = "\x1b[37m", plain = "\x1b[0m";
  const std::string first = bold + " 1/10" + plain + " " + green + "━━" + plain + white +
                            "━━━━━━━━━━━━━━━━━━" + plain + " " + bold + "18s" + plain +
                            " 2s/step - loss: 1.0000";
  const std::string second = bold + " 5/10" + plain + " " + green + kHalf + plain + white + kHalf + plain +
                             " " + bold + "15s" + plain + " 3s/step - loss: -0.5000";
  const std::string last = bold + "10/10" + plain + " " + green + kFull + plain + white + plain + " " + bold +
                           "14s" + plain + " 1s/step - loss: 0.2500";
  EXPECT_EQ(screen.printed(), "Epoch 2/3\n\r" + first + std::string(53, '\b') + "\r" + second +
                                  std::string(54, '\b') + "\r" + last + " \n");
}

TEST(Progress, RemainingTime) {
  Screen screen(Verbose::bar, true);
  screen.begin(0, 1, 100);
  screen.now += 90;
  screen.end_step(1, {});
  EXPECT_NE(screen.printed().find("2:28:30"), std::string::npos);
  screen.begin(0, 1, 2);
  screen.now += 61;
  screen.end_step(1, {});
  EXPECT_NE(screen.printed().find("1:01\x1b[0m 61s/step"), std::string::npos);
}

TEST(Progress, FullWhereDataEnded) {
  Screen screen(Verbose::bar, false);
  screen.begin(0, 1, 7);
  screen.now += 1;
  screen.end_step(1, {});
  screen.end_step(2, {});
  screen.end_epoch({{"loss", 0.5}});
  EXPECT_EQ(screen.printed(), "7/7 " + kFull + " 1s 0s/step - loss: 0.5000\n");
}

TEST(Progress, Verbosity) {
  Screen lines(Verbose::line, true), silent(Verbose::silent, true);
  for (Screen* screen : {&lines, &silent}) {
    screen->begin(0, 5, 25);
    EXPECT_FALSE(screen->progress.wants_batch_logs());
    screen->end_step(1, {});
    screen->now += 25;
    screen->end_epoch({{"loss", 0.5}});
  }
  EXPECT_EQ(lines.printed(), "Epoch 1/5\n25/25 - 25s - 1s/step - loss: 0.5000\n");
  EXPECT_EQ(silent.printed(), "");
}

TEST(Progress, WarningsDoNotStandBehindABar) {
  Screen screen(Verbose::bar, true);
  screen.begin(0, 1, 2);
  screen.now += 1;
  screen.end_step(1, {});
  screen.progress.on_warning("one");
  EXPECT_TRUE(screen.printed().ends_with("1s/step\n"));
  EXPECT_EQ(screen.warned(), "warning: one\n");
}

}  // namespace
}  // namespace keratin::trainer
