// The options that say where samples come from, which several commands have.
#pragma once

#include <string_view>

#include "runtime/trainer/command_line.h"
#include "runtime/trainer/dataset.h"

namespace keratin::trainer {

/// Of commands that need targets too.
inline constexpr Option kDataOptions[] = {
    {"data", "FILE...",
     ".npz with arrays x and y (or x:NAME and y:NAME for each input and target), and\n"
     "sample_weight if samples count differently; or the arrays from files of their own,\n"
     "x=FILE.npy y=FILE.npy; or .csv with a line of column names",
     true, true},
    {"label", "NAME", "the column of a .csv that holds the label; all others are features"},
    {"batch-size", "N", "samples at a time (32)"},
};
/// Of commands that need inputs only.
inline constexpr Option kInputOptions[] = {
    {"data", "FILE...", ".npz with x (or x:NAME for each input), x=FILE.npy, or .csv", true, true},
    {"label", "NAME", "the column of a .csv that is no feature"},
    {"batch-size", "N", "samples at a time (32)"},
};

/// The samples of `option`: "data", or another that is like it. Throws Error.
Dataset read_data(const Arguments& arguments, std::string_view option, const TrainableInfo& model,
                  Needs needs);
int64_t batch_size(const Arguments& arguments);

}  // namespace keratin::trainer
