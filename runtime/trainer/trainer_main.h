// The program of a compiled trainer: fit, evaluate, predict, summary.
#pragma once

#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// For main(). Results go to standard output, everything else to standard error. Returns the exit status: 0; 2 wrong command
/// line; 3 NaN, found by --check-numerics; 65 malformed input or one that does not fit; 66 no such input; 70 a fault of the program, 71 no memory; 73 an output
/// cannot be created; 74 reading or writing failed; 130 or 143 stopped by a signal, after what was asked for was saved.
int trainer_main(Trainable& model, int argc, char** argv);

}  // namespace keratin::trainer
