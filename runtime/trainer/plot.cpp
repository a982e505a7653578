#include "runtime/trainer/plot.h"

#include <algorithm>
#include <vector>

#include "runtime/trainer/diagram.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/svg.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr double kInterval = 10;            // seconds from one drawing to the next
constexpr double kHeader = 46, kEdge = 16;  // pixels
constexpr size_t kTitleLength =
    40;  // what there is room for in a wide header; beside a legend there is half of it

constexpr std::string_view kStyle = R"(<style>
text { font-family: system-ui, "DejaVu Sans", "Helvetica Neue", Arial, sans-serif; font-size: 11px; fill: #454b54 }
.title { font-size: 16px; font-weight: bold; fill: #1c2128 }
.metric { font-size: 13px; font-weight: bold; fill: #1c2128 }
.ground { fill: #ffffff }
.grid { stroke: #e3e6ea }
.axis { stroke: #9aa1ab; fill: none }
.line { fill: none; stroke-width: 1.7; stroke-linejoin: round }
.training { stroke: #1f6fc4 }
.validation { stroke: #d9630b }
.dot.training { fill: #1f6fc4 }
.dot.validation { fill: #d9630b }
@media (prefers-color-scheme: dark) {
text { fill: #b4bcc8 }
.title, .metric { fill: #eceff4 }
.ground { fill: #14181d }
.grid { stroke: #2b313a }
.axis { stroke: #6c7684 }
.training { stroke: #5aa6f2 }
.validation { stroke: #f59a4a }
.dot.training { fill: #5aa6f2 }
.dot.validation { fill: #f59a4a }
}
</style>
)";

Curve curve_of(const History& history, const std::string& name) {
  Curve curve;
  int64_t epoch = history.first_epoch;
  for (const Logs& logs : history.epochs) {
    ++epoch;
    if (const double* value = find_log(logs, name)) curve.push_back({static_cast<double>(epoch), *value});
  }
  return curve;
}

/// The loss first, learning rates last.
std::vector<Panel> panels_of(const History& history) {
  constexpr std::string_view kValidation = "val_";
  std::vector<Panel> panels;
  for (const std::string& name : history.names()) {
    const bool validates = name.starts_with(kValidation);
    const std::string metric = validates ? name.substr(kValidation.size()) : name;
    auto panel =
        std::find_if(panels.begin(), panels.end(), [&](const Panel& p) { return p.metric == metric; });
    if (panel == panels.end()) panel = panels.insert(panels.end(), Panel{metric, {}, {}});
    (validates ? panel->validation : panel->training) = curve_of(history, name);
  }
  const auto rank = [](const Panel& p) { return p.metric == "loss" ? 0 : p.is_learning_rate() ? 2 : 1; };
  std::stable_sort(panels.begin(), panels.end(),
                   [&](const Panel& a, const Panel& b) { return rank(a) < rank(b); });
  return panels;
}

/// What the colours stand for; ends at `right`.
std::string legend(double right) {
  constexpr double kText = 29, kLine = kText - 4, kLength = 22, kGap = 6;
  std::string text;
  for (const auto& [kind, begin] : {std::pair("training", right - 174), std::pair("validation", right - 80)})
    text += svg_line(begin - kGap - kLength, kLine, begin - kGap, kLine, cat("line ", kind)) +
            svg_text(begin, kText, Anchor::start, "", kind);
  return text;
}

}  // namespace

std::string plot(const History& history, const std::string& title) {
  const std::vector<Panel> panels = panels_of(history);
  const size_t n = std::max<size_t>(panels.size(), 1), columns = n == 1 ? 1 : n <= 4 ? 2 : 3;
  const double width = kPanelWidth * static_cast<double>(columns);
  const double height = kHeader + kPanelHeight * static_cast<double>((n + columns - 1) / columns);
  const bool validates =
      std::any_of(panels.begin(), panels.end(), [](const Panel& panel) { return !panel.validation.empty(); });

  std::string text =
      cat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", coordinate(width), "\" height=\"",
          coordinate(height), "\" viewBox=\"0 0 ", coordinate(width), " ", coordinate(height), "\">\n<title>",
          xml_text(title), "</title>\n", kStyle, "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n");
  text += svg_text(kEdge, 30, Anchor::start, "title",
                   shortened(title, validates && columns == 1 ? kTitleLength / 2 : kTitleLength));
  if (validates) text += legend(width);
  const int64_t first = history.first_epoch + 1;
  const int64_t last = history.first_epoch + static_cast<int64_t>(history.epochs.size());
  for (size_t i = 0; i < panels.size(); ++i)
    text += diagram(panels[i], first, last, kPanelWidth * static_cast<double>(i % columns),
                    kHeader + kPanelHeight * static_cast<double>(i / columns));
  if (panels.empty()) text += svg_text(width / 2, height / 2, Anchor::middle, "", "no epoch has ended");
  return text + "</svg>\n";
}

void Plot::on_epoch_begin(Training& training, int64_t) {
  if (!training.history().epochs.empty() && clock_() - last_ >= kInterval) draw(training);
}

/// The weights are worth more than the drawing: that it failed is no error.
void Plot::on_train_end(Training& training) try { draw(training); } catch (const Error& error) {
  training.warn(cat("no drawing was written: ", error.what()));
}

void Plot::draw(Training& training) {
  StagedFile file(path_);
  file.append(plot(training.history(), training.model().info().name));
  file.commit();
  last_ = clock_();
}

}  // namespace keratin::trainer
