// Artefacts: what `keratin compile` leaves behind. A shared object, a relocatable object or an archive, and beside it a C
// header that stands alone.
//
// An artefact holds one program, the model's `predict` (or the only function of a module that has none of that name), as
// program 0 of its krt_model; its kernels for one or several levels of processors, of which a call uses the best that it
// finds; and the weights once, for all. It exports the functions below and nothing else; PREFIX is the file's stem (or --name)
// made a C identifier. codegen/emit_entry.cpp emits them, each a thunk of a few instructions around the runtime's function of
// the last column; codegen/c_header.cpp declares and documents them for users.
//
//   int PREFIX_<program>(const T *INPUT…, T *OUTPUT…, [void *state,] size_t n, size_t LENGTH…, void *workspace,
//                        struct keratin_pool *pool)                                 krt_invoke(model, 0, …, n, …)
//   int PREFIX_<program>_alloc(const T *INPUT…, T *OUTPUT…, [void *state,] size_t n, size_t LENGTH…)
//                                                                                    krt_invoke_alloc(model, 0, …)
//       inputs in the program's order, then outputs in the program's order; `state` only if state_bytes > 0 (NULL is passed
//       on otherwise). The thunk stores the pointers to two arrays on its stack.
//   int PREFIX_call(const void *const *inputs, void *const *outputs, void *state, size_t n, const size_t *lengths,
//                   void *workspace, struct keratin_pool *pool)                     krt_invoke: for callers that learn
//       the model's shape at run time; `state` and `lengths` always present
//   size_t PREFIX_workspace_size(size_t n, size_t LENGTH…, unsigned threads)          krt_workspace_size(model, 0, …)
//   int PREFIX_encode_INPUT(const char *const *strings, const size_t *sizes, size_t count, [size_t length,] int64_t *integers)
//   size_t PREFIX_length_INPUT(const char *const *strings, const size_t *sizes, size_t count)
//       only of inputs that are made of strings, by a table among the weights (runtime/strings.h): krt_encode, krt_encoded_length.
//       `length`, and the second function, only if a string becomes a row of a free length
//   size_t PREFIX_state_size(void)                          only if state_bytes > 0: the constant
//   int PREFIX_state_init(void *state)                      only if state_bytes > 0   krt_state_init
//   int PREFIX_selftest(void)                                                         krt_selftest
//   const char *PREFIX_strerror(int status)                                           krt_strerror
//   struct keratin_pool *PREFIX_pool_create(unsigned threads)                         krt_pool_create
//   void PREFIX_pool_destroy(struct keratin_pool *pool)                               krt_pool_destroy
//   const struct keratin_info *PREFIX_info(void)            the address of a constant (runtime/abi.h) that holds the names,
//       dtypes and shapes and the addresses of call, workspace_size, state_init (NULL without state), selftest, strerror, pool_create/_destroy,
//       encode, encoded_length (NULL without strings)
//
// A shared object also exports `keratin_info`, a second name of PREFIX_info, so that a program which opens it with dlopen
// needs to know no prefix. Booleans are passed as one byte each (uint8_t), f16 and bf16 as their bits (uint16_t).
//
// The names of programs, inputs and outputs are the model's, made C identifiers by c_names() (codegen/c_names.h).
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codegen/emit.h"
#include "ir/tensor.h"

namespace keratin {

/// Inputs and the outputs that they must give; stored in the artefact for PREFIX_selftest.
/// Floats match if |got - want| <= atol + rtol · |want|.
struct SelfTest {
  int64_t n = 0;     ///< the batch; 0: no self-test
  Bindings lengths;  ///< of the axes that are free beside it
  std::vector<Tensor> inputs, outputs;
  std::vector<std::string>
      strings;  ///< of which inputs are made that are made of strings, one after the other
  double atol = 1e-3, rtol = 1e-3;
};
/// A deterministic input of two samples (or of the fixed batch) and what the reference interpreter makes of it.
/// Requires: `model` is as read, before any pass.
SelfTest make_selftest(const Module& model, std::string_view function);
/// The same with zeros for outputs: what the model makes of the inputs is not known yet.
SelfTest make_selftest_inputs(const Module& model, std::string_view function);

struct ArtefactOptions {
  std::string name;  ///< of the model in C; empty: from the path
  EmitOptions emit;
  SelfTest selftest;
};

/// Writes `path` (.so, .o or .a) and the header beside it (.h); nothing is left half-written.
/// Requires: all variables that `predict` reads have data; more demanding levels come first.
/// Throws Error: usage (another ending), unsupported (too many free dimensions), cannot_create, io.
void write_artefact(std::span<const LevelKernels> levels, const ArtefactOptions& options,
                    const std::string& path);

/// A shared object that would be written, and its header, without the values of the variables in `open`, which are weights, of its
/// outputs of the self-test, and of its own name. Throws Error as write_artefact(), and unsupported if it changes one of them.
struct ArtefactTemplate {
  FileTemplate file;
  std::string header;
};
ArtefactTemplate artefact_template(std::span<const LevelKernels> levels, const ArtefactOptions& options,
                                   const std::set<std::string>& open);

/// Writes an executable that trains: all programs of TrainerSpec, linked with the prebuilt trainer. It needs libc and libm where
/// it runs. Requires: all variables have data or start from zero; more demanding levels come first.
/// Throws Error: unsupported (a free dimension other than N, a target of another kind than this machine), no_input (the trainer
/// or the system's libc is not installed here), cannot_create, io.
void write_trainer(std::span<const LevelKernels> levels, const EmitOptions& emit, TrainerSpec trainer,
                   const ExportsSpec& exports, const std::string& path);

/// The header's text. Requires: `prefix` is a C identifier.
std::string c_header(std::span<const LevelKernels> levels, std::string_view prefix);

}  // namespace keratin
