#include "runtime/trainer/model_checkpoint.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <utility>

#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/text.h"
#include "runtime/trainer/weights.h"

namespace keratin::trainer {
namespace {

constexpr const char kWho[] = "ModelCheckpoint";

/// "02d", ".3f", … as Python writes a number by it; `text`: for errors.
std::string formatted(double value, const std::string& format, const std::string& text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < format.size() && std::isdigit(static_cast<unsigned char>(format[at])) != 0) ++at;
    return at - begin;
  };
  bool is_good = digits() <= 2;
  if (at < format.size() && format[at] == '.') {
    ++at;
    const size_t precision = digits();
    is_good = is_good && precision >= 1 && precision <= 2;
  }
  const bool has_kind = at + 1 == format.size();
  const char kind = has_kind ? format[at] : 'g';
  is_good = is_good && (has_kind || at == format.size()) &&
            std::string_view("dfeEgG").find(kind) != std::string_view::npos;
  if (!is_good)
    throw Error(ErrorKind::usage, cat(quoted(format), " is no format of a number"), cat(kWho, ": ", text),
                "such as {epoch:02d} or {val_loss:.3f}");
  char buffer[500];
  if (format.empty()) {
    return value == static_cast<double>(static_cast<int64_t>(value)) ? to_text(static_cast<int64_t>(value))
                                                                     : to_text(value);
  }
  const std::string numbers = format.substr(0, at);
  const int size = kind == 'd' ? std::snprintf(buffer, sizeof buffer, cat("%", numbers, "lld").c_str(),
                                               static_cast<long long>(value))
                               : std::snprintf(buffer, sizeof buffer, cat("%", numbers, kind).c_str(), value);
  return {buffer, static_cast<size_t>(size)};
}

/// A part of a path: text, and behind it, but for the last one, the place of a number.
struct Piece {
  std::string text;
  bool has_place = false;
  std::string name, format;
};

std::vector<Piece> pieces_of(const std::string& path) {
  std::vector<Piece> pieces(1);
  for (size_t at = 0; at < path.size(); ++at) {
    const bool is_doubled =
        (path[at] == '{' || path[at] == '}') && at + 1 < path.size() && path[at + 1] == path[at];
    if (path[at] != '{' || is_doubled) {
      pieces.back().text += path[at];
      at += is_doubled ? 1 : 0;
      continue;
    }
    const size_t end = path.find('}', at);
    if (end == std::string::npos)
      throw Error(ErrorKind::usage, "has a { without its }", cat(kWho, ": ", path));
    const std::string place = path.substr(at + 1, end - at - 1);
    const size_t colon = std::min(place.find(':'), place.size());
    pieces.back().has_place = true;
    pieces.back().name = place.substr(0, colon);
    pieces.back().format = place.substr(std::min(colon + 1, place.size()));
    pieces.emplace_back();
    at = end;
  }
  return pieces;
}

}  // namespace

std::string format_path(const std::string& text, const Logs& numbers) {
  std::string out;
  for (const Piece& piece : pieces_of(text)) {
    out += piece.text;
    if (!piece.has_place) continue;
    const double* value = find_log(numbers, piece.name);
    if (value == nullptr) {
      std::vector<std::string> names;
      for (const auto& [known, unused] : numbers) names.push_back(known);
      throw Error(ErrorKind::usage,
                  cat("has a place for ", quoted(piece.name), ", which is not known when it is saved"),
                  cat(kWho, ": ", text), cat("known are ", join(names, ", ")));
    }
    out += formatted(*value, piece.format, text);
  }
  return out;
}

ModelCheckpoint::ModelCheckpoint(const ModelCheckpointOptions& options)
    : ModelCheckpoint(options, [](Training& training, const std::string& path) {
        StagedFile file(path);
        save_weights(training.model(), file);
        file.commit();
      }) {
  if (!options.path.ends_with(".safetensors"))
    throw Error(ErrorKind::usage, cat("the path is ", quoted(options.path)), kWho,
                "weights are saved as .safetensors");
}

