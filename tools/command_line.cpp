// The command line: CLI11 splits it by the commands' tables; everything else is ours.
#include <charconv>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "codegen/target.h"
#include "frontend/load_plugin.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tools/command.h"
#include "tools/help.h"

namespace keratin {
namespace {

constexpr const Command* kCommands[] = {&kCompileCommand, &kExportCommand, &kRunCommand, &kBenchCommand,
                                        &kSummaryCommand, &kDumpCommand,   &kOptCommand, &kOpsCommand};

const Command& find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command* command : kCommands) {
    if (command->name == name) return *command;
    names.emplace_back(command->name);
  }
  const std::string similar = most_similar(name, names);
  throw Error(ErrorKind::usage, cat("unknown command ", keratin::quoted(name)), "keratin",
              similar.empty() ? cat("commands are ", join(names, ", ")) : cat("did you mean ", similar, "?"));
}

/// CLI11's words for what is wrong, with the option that was probably meant.
[[noreturn]] void refuse(const Command& command, const CLI::ParseError& error,
                         const std::vector<std::string>& words) {
  std::vector<std::string> known;
  for (const Option& option : command.options) known.push_back(cat("--", option_key(option.names)));
  std::string hint = cat("`keratin ", command.name, " --help` shows examples");
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    for (const std::string& word : words) {
      const std::string name = word.substr(0, word.find('='));
      if (!name.starts_with("--") || std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::string similar = most_similar(name, known);
      throw Error(ErrorKind::usage, cat("unknown option ", name), cat("keratin ", command.name),
                  similar.empty() ? hint : cat("did you mean ", similar, "?"));
    }
  }
  throw Error(ErrorKind::usage, error.what(), cat("keratin ", command.name), hint);
}

Arguments parse(const Command& command, const std::vector<std::string>& words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_windows_style_options(false);
  std::map<std::string, std::vector<std::string>, std::less<>> values;
  for (const Option& option : command.options) {
    const std::string key = option_key(option.names);
    std::vector<std::string>& value = values[key];
    if (option.value.empty()) {
      app.add_flag(std::string(option.names),
                   [&value](int64_t times) { value.assign(times > 0 ? 1 : 0, "yes"); });
    } else {
      CLI::Option* added = app.add_option(std::string(option.names), value)->required(option.required);
      if (!option.repeated) added->expected(1);
      added->allow_extra_args(false);
    }
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    refuse(command, error, words);
  }
  std::erase_if(values, [](const auto& entry) { return entry.second.empty(); });
  return Arguments(std::move(values));
}

/// Passes and code generators do not know where a model comes from: what names no file of the command line is about it.
[[noreturn]] void fail_in_model(const Arguments& arguments, const Error& error) {
  const bool about_model = error.kind() == ErrorKind::data || error.kind() == ErrorKind::unsupported;
  if (!about_model || !arguments.has("MODEL")) throw error;
  for (const std::string_view option : {"MODEL", "weights", "input", "expect"})
    if (arguments.has(option) && error.where().starts_with(arguments.get(option))) throw error;
  throw error.within(arguments.get("MODEL"));
}

void print_out(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int run(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || (words[0] == "help" && words.size() < 2)) {
    print_out(overview(kCommands));
    return words.empty() ? static_cast<int>(ErrorKind::usage) : 0;
  }
  if (words[0] == "--version") {
    const Target host = host_target();
    print_out(cat("keratin " KERATIN_VERSION ", LLVM " KERATIN_LLVM_VERSION ", on ", host.cpu, " (",
                  host.triple, ")\n"));
    return 0;
  }
  const bool asked_by_name = words[0] == "help";
  const Command& command = find_command(words[asked_by_name ? 1 : 0]);
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  const auto is_help = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (asked_by_name || std::any_of(rest.begin(), rest.end(), is_help)) {
    print_out(command_help(command));
    return 0;
  }
  const Arguments arguments = parse(command, rest);
  for (const std::string& path : arguments.all("plugin")) load_plugin(path);
  try {
    return command.run(arguments);
  } catch (const Error& error) {
    fail_in_model(arguments, error);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::data, "there is not enough memory", arguments.get("MODEL"),
                "`keratin dump` shows how large its tensors are");
  }
}

}  // namespace

std::string Arguments::get(std::string_view name, std::string_view otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string(otherwise) : found->second.back();
}

const std::vector<std::string>& Arguments::all(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto found = values_.find(name);
  return found == values_.end() ? none : found->second;
}

int64_t Arguments::get_int(std::string_view name, int64_t otherwise, int64_t least) const {
  if (!has(name)) return otherwise;
  const std::string text = get(name);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least)
    throw Error(ErrorKind::usage, cat(keratin::quoted(text), " is not a whole number of at least ", least),
                cat("--", name));
  return value;
}

double Arguments::get_real(std::string_view name, double otherwise) const {
  if (!has(name)) return otherwise;
  const std::string text = get(name);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0))
    throw Error(ErrorKind::usage, cat(keratin::quoted(text), " is not a number of at least 0"),
                cat("--", name));
  return value;
}

int run_command_line(int argc, const char* const* argv) {
  try {
    const int status = run(std::vector<std::string>(argv + 1, argv + argc));
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw Error(ErrorKind::io, "writing the result failed", "standard output");
    return status;
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(error.kind());
  }
}

}  // namespace keratin
