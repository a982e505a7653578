// What a program's inputs say about its symbols; checked before anything runs.
#include "codegen/emit.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

bool fits(const Tensor& input, const ProgramBuffer& buffer, const Bindings& bindings) {
  if (input.dtype() != buffer.dtype || input.shape().size() != buffer.shape.size()) return false;
  for (size_t axis = 0; axis < buffer.shape.size(); ++axis) {
    const Dim dim = buffer.shape[axis];
    if (!is_known(dim, bindings)) return false;
    if (input.shape()[axis] != dim.value(bindings)) return false;
  }
  return true;
}

}  // namespace

Bindings bind_symbols(const Program& program, std::span<const Symbol> symbols,
                      std::span<const Tensor> inputs) {
  const std::string where = cat("function ", program.name);
  if (inputs.size() != program.inputs.size()) {
    throw Error(ErrorKind::data, cat("found ", inputs.size(), " inputs, expected ", program.inputs.size()),
                where);
  }
  Bindings bindings;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ProgramBuffer& buffer = program.buffers[program.inputs[i]];
    for (size_t axis = 0; axis < std::min(buffer.shape.size(), inputs[i].shape().size()); ++axis)
      learn(bindings, buffer.shape[axis], inputs[i].shape()[axis]);
    if (!fits(inputs[i], buffer, bindings)) {
      throw Error(ErrorKind::data,
                  cat("found ", inputs[i].type(), ", expected ", Type(buffer.dtype, buffer.shape)),
                  cat(where, ": input ", buffer.name));
    }
  }
  expect_lengths(bindings, where);
  expect_computed_lengths(bindings, symbols, where);
  return bindings;
}

}  // namespace keratin