ModelCheckpoint::ModelCheckpoint(const ModelCheckpointOptions& options,
                                 std::function<void(Training& training, const std::string& path)> write)
    : options_(options),
      write_(std::move(write)),
      monitor_(kWho, options.monitor, options.mode, 0, options.initial_value_threshold) {}

void ModelCheckpoint::on_train_begin(Training& training) {
  if (options_.save_best_only) monitor_.begin(training);
  const std::vector<MetricInfo>& metrics = training.model().info().metrics;
  const bool is_of_step = options_.save_freq > 0;
  if (options_.save_best_only && is_of_step &&
      std::none_of(metrics.begin(), metrics.end(),
                   [&](const MetricInfo& metric) { return metric.name == options_.monitor; }))
    throw Error(ErrorKind::usage,
                cat("watches ", quoted(options_.monitor), ", which is not known after a step"), kWho,
                "leave save_freq away, or watch a metric of training: monitor=loss");
  steps_ = 0;
  has_warned_ = false;
  Logs known = {{"epoch", 1}};
  if (is_of_step) known.emplace_back("batch", 1);
  for (const MetricInfo& metric : metrics) {
    known.emplace_back(metric.name, 0);
    if (training.validates() && !is_of_step) known.emplace_back(cat("val_", metric.name), 0);
  }
  for (const Piece& piece : pieces_of(options_.path))
    if (!is_of_step && find_log(known, piece.name) == nullptr && training.may_be_logged(piece.name))
      known.emplace_back(piece.name, 0);
  const std::string path = format_path(options_.path, known), before = pieces_of(options_.path)[0].text;
  // Of the folders those are made that have the same name in each epoch.
  make_folder(folder_of(before));
  StagedFile(before.substr(0, before.rfind('/') + 1) + path.substr(path.rfind('/') + 1));
}

void ModelCheckpoint::on_resume(Training&, int64_t epoch, int64_t) { epoch_ = epoch; }

void ModelCheckpoint::save(Training& training, const Logs& logs, std::optional<int64_t> step) {
  Logs numbers = {{"epoch", static_cast<double>(epoch_ + 1)}};
  if (step) numbers.emplace_back("batch", static_cast<double>(*step + 1));
  numbers.insert(numbers.end(), logs.begin(), logs.end());
  std::vector<std::string> wanted;
  for (const Piece& piece : pieces_of(options_.path))
    if (piece.has_place) wanted.push_back(piece.name);
  if (options_.save_best_only) wanted.push_back(options_.monitor);
  const auto missing = std::find_if(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return find_log(numbers, name) == nullptr;
  });
  if (missing != wanted.end()) {
    if (!std::exchange(has_warned_, true))
      training.warn(cat(kWho, ": ", quoted(*missing), " is not known in epoch ", epoch_ + 1,
                        "; where it is not, nothing is saved"));
    return;
  }
  if (options_.save_best_only && !monitor_.improves(*monitor_.value(logs))) return;
  const std::string path = format_path(options_.path, numbers);
  make_folder(folder_of(path));
  write_(training, path);
}

void ModelCheckpoint::on_train_batch_end(Training& training, int64_t step, double, const Logs& logs) {
  if (options_.save_freq == 0 || ++steps_ < options_.save_freq) return;
  steps_ = 0;
  save(training, logs, step);
}

void ModelCheckpoint::on_epoch_end(Training& training, int64_t, Logs& logs) {
  if (options_.save_freq == 0) save(training, logs, {});
}

CallbackState ModelCheckpoint::state() const {
  CallbackState state;
  monitor_.save(state);
  state.numbers["steps"] = static_cast<double>(steps_);
  return state;
}

void ModelCheckpoint::restore(const CallbackState& state) {
  monitor_.restore(state);
  steps_ = count_of(state, "steps");
}

}  // namespace keratin::trainer
