#include "runtime/trainer/trainer_main.h"

#include <cstdio>
#include <new>

#include "runtime/trainer/commands.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr const Command* kCommands[] = {&kFitCommand, &kEvaluateCommand, &kPredictCommand, &kSummaryCommand,
                                        &kExportCommand};

std::string overview(const TrainableInfo& info, const std::string& program) {
  std::string text = cat("Trains the model ", quoted(info.name), ", compiled by Keratin.\n\n");
  for (const Command* command : kCommands) {
    text += cat("  ", program, " ", command->examples.substr(0, command->examples.find('\n') + 1));
  }
  text += "\nCommands:\n";
  for (const Command* command : kCommands)
    text += cat("  ", command->name, std::string(10 - command->name.size(), ' '), command->summary, "\n");
  return text +
         cat("\n`", program,
             " COMMAND --help` says more about each.\n"
             "Exit status: 0; 2 wrong command line; 3 NaN found by --check-numerics; 65 malformed input or one that does not fit; 66 no such input;\n"
             "70 a fault of the program; 71 no memory; 73 output cannot be created; 74 reading or writing failed;\n"
             "130 and 143 stopped by a signal, after saving.\n");
}

const Command& find_command(const std::string& name, const std::string& program) {
  std::vector<std::string> names;
  for (const Command* command : kCommands) {
    if (command->name == name) return *command;
    names.emplace_back(command->name);
  }
  const std::string similar = most_similar(name, names);
  throw Error(ErrorKind::usage, cat("unknown command ", quoted(name)), program,
              similar.empty() ? cat("commands are ", join(names, ", ")) : cat("did you mean ", similar, "?"));
}

int run(Trainable& model, const std::string& program, const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || (words[0] == "help" && words.size() < 2)) {
    print_out(overview(model.info(), program));
    return words.empty() ? static_cast<int>(ErrorKind::usage) : 0;
  }
  const bool asked_by_name = words[0] == "help";
  const Command& command = find_command(words[asked_by_name ? 1 : 0], program);
  for (const std::string& word : words) {
    if (!asked_by_name && word != "--help" && word != "-h") continue;
    print_out(command_help(command, program));
    return 0;
  }
  const Arguments arguments = parse_options(command, program, {words.begin() + 1, words.end()});
  return command.run(model, arguments);
}

/// Other ranks would wait for this one.
int fail(Trainable& model, const char* what, int status) {
  std::fprintf(stderr, "error: %s\n", what);
  if (model.ranks() != nullptr) model.ranks()->abort(status);
  return status;
}

}  // namespace

int trainer_main(Trainable& model, int argc, char** argv) {
  constexpr int kFault = 70, kNoMemory = 71;  // EX_SOFTWARE, EX_OSERR
  std::string program = argc > 0 ? argv[0] : "trainer";
  try {
    const int status = run(model, program, std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw Error(ErrorKind::io, "writing the result failed", "standard output");
    return status;
  } catch (const Error& error) {
    return fail(model, error.what(), static_cast<int>(error.kind()));
  } catch (const std::bad_alloc&) {
    return fail(model, "there is not enough memory", kNoMemory);
  } catch (const std::exception& error) {
    return fail(model, error.what(), kFault);
  }
}

}  // namespace keratin::trainer
