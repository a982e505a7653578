// The trainer's command line: a command's options are a table, which makes its help too.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keratin::trainer {

struct Option {
  std::string_view name;   ///< without the dashes
  std::string_view value;  ///< what follows it, as the help calls it; empty for a flag
  std::string_view help;
  bool required = false;
  bool many = false;  ///< takes several words, together or one after the other
  bool bare = false;  ///< may stand without a word
};

/// The options that were given.
class Arguments {
 public:
  /// The words of each option, by its name.
  using Words = std::map<std::string, std::vector<std::string>, std::less<>>;
  explicit Arguments(Words words) : words_(std::move(words)) {}

  bool has(std::string_view name) const { return words_.count(name) != 0; }
  std::string get(std::string_view name) const;  ///< empty if it was not given
  std::vector<std::string> get_all(std::string_view name) const;
  /// Throws Error(usage) if it is no whole number from `least` to `most`.
  int64_t get_int(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const;
  /// Throws Error(usage) if it is no number from 0 to below 1.
  double get_fraction(std::string_view name) const;

 private:
  Words words_;
};

class Trainable;

struct Command {
  std::string_view name, summary;
  std::string_view
      examples;  ///< command lines without the program's name, each behind two blanks, and what they do
  std::span<const std::span<const Option>> options;          ///< in groups
  int (*run)(Trainable& model, const Arguments& arguments);  ///< gives the exit status; throws Error
};

/// What stands behind the command's name. Throws Error(usage).
Arguments parse_options(const Command& command, const std::string& program,
                        const std::vector<std::string>& words);

std::string command_help(const Command& command, const std::string& program);

}  // namespace keratin::trainer
