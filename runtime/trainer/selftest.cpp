#include "runtime/trainer/selftest.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/abi.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/tolerance.h"

namespace keratin::trainer {
namespace {

size_t aligned(int64_t bytes) {
  return (static_cast<size_t>(bytes) + KRT_ALIGNMENT - 1) / KRT_ALIGNMENT * KRT_ALIGNMENT;
}

Array array_of(const Signature& signature, int64_t n) {
  Shape shape{signature.row_count(n)};
  shape.insert(shape.end(), signature.shape.begin(), signature.shape.end());
  return {signature.dtype, shape};
}

/// The byte of the library at `at`, which is one that it always has.
const unsigned char* byte_at(const krt_file& library, uint64_t at) {
  const unsigned char* kept = library.bytes;
  uint64_t begin = 0;
  for (uint64_t i = 0; i < library.piece_count; ++i) {
    const krt_piece& piece = library.pieces[i];
    const bool is_kept = piece.source == KRT_PIECE_BYTES;
    if (is_kept && at - begin < piece.bytes) return kept + (at - begin);
    if (is_kept) kept += piece.bytes;
    begin += piece.bytes;
  }
  throw Error(ErrorKind::data, "the library has no self-test");
}

std::vector<Array> results(Trainable& model, const krt_file& library) {
  const auto n = static_cast<int64_t>(library.selftest_n);
  std::vector<Array> inputs, outputs;
  uint64_t at = library.selftest_at;
  for (const Signature& signature : model.info().inputs) {
    Array& input = inputs.emplace_back(array_of(signature, n));
    std::memcpy(input.mutable_data(), byte_at(library, at), static_cast<size_t>(input.bytes()));
    at += aligned(input.bytes());
  }
  std::vector<const void*> from;
  std::vector<void*> to;
  for (const Array& input : inputs) from.push_back(input.data());
  for (const Signature& signature : model.info().outputs)
    to.push_back(outputs.emplace_back(array_of(signature, n)).mutable_data());
  model.predict(n, from, to);
  return outputs;
}

/// Moves each number by one unit in the last place, every other one towards zero.
template <typename Bits>
void nudge(std::byte* bytes, int64_t count) {
  for (int64_t i = 0; i < count; ++i, bytes += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, bytes, sizeof bits);
    const bool is_zero = static_cast<Bits>(bits << 1) == 0;
    bits = static_cast<Bits>(i % 2 == 0 || is_zero ? bits + 1 : bits - 1);
    std::memcpy(bytes, &bits, sizeof bits);
  }
}

Array nudged(Array array) {
  const int64_t count = array.elements();
  switch (byte_size(array.dtype())) {
    case 2: nudge<uint16_t>(array.mutable_data(), count); break;
    case 4: nudge<uint32_t>(array.mutable_data(), count); break;
    default: nudge<uint64_t>(array.mutable_data(), count);
  }
  return array;
}

/// The results with other weights.
std::vector<Array> nudged_results(Trainable& model, const krt_file& library) {
  std::vector<std::pair<size_t, Array>> weights;
  const std::vector<VariableInfo>& variables = model.info().variables;
  for (size_t i = 0; i < variables.size(); ++i)
    if (variables[i].is_weight() && is_float(variables[i].dtype))
      weights.emplace_back(i, model.get_variable(i));
  for (const auto& [place, weight] : weights) model.set_variable(place, nudged(weight));
  std::vector<Array> outputs = results(model, library);
  for (const auto& [place, weight] : weights) model.set_variable(place, weight);
  return outputs;
}

}  // namespace

SelfTest make_selftest(Trainable& model, const krt_file& library) {
  SelfTest test;
  const std::vector<Array> outputs = results(model, library), others = nudged_results(model, library);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Array& output = outputs[i];
    test.outputs.append(reinterpret_cast<const char*>(output.data()), static_cast<size_t>(output.bytes()));
    test.outputs.resize(aligned(static_cast<int64_t>(test.outputs.size())));
    const double relative = relative_tolerance(output.dtype());
    test.rtol = std::max(test.rtol, relative);
    if (!is_float(output.dtype())) continue;
    for (int64_t k = 0; k < output.elements(); ++k) {
      const double value = std::abs(output.number(k)),
                   distance = std::abs(output.number(k) - others[i].number(k));
      if (std::isfinite(value)) test.atol = std::max(test.atol, relative * value);
      if (std::isfinite(distance)) test.atol = std::max(test.atol, kRoundings * distance);
    }
  }
  return test;
}

}  // namespace keratin::trainer
