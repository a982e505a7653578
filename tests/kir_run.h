// What the notes of a .kir file with the command `run` say, done on any executor:
//
//     input x = f32[2,3] [1.0, 2.0, …]   the value of a parameter from now on; one number fills the array
//     set @dense/kernel = f32[2,2] 0.5   the value that a variable starts from
//     call train_step
#pragma once

#include <string>
#include <vector>

#include "ir/executor.h"
#include "tests/kir_file.h"

namespace keratin {

struct KirCall {
  std::string function;
  std::vector<Tensor> results;
  std::vector<Tensor> updated;  ///< the variables that the function updates, in its order
};

/// The calls, one after the other; the notes are gone through `times` times, and variables keep their values.
std::vector<KirCall> run_notes(const KirFile& file, const Module& module, Executor& executor, int times = 1);

}  // namespace keratin
