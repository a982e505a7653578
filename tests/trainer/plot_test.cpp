#include "runtime/trainer/plot.h"

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

History small_history() {
  History history;
  history.epochs = {{{"accuracy", 0.75},
                     {"loss", 0.8},
                     {"val_accuracy", 0.875},
                     {"val_loss", 0.5},
                     {"learning_rate", 0.01}},
                    {{"accuracy", 0.875},
                     {"loss", 0.4},
                     {"val_accuracy", 0.9},
                     {"val_loss", 0.45},
                     {"learning_rate", 0.001}},
                    {{"accuracy", 0.9},
                     {"loss", 0.2},
                     {"val_accuracy", 0.89},
                     {"val_loss", NAN},
                     {"learning_rate", 0.0001}}};
  return history;
}

TEST(Plot, OfASmallHistory) {
  const std::string path = KERATIN_SOURCE_DIR "/tests/data/logs/curves.svg";
  const std::string text = plot(small_history(), "digits");
  if (std::getenv("KERATIN_BLESS") != nullptr) std::ofstream(path) << text;
  EXPECT_EQ(text, read_bytes(path)) << "if this is right, look at it and run with KERATIN_BLESS=1";
}

/// Whether tags are closed in the order of their opening, and text holds no others. Requires: no comments or CDATA.
bool is_well_formed(const std::string& text) {
  std::vector<std::string> open;
  size_t roots = 0;
  for (size_t at = 0; (at = text.find_first_of("<>&", at)) != std::string::npos; ++at) {
    if (text[at] == '>') return false;
    if (text[at] == '&') {
      const size_t end = text.find(';', at);
      const std::string name = text.substr(at + 1, end - at - 1);
      if (name != "amp" && name != "lt" && name != "gt") return false;
      continue;
    }
    const size_t end = text.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = text.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return false;
    const std::string name = tag.substr(0, tag.find(' '));
    if (name[0] == '/') {
      if (open.empty() || open.back() != name.substr(1)) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      if (open.empty()) ++roots;
      open.push_back(name);
    }
    at = end;
  }
  return open.empty() && roots == 1;
}

TEST(Plot, NastyHistoriesAreWellFormed) {
  EXPECT_FALSE(is_well_formed("<a><b></a></b>"));
  EXPECT_FALSE(is_well_formed("<a>1 < 2</a>"));
  EXPECT_FALSE(is_well_formed("<a>&</a>"));
  History history;
  EXPECT_TRUE(is_well_formed(plot(history, "<&> \"none\"")));
  EXPECT_NE(plot(history, "").find("no epoch has ended"), std::string::npos);
  const std::string name = "</text> & <b> of 'all' \"classes\" \x01\xff in one";
  for (const double value : {0.0, 1e-8, 1e300, static_cast<double>(-INFINITY), static_cast<double>(NAN)}) {
    history.epochs.push_back({{name, value}, {"val_only", value}, {"loss", -value}});
    EXPECT_TRUE(is_well_formed(plot(history, name)));
  }
  history.first_epoch = INT64_MAX / 2;
  const std::string text = plot(history, name);
  EXPECT_TRUE(is_well_formed(text));
  EXPECT_EQ(text.find("nan"), std::string::npos);
  EXPECT_EQ(text.find("inf\""), std::string::npos);
  EXPECT_EQ(text, plot(history, name));
}

TEST(Plot, LossFirstAndLearningRatesLast) {
  const std::string text = plot(small_history(), "digits");
  const auto place = [&](const std::string& metric) { return text.find("class=\"metric\">" + metric + "<"); };
  EXPECT_LT(place("loss"), place("accuracy"));
  EXPECT_LT(place("accuracy"), place("learning_rate"));
  EXPECT_NE(text.find(">1e-4<"), std::string::npos);  // on a logarithmic axis
  EXPECT_NE(text.find(">validation<"), std::string::npos);
  History unvalidated;
  unvalidated.epochs = {{{"loss", 1}}};
  EXPECT_EQ(plot(unvalidated, "digits").find(">validation<"), std::string::npos);
}

TEST(Plot, IsDrawnNowAndThenAndAtTheEnd) {
  const Folder folder;
  SomeTraining training;
  double now = 1000;
  Plot drawer(folder / "curves.svg", [&] { return now; });
  drawer.on_epoch_begin(training, 0);
  EXPECT_EQ(read_bytes(folder / "curves.svg"), "");
  const auto epoch = [&](double seconds) {
    now += seconds;
    training.end_epoch(drawer, {{"loss", now}});
    drawer.on_epoch_begin(training, 1);
  };
  epoch(1);
  const std::string first = plot(training.history_, "line");
  EXPECT_EQ(read_bytes(folder / "curves.svg"), first);
  epoch(1);
  EXPECT_EQ(read_bytes(folder / "curves.svg"), first);
  epoch(60);
  EXPECT_NE(read_bytes(folder / "curves.svg"), first);
  training.end_epoch(drawer, {{"loss", 7}});
  drawer.on_train_end(training);
  EXPECT_EQ(read_bytes(folder / "curves.svg"), plot(training.history_, "line"));
}

}  // namespace
}  // namespace keratin::trainer
