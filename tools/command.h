// Subcommands as tables: what each takes stands in one array, and help, parsing and completion of errors follow from it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keratin {

/// One argument of a subcommand.
struct Option {
  std::string_view names;  ///< "-o,--output", or "MODEL" for one that is known by its place
  std::string_view value;  ///< what its value is called, "FILE"; empty: a flag
  std::string_view help;
  bool required = false;
  bool repeated = false;  ///< may be given several times
};

/// Other weights than the model's own: read_model() takes them.
inline constexpr Option kWeightsOption = {
    "--weights", "FILE",
    "a .safetensors file, such as a trainer writes, or a .weights.h5 file,\nsuch as Keras's save_weights(), instead of the model's own weights"};

/// Of commands that read Keras models.
inline constexpr Option kPluginOption{
    "--plugin", "FILE",
    "a shared object with layers, losses, metrics or optimizers of your\nown; may be repeated", false, true};

/// What was given on the command line, by the options' last names without dashes: "output", "MODEL".
class Arguments {
 public:
  explicit Arguments(std::map<std::string, std::vector<std::string>, std::less<>> values)
      : values_(std::move(values)) {}

  bool has(std::string_view name) const { return values_.contains(name); }
  /// The value, or `otherwise` if the option was not given.
  std::string get(std::string_view name, std::string_view otherwise = {}) const;
  const std::vector<std::string>& all(std::string_view name) const;
  /// The value as a number. Throws Error(usage), naming the option, if it is none or less than `least`.
  int64_t get_int(std::string_view name, int64_t otherwise, int64_t least) const;
  double get_real(std::string_view name, double otherwise) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Command {
  std::string_view name;
  std::string_view summary;   ///< one line, for the list of commands
  std::string_view examples;  ///< lines that can be typed, with what they do; shown first
  std::span<const Option> options;
  int (*run)(const Arguments& arguments);  ///< the process's exit status; throws Error
};

extern const Command kCompileCommand, kExportCommand, kRunCommand, kBenchCommand, kSummaryCommand,
    kDumpCommand, kOptCommand, kOpsCommand;

/// The whole of main(): parses, runs a command, reports errors to standard error. The exit status: 0, or ErrorKind's value.
int run_command_line(int argc, const char* const* argv);

}  // namespace keratin
