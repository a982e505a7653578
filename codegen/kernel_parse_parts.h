// The parts of a kernel module's text that kernel_parse.cpp puts together.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "codegen/kernel.h"
#include "ir/scanner.h"

namespace keratin {

/// A kernel, from behind the word `kernel` to its closing brace.
Kernel parse_kernel(Scanner& in);
/// The variables that an index may use; anything else that is a word is a symbol.
using FindVariable =
    std::function<std::optional<VarId>(Scanner& in, Scanner::Place place, std::string_view name)>;
Index parse_index(Scanner& in, const FindVariable& find);

/// A type without a layout, of a size that fits 64 bits.
Type parse_buffer_type(Scanner& in);
Size parse_size(Scanner& in);

/// Items with commas between them, or none, between two marks.
template <typename Fn>
void parse_list(Scanner& in, char open, char close, const Fn& item) {
  in.expect(open);
  if (in.accept(close)) return;
  do item();
  while (in.accept(','));
  in.expect(close);
}

}  // namespace keratin
