// The options that say where samples come from, which several commands have.
#pragma once

#include <string_view>

#include "runtime/trainer/command_line.h"
#include "runtime/trainer/dataset.h"

namespace keratin::trainer {

/// Of commands that need targets too.
inline constexpr Option kDataOptions[] = {
    {"data", "FILE...",
     ".npz, .h5 or .safetensors with arrays x and y (or x:NAME and y:NAME for each input and\n"
     "target), and sample_weight if samples count differently; or the arrays from files of their\n"
     "own, x=FILE.npy y=FILE.npy; or a table, .csv or .tsv, with a line of column names; or a\n"
     "folder with a folder of images, .png or .jpg, for each class",
     true, true},
    {"label", "NAME...", "the columns of a table that are targets; all others are features", false, true},
    {"features", "NAME...", "the columns of a table that are features, in this order", false, true},
    {"ignore", "NAME...", "columns of a table that are neither", false, true},
    {"categorical", "NAME...", "columns of words: each becomes its number, from 0, in sorted order", false,
     true},
    {"one-hot", "NAME...", "columns of words: each word becomes a column of 0 and 1, in sorted order", false,
     true},
    {"missing", "RULE",
     "fills gaps in a table with its column's mean or median, or a number; or drop: leaves out"},
    {"sample-weight", "NAME", "the column of a table that says how much a sample counts"},
    {"batch-size", "N", "samples at a time (32)"},
};
/// Of commands that need inputs only.
inline constexpr Option kInputOptions[] = {
    {"data", "FILE...",
     ".npz, .h5 or .safetensors with x (or x:NAME for each input), x=FILE.npy, a table (.csv,\n"
     ".tsv), or a folder of images, whose order is that of their names",
     true, true},
    {"label", "NAME...", "columns of a table that are no features", false, true},
    {"features", "NAME...", "the columns of a table that are features, in this order", false, true},
    {"ignore", "NAME...", "columns of a table that are none", false, true},
    {"missing", "NUMBER", "fills gaps in a table"},
    {"batch-size", "N", "samples at a time (32)"},
};

/// The samples of `option`: "data", or another that is like it. `known`: what weights learned of the data's words, or empty.
/// Throws Error.
Dataset read_data(const Arguments& arguments, std::string_view option, const TrainableInfo& model,
                  Needs needs, const Encoding& known);
int64_t batch_size(const Arguments& arguments);

}  // namespace keratin::trainer
