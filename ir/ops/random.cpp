// random_bits: random words that depend on a key and a counter and nothing else.
//
// The word at a place is a function of (key, counter, stream, row, element in the row), so it depends neither
// on how work is cut nor on which other rows there are: a batch cut in two draws the same bits, given the
// rows' numbers. The bits are fixed for good; every way to run the op produces them.
#include <limits>

#include "ir/array.h"
#include "ir/ops/philox.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace rules;

std::vector<Type> infer_random_bits(Operands operands, const Attrs& attrs, const Function*) {
  expect_count_at_least(operands, 2);
  if (operands.size() > 3) expect_count(operands, 3);
  if (operands[0].type() != Type(DType::u32, {2})) fail_operand(operands, 0, "the key must be u32[2]");
  if (operands[1].type() != Type(DType::u32, {})) fail_operand(operands, 1, "the counter must be u32[]");
  if (operands.size() == 3 && operands[2].type() != Type(DType::u32, {}))
    fail_operand(operands, 2, "the number of the first row must be u32[]");
  const auto& [shape, stream] = attrs_as<RandomAttrs>(attrs);
  expect_shape("shape", shape);
  if (stream < 0 || stream > std::numeric_limits<uint32_t>::max())
    fail(cat("stream has ", stream, ", expected a number of 32 bits"));
  return {Type(DType::u32, shape)};
}

void eval_random_bits(const EvalContext& context, std::span<const Array* const> operands,
                      std::span<Array> results) {
  const auto word = [](int64_t value) { return static_cast<uint32_t>(value); };
  const int64_t* key = operands[0]->integer().data();
  const int64_t counter = *operands[1]->integer().data();
  const int64_t first = operands.size() > 2 ? *operands[2]->integer().data() : 0;
  const int64_t stream = context.node.as<RandomAttrs>().stream;
  const std::vector<int64_t> shape = results[0].shape();
  const int64_t rows = shape.empty() ? 1 : shape[0];
  const int64_t row_size = rows == 0 ? 0 : results[0].elements() / rows;
  int64_t* to = results[0].integer().data();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t element = 0; element < row_size; ++element) {
      const auto words = philox4x32({word(element / 4), word(first + row), word(counter), word(stream)},
                                    {word(key[0]), word(key[1])});
      *to++ = words[element % 4];
    }
}

}  // namespace

constinit const OpDef def_random_bits{
    .form = "(key: u32[2], counter: u32[]) -> u32[shape]",
    .doc =
        "Random words by Philox4x32-10. With row the index on axis 0 (0 for a scalar) and element the "
        "row-major index over the other axes, the word there is word element mod 4 of the block with the "
        "counter (element div 4, row, counter, stream); all are 32 bits and wrap. A third operand, u32[], is "
        "the number of the first row, which is 0 otherwise.",
    .infer = infer_random_bits,
    .gradient = not_differentiable,
    .eval = eval_random_bits,
};

}  // namespace keratin
