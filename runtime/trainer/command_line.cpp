// CLI11 splits the words; what is said about them is ours.
#include "runtime/trainer/command_line.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <CLI/CLI.hpp>

#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

/// CLI11's words for what is wrong, with the option that was probably meant.
[[noreturn]] void refuse(const Command& command, const std::string& program, const CLI::ParseError& error,
                         const std::vector<std::string>& words) {
  const std::string where = cat(program, " ", command.name);
  const std::string hint = cat("`", where, " --help` shows examples");
  std::vector<std::string> known;
  for (const std::span<const Option> group : command.options)
    for (const Option& option : group) known.push_back(cat("--", option.name));
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    for (const std::string& word : words) {
      const std::string name = word.substr(0, word.find('='));
      if (!name.starts_with("--") || std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::string similar = most_similar(name, known);
      throw Error(ErrorKind::usage, cat("unknown option ", name), where,
                  similar.empty() ? hint : cat("did you mean ", similar, "?"));
    }
  }
  throw Error(ErrorKind::usage, error.what(), where, hint);
}

std::string help_of(const Option& option) {
  std::string text = cat("  --", option.name, option.value.empty() ? "" : " ", option.value);
  text.append(text.size() < 26 ? 26 - text.size() : 1, ' ');
  for (const char c : option.help) text += c == '\n' ? "\n" + std::string(26, ' ') : std::string(1, c);
  return text + "\n";
}

}  // namespace

std::string Arguments::get(std::string_view name) const {
  const std::vector<std::string> words = get_all(name);
  return words.empty() ? std::string() : words.back();
}

std::vector<std::string> Arguments::get_all(std::string_view name) const {
  const auto found = words_.find(name);
  return found == words_.end() ? std::vector<std::string>() : found->second;
}

int64_t Arguments::get_int(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const {
  if (!has(name)) return otherwise;
  const std::string text = get(name);
  const std::optional<int64_t> value = parse_integer(text);
  if (!value || *value < least || *value > most)
    throw Error(ErrorKind::usage,
                cat(trainer::quoted(text), " is no whole number of at least ", least,
                    most == INT64_MAX ? std::string() : cat(" and at most ", most)),
                cat("--", name));
  return *value;
}

double Arguments::get_fraction(std::string_view name) const {
  if (!has(name)) return 0;
  const std::string text = get(name);
  const std::optional<double> value = parse_double(text);
  if (!value || !(*value >= 0 && *value < 1))
    throw Error(ErrorKind::usage, cat(trainer::quoted(text), " is no number from 0 to below 1"),
                cat("--", name));
  return *value;
}

Arguments parse_options(const Command& command, const std::string& program,
                        const std::vector<std::string>& words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_windows_style_options(false);
  Arguments::Words given;
  const auto add = [&](const Option& option) {
    const std::string name = cat("--", option.name);
    const auto keep = [&given, &option](const std::vector<std::string>& texts) {
      std::vector<std::string>& words = given[std::string(option.name)] = texts;
      if (option.bare) std::erase(words, "");  // CLI11's word for none
    };
    if (option.value.empty())
      app.add_flag_callback(name, [keep] { keep({"yes"}); });
    else
      app.add_option_function<std::vector<std::string>>(name, keep)
          ->required(option.required)
          ->expected(option.bare ? 0 : 1, option.many ? std::numeric_limits<int>::max() : 1);
  };
  for (const std::span<const Option> group : command.options)
    for (const Option& option : group) add(option);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    refuse(command, program, error, words);
  }
  return Arguments(std::move(given));
}

std::string command_help(const Command& command, const std::string& program) {
  std::string text = cat(command.summary, "\n\n");
  for (size_t at = 0; at < command.examples.size();) {
    const size_t end = command.examples.find('\n', at) + 1;
    const std::string_view line = command.examples.substr(at, end - at);
    text += line.starts_with("  ") ? line : cat("  ", program, " ", line);
    at = end;
  }
  text += cat("\nUsage: ", program, " ", command.name);
  std::string lines;
  for (const std::span<const Option> group : command.options)
    for (const Option& option : group) {
      if (option.required) text += cat(" --", option.name, " ", option.value);
      lines += help_of(option);
    }
  return cat(text, " [OPTION]...\n\n", lines);
}

}  // namespace keratin::trainer
