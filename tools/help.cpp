#include "tools/help.h"

#include <algorithm>
#include <numeric>

#include "ir/text.h"

namespace keratin {
namespace {

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

bool is_positional(const Option& option) { return !option.names.starts_with('-'); }

/// "-o, --output FILE".
std::string option_text(const Option& option) {
  std::string text;
  for (const char c : option.names) text += c == ',' ? std::string(", ") : std::string(1, c);
  if (is_positional(option) || option.value.empty()) return text;
  return cat(text, " ", option.value);
}

std::string usage(const Command& command) {
  std::string text = cat("keratin ", command.name);
  bool has_options = false;
  for (const Option& option : command.options) {
    if (is_positional(option))
      text +=
          option.required ? cat(" ", option.names) : cat(" [", option.names, option.repeated ? "]..." : "]");
    else if (option.required)
      text += cat(" ", option.names.substr(0, option.names.find(',')), " ", option.value);
    else
      has_options = true;
  }
  return has_options ? text + " [OPTION]..." : text;
}

/// How many letters have to be inserted, deleted or replaced to make `a` of `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string option_key(std::string_view names) {
  std::string_view last = names.substr(names.rfind(',') + 1);
  while (last.starts_with('-')) last.remove_prefix(1);
  return std::string(last);
}

std::string overview(std::span<const Command* const> commands) {
  std::string text =
      "Keratin compiles Keras models to native code.\n\n"
      "  keratin compile mnist.keras -o mnist.so                a shared object and mnist.h, for C and C++\n"
      "  keratin run mnist.keras --input x.npz --output y.npz   compile and run at once\n"
      "  keratin summary mnist.keras                            the layers, as Keras shows them\n\n"
      "Commands:\n";
  for (const Command* command : commands)
    text += cat("  ", padded(std::string(command->name), 10), command->summary, "\n");
  return text +
         "\n`keratin COMMAND --help` says more about each; `keratin --version` what this is.\n"
         "Exit status: 0; 2 wrong command line; 65 malformed input or one that does not fit; 66 no such "
         "input;\n"
         "69 not supported; 73 output cannot be created; 74 reading or writing failed.\n";
}

std::string command_help(const Command& command) {
  std::string text = cat(command.summary, "\n\n", command.examples, "\nUsage: ", usage(command), "\n\n");
  size_t width = 0;
  for (const Option& option : command.options) width = std::max(width, option_text(option).size() + 2);
  width = std::min(width, size_t{26});
  for (const Option& option : command.options) {
    const std::string names = option_text(option);
    text += cat("  ", padded(names, width));
    if (names.size() + 2 > width) text += cat("\n  ", padded("", width));
    for (const char c : option.help) text += c == '\n' ? cat("\n  ", padded("", width)) : std::string(1, c);
    text += "\n";
  }
  return text;
}

std::string most_similar(std::string_view word, std::span<const std::string> words) {
  std::string best;
  size_t least = 1 + word.size() / 3;
  for (const std::string& candidate : words) {
    const size_t distance = edit_distance(word, candidate);
    if (distance <= least && (best.empty() || distance < least)) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace keratin
