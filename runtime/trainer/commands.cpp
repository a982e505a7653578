#include "runtime/trainer/commands.h"

#include <cstdio>

#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/weights.h"

namespace keratin::trainer {

void start_weights(Trainable& model, const Arguments& arguments) {
  if (arguments.has("weights")) load_weights(model, arguments.get("weights"));
}

void start_threads(Trainable& model, const Arguments& arguments) {
  constexpr int64_t kMost = 1024;  // as many processors as Linux's sets of them hold
  const int64_t threads = arguments.get_int("threads", 0, 1, kMost);
  if (threads > 0) model.set_threads(static_cast<unsigned>(threads));
}

bool start_ranks(Trainable& model, const Arguments& arguments) {
  if (arguments.has("mpi") && arguments.has("no-mpi"))
    throw Error(ErrorKind::usage, "excludes --mpi", "--no-mpi");
  std::unique_ptr<Ranks> ranks = join_ranks(arguments.has("mpi")      ? Launch::asked
                                            : arguments.has("no-mpi") ? Launch::alone
                                                                      : Launch::by_environment);
  if (!ranks) return true;
  const bool is_first = ranks->is_first();
  model.join(std::move(ranks));
  return is_first;
}

bool is_first_of_ranks() {
  const std::unique_ptr<Ranks> ranks = join_ranks(Launch::by_environment);
  return !ranks || ranks->is_first();
}

void check_creatable(const Arguments& arguments, std::string_view option) {
  if (arguments.has(option)) StagedFile(arguments.get(option));
}

void print_out(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace keratin::trainer
