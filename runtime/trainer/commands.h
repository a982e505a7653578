// The trainer's commands, a file each, and what they share.
#pragma once

#include "runtime/trainer/command_line.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

extern const Command kFitCommand, kEvaluateCommand, kPredictCommand, kSummaryCommand, kExportCommand;

inline constexpr Option kWeightsOption = {"weights", "FILE", "start with weights that --save wrote"};
/// Gives the model the weights of --weights, if it is there.
void start_weights(Trainable& model, const Arguments& arguments);

/// Of commands that compute, and of those that say what that takes.
inline constexpr Option kThreadsOption = {"threads", "K",
                                          "how many threads compute; otherwise one per processor"};
/// Has the model compute on as many threads as --threads says, if it is there.
void start_threads(Trainable& model, const Arguments& arguments);

/// Of commands that many processes run together.
inline constexpr Option kRanksOptions[] = {
    {"mpi", "", "train with the other processes of an MPI job, as a launcher's processes do by themselves"},
    {"no-mpi", "", "train alone"},
};
/// Joins the other processes, if there are any. Whether this one prints and writes.
bool start_ranks(Trainable& model, const Arguments& arguments);
/// For commands that one process runs: whether that is this one.
bool is_first_of_ranks();

/// Creates the option's file, if it is there, and leaves it: what cannot be written is better known before hours of training.
void check_creatable(const Arguments& arguments, std::string_view option);

/// Results go to standard output, and nothing else does.
void print_out(const std::string& text);

}  // namespace keratin::trainer
