// The main function of a trainer executable.
#include <cstdio>

#include "runtime/abi.h"
#include "runtime/trainer/compiled.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/ranks.h"
#include "runtime/trainer/trainer_main.h"

extern "C" const krt_trainer keratin_trainer_model;

int main(int argc, char** argv) {
  using namespace keratin::trainer;
  constexpr int kUnsupported = 69;  // sysexits.h
  try {
    const auto model = make_compiled(keratin_trainer_model, threads_of_rank());
    return trainer_main(*model, argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return kUnsupported;
  }
}
