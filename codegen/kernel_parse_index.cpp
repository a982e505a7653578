// Indices, sizes and types within the text of a kernel module: the grammar is at the head of codegen/kernel_parse.cpp.
#include "codegen/kernel_parse_parts.h"
#include "ir/error.h"
#include "ir/parse_parts.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr int kDeepestIndex = 32;

class IndexParser {
 public:
  IndexParser(Scanner& in, FindVariable find) : in_(in), find_(std::move(find)) {}

  Index parse() {
    const Scanner::Place start = in_.place();
    try {
      return sum(0);
    } catch (const Error& error) {
      if (!error.where().empty()) throw;
      in_.fail_at(start, error.message());
    }
  }

 private:
  Index sum(int depth) {
    if (depth > kDeepestIndex) in_.fail("the index is nested too deeply");
    Index total = in_.accept('-') ? term(depth) * -1 : term(depth);
    while (true) {
      if (in_.accept('+'))
        total += term(depth);
      else if (in_.accept('-'))
        total += term(depth) * -1;
      else
        return total;
    }
  }

  Index term(int depth) {
    Index value = factor(depth);
    while (true) {
      const Scanner::Place place = in_.place();
      if (in_.accept('*')) {
        value = product(place, value, factor(depth));
      } else if (in_.accept_word("div")) {
        value = floor_div(value, divisor(), {});
      } else if (in_.accept_word("mod")) {
        value = modulo(value, divisor(), {});
      } else {
        return value;
      }
    }
  }

  Index product(Scanner::Place place, const Index& a, const Index& b) {
    if (a.is_constant()) return b * a.value();
    if (b.is_constant()) return a * b.value();
    if (!a.terms().empty() || !b.terms().empty())
      in_.fail_at(place, "the product of two variables is no index");
    return a.constant() * b.constant();
  }

  int64_t divisor() {
    const Scanner::Place place = in_.place();
    const int64_t by = in_.integer();
    if (by < 1) in_.fail_at(place, "a divisor is at least 1");
    return by;
  }

  Index factor(int depth) {
    if (in_.accept('(')) {
      Index inner = sum(depth + 1);
      in_.expect(')');
      return inner;
    }
    if (in_.at('{')) return Size(in_.quotient());
    const Scanner::Place place = in_.place();
    const std::string_view name = in_.at_number() ? std::string_view() : in_.word();
    if (name.empty()) return in_.integer();
    if (const std::optional<VarId> variable = find_(in_, place, name)) return Index::variable(*variable);
    if (is_kernel_keyword(name)) in_.fail_at(place, "expected an index");
    if (!Symbol::is_valid(name)) in_.fail_at(place, cat(quoted(name), " is neither a variable nor a symbol"));
    return Size(Dim(1, Symbol(name)));
  }

  Scanner& in_;
  FindVariable find_;
};

}  // namespace

Index parse_index(Scanner& in, const FindVariable& find) { return IndexParser(in, find).parse(); }

Type parse_buffer_type(Scanner& in) {
  const Scanner::Place start = in.place();
  Type type = parse_type(in);
  if (!type.layout.is_row_major()) in.fail_at(start, "a buffer has its physical shape");
  try {
    (void)type.bytes();
  } catch (const Error& error) {
    in.fail_at(start, error.message());
  }
  return type;
}

Size parse_size(Scanner& in) {
  const auto no_variables = [](Scanner&, Scanner::Place, std::string_view) { return std::optional<VarId>(); };
  const Scanner::Place start = in.place();
  const Index index = parse_index(in, no_variables);
  if (!index.terms().empty()) in.fail_at(start, "a size is not divided");
  return index.constant();
}

}  // namespace keratin
