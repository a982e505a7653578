// Artefacts: what `keratin compile` leaves behind. A shared object, a relocatable object or an archive, and beside it a C
// header that stands alone.
//
// An artefact holds one program, the model's `predict` (or the only function of a module that has none of that name), as
// program 0 of its krt_model. It exports the functions below and nothing else; PREFIX is the file's stem (or --name) made a
// C identifier. codegen/emit_entry.cpp emits them, each a thunk of a few instructions around the runtime's function of
// the last column; codegen/c_header.cpp declares and documents them for users.
//
//   int PREFIX_<program>(const T *INPUT…, T *OUTPUT…, [void *state,] size_t n, void *workspace,
//                        struct keratin_pool *pool)                                 krt_invoke(model, 0, …, n, state, …)
//   int PREFIX_<program>_alloc(const T *INPUT…, T *OUTPUT…, [void *state,] size_t n)    krt_invoke_alloc(model, 0, …)
//       inputs in the program's order, then outputs in the program's order; `state` only if state_bytes > 0 (NULL is passed
//       on otherwise). The thunk stores the pointers to two arrays on its stack.
//   int PREFIX_call(const void *const *inputs, void *const *outputs, void *state, size_t n, void *workspace,
//                   struct keratin_pool *pool)                                      krt_invoke: for callers that learn
//       the model's shape at run time; `state` always present
//   size_t PREFIX_workspace_size(size_t n, unsigned threads)                          krt_workspace_size(model, 0, …)
//   size_t PREFIX_state_size(void)                          only if state_bytes > 0: the constant
//   int PREFIX_state_init(void *state)                      only if state_bytes > 0   krt_state_init
//   int PREFIX_selftest(void)                                                         krt_selftest
//   const char *PREFIX_strerror(int status)                                           krt_strerror
//   struct keratin_pool *PREFIX_pool_create(unsigned threads)                         krt_pool_create
//   void PREFIX_pool_destroy(struct keratin_pool *pool)                               krt_pool_destroy
//   const struct keratin_info *PREFIX_info(void)            the address of a constant (runtime/abi.h) that holds the names,
//       dtypes and shapes and the addresses of call, workspace_size, state_init (NULL without state), selftest, strerror, pool_create/_destroy
//
// A shared object also exports `keratin_info`, a second name of PREFIX_info, so that a program which opens it with dlopen
// needs to know no prefix. Booleans are passed as one byte each (uint8_t), f16 and bf16 as their bits (uint16_t).
//
// The names of programs, inputs and outputs are the model's, made C identifiers by c_names().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codegen/emit.h"
#include "codegen/kernel.h"
#include "codegen/target.h"
#include "ir/tensor.h"

namespace keratin {

/// Inputs and the outputs that they must give; stored in the artefact for PREFIX_selftest.
/// Floats match if |got - want| <= atol + rtol · |want|.
struct SelfTest {
  int64_t n = 0;  ///< the batch; 0: no self-test
  std::vector<Tensor> inputs, outputs;
  double atol = 1e-3, rtol = 1e-3;
};
/// A deterministic input of two samples (or of the fixed batch) and what the reference interpreter makes of it.
/// Requires: `model` is as read, before any pass.
SelfTest make_selftest(const Module& model, std::string_view function);

struct ArtefactOptions {
  std::string name;  ///< of the model in C; empty: from the path
  EmitOptions emit;
  SelfTest selftest;
};

/// Writes `path` (.so, .o or .a) and the header beside it (.h); nothing is left half-written.
/// Requires: all variables of `module` that `predict` reads have data.
/// Throws Error: usage (another ending), unsupported (a free dimension other than N), cannot_create, io.
void write_artefact(const KernelModule& module, const Target& target, const ArtefactOptions& options,
                    const std::string& path);

/// The program that an artefact of `module` runs. Throws Error(usage) if that is not clear.
const Program& artefact_program(const KernelModule& module);

/// `module` with one of its programs and the kernels and variables that it uses.
KernelModule extract_program(const KernelModule& module, const Program& program);

/// The only n that the program accepts, as the runtime sees it; 0: any. Without the symbol N it is the first dimension
/// of the first input (1 if there is none).
int64_t fixed_batch(const Program& program);

/// The header's text. Requires: `prefix` is a C identifier.
std::string c_header(const KernelModule& module, const Target& target, std::string_view prefix);

/// `name` as the first part of identifiers of C and C++: other characters become _; never a reserved name.
std::string c_identifier(std::string_view name);

/// A program's names in C: its entry point is PREFIX_<entry>, its parameters are named as the arrays; all are different,
/// even when case is ignored, and none is a keyword or a name that the header uses otherwise.
struct CNames {
  std::string entry;
  std::vector<std::string> inputs, outputs;
};
CNames c_names(const Program& program);

/// The type in a C signature: "float", "int64_t", "uint8_t" for booleans, "uint16_t" for 16-bit floats.
std::string_view c_type(DType dtype);

}  // namespace keratin
