#include "tools/why.h"

#include <algorithm>
#include <map>
#include <set>

#include "codegen/crossings.h"
#include "codegen/program_facts.h"
#include "frontend/table.h"
#include "ir/text.h"

namespace keratin {
namespace {

using Rows = std::vector<std::vector<std::string>>;

/// Rows as lines, the columns but the last as wide as they have to be.
std::string aligned(const Rows& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i)
      text += cat("  ", row[i], std::string(widths[i] - row[i].size(), ' '));
    text += "  " + row.back() + "\n";
  }
  return text;
}

/// Flush right among others like it.
std::string right(const std::string& bytes) {
  constexpr size_t kWidth = 10;  // of "1023.99 KB"
  return cat(std::string(kWidth - std::min(kWidth, bytes.size()), ' '), bytes);
}

std::string layer_text(const Origin& layer) { return layer ? *layer : "-"; }

/// Crossings through one buffer for one reason.
struct Line {
  int64_t bytes;
  const Crossing* crossing;
  std::vector<size_t> readers;
};

class ProgramText {
 public:
  ProgramText(const KernelModule& module, const Program& program, const Decisions& decisions)
      : program_(program),
        decisions_(decisions),
        crossings_(find_crossings(module, program, decisions)),
        ones_(usual_bindings(module, 1)) {}

  std::string text() const {
    const std::string size = of_what();
    const size_t kernels = program_.launches.size();
    std::string text =
        cat(program_.name, ": ", kernels, kernels == 1 ? " kernel" : " kernels",
            "; what they hand on in memory", size, ", and why\n", crossings_text(), "workspace", size, ": ",
            memory_text(program_.workspace.value(ones_)),
            "; in use at the fullest moment: ", memory_text(program_.least_workspace.value(ones_)), "\n");
    const std::string choices = choices_text();
    if (!choices.empty()) text += cat("other decisions\n", choices);
    return text;
  }

 private:
  std::string of_what() const {
    if (fixed_batch(program_) == 0) return ", for one sample";
    if (fixed_slices(program_) == 1) return {};
    const int64_t samples = program_.slices.least;
    return cat(", for a slice of ", samples, samples == 1 ? " sample" : " samples");
  }

  int64_t bytes_of(uint32_t buffer) const {
    const ProgramBuffer& it = program_.buffers[buffer];
    return Type(it.dtype, it.shape).bytes().value(ones_);
  }

  std::vector<Line> lines() const {
    std::map<std::tuple<uint32_t, size_t, std::string>, Line> by_reason;
    for (const Crossing& crossing : crossings_) {
      Line& line = by_reason[{crossing.buffer, crossing.writer, crossing.why}];
      line.bytes = bytes_of(crossing.buffer);
      line.crossing = &crossing;
      line.readers.push_back(crossing.reader);
    }
    std::vector<Line> lines;
    for (auto& [key, line] : by_reason) lines.push_back(std::move(line));
    std::stable_sort(lines.begin(), lines.end(),
                     [](const Line& a, const Line& b) { return a.bytes > b.bytes; });
    return lines;
  }

  std::string crossings_text() const {
    if (crossings_.empty()) return "  no kernel reads what another one writes\n";
    Rows rows;
    std::set<uint32_t> buffers;
    int64_t all = 0;
    for (const Line& line : lines()) {
      const ProgramBuffer& buffer = program_.buffers[line.crossing->buffer];
      if (buffers.insert(line.crossing->buffer).second) all += line.bytes;
      rows.push_back({right(memory_text(line.bytes)),
                      cat(layer_text(line.crossing->layer), " ", to_text(Type(buffer.dtype, buffer.shape))),
                      cat(line.crossing->writer, " -> ", join(line.readers, ", ")), line.crossing->why});
    }
    return cat(aligned(rows), "  ", memory_text(all), " in ", buffers.size(),
               buffers.size() == 1 ? " buffer" : " buffers", "\n");
  }

  /// What was decided for each layer, in the order of the layers.
  std::string choices_text() const {
    std::vector<std::string> layers;
    std::map<std::string, Rows> by_layer;
    for (const Choice& choice : decisions_.choices) {
      if (choice.function != program_.name) continue;
      const std::string layer = layer_text(choice.layer);
      if (!by_layer.contains(layer)) layers.push_back(layer);
      by_layer[layer].push_back({layer, std::string(choice.pass), choice.text});
    }
    Rows rows;
    for (const std::string& layer : layers)
      for (std::vector<std::string>& row : by_layer[layer]) rows.push_back(std::move(row));
    return aligned(rows);
  }

  const Program& program_;
  const Decisions& decisions_;
  const std::vector<Crossing> crossings_;
  Bindings ones_;
};

}  // namespace

std::string why_text(const KernelModule& module, const Decisions& decisions) {
  std::string text;
  for (const Program& program : module.programs) text += ProgramText(module, program, decisions).text();
  return text;
}

}  // namespace keratin
