// Operations along a line: differences, integrals, powers, frames and spectra.
#include <algorithm>
#include <cmath>

#include "frontend/copied_edges.h"
#include "frontend/elementary.h"
#include "frontend/fourier.h"
#include "frontend/frames.h"
#include "frontend/operations/tables.h"
#include "frontend/positions.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin {
namespace {

constexpr Arg kDiffParams[] = {{"n", ArgKind::integer, "1"}, {"axis", ArgKind::integer, "-1"}};

Outputs diff(OperationCall& call) {
  Expr x = call.tensor(0);
  const int64_t axis = x.axis(call.args().integer("axis"));
  for (int64_t i = 0; i < call.args().integer("n") && !x.dim(axis).is(0); ++i) {
    const Expr next = slice_at(x, axis, 1, {}), before = slice_at(x, axis, {}, -1);
    x = x.dtype() == DType::boolean ? not_equal(next, before) : next - before;
  }
  return x;
}

constexpr Arg kTrapezoidParams[] = {
    {"x", ArgKind::any, "null"},
    {"dx", ArgKind::real, "1.0"},
    {"axis", ArgKind::integer, "-1"},
};

/// The places of the samples are given for the axis, or for each sample; else they are dx apart.
Outputs trapezoid(OperationCall& call) {
  const Expr y = call.real(0);
  const int64_t axis = y.axis(call.args().integer("axis"));
  if (y.dim(axis).is(0)) return sum(y, {axis});
  const auto after = [&](const Expr& x) { return slice_at(x, axis, 1, {}); };
  const auto before = [&](const Expr& x) { return slice_at(x, axis, {}, -1); };
  const Expr heights = (after(y) + before(y)) * 0.5;
  if (call.args().is_null("x")) return sum(heights, {axis}) * call.args().real("dx");
  Expr places = to_float(call.constant(call.args().json("x")));
  if (places.rank() == 1) places = align(places, y, {axis});
  return sum(heights * (after(places) - before(places)), {axis});
}

constexpr Arg kVanderParams[] = {{"N", ArgKind::any, "null"}, {"increasing", ArgKind::boolean, "false"}};

/// Powers of a vector, each a column.
Outputs vander(OperationCall& call) {
  const Expr x = call.tensor(0);
  if (x.rank() != 1) call.fail("its operand must be a vector", ErrorKind::data);
  const Json& given = call.args().json("N");
  const int64_t count = given.is_null() ? x.extent(0) : given.as_int();
  if (count < 1) call.args().reject("N", "expected a number of at least 1");
  std::vector<Expr> powers;
  Expr power = number(x, 1);
  for (int64_t i = 0; i < count; ++i) {
    powers.insert(call.args().boolean("increasing") ? powers.end() : powers.begin(), expand_dims(power, 1));
    power = power * x;
  }
  return concat(powers, 1);
}

// --- frames ---

constexpr Arg kSequenceParams[] = {{"sequence_length", ArgKind::count}, {"sequence_stride", ArgKind::count}};

Outputs extract_sequences(OperationCall& call) {
  return frames_of(call.tensor(0), call.args().integer("sequence_length"),
                   call.args().integer("sequence_stride"));
}

// --- spectra ---

/// The real and the imaginary part.
Complex complex_operand(OperationCall& call) {
  const std::vector<Expr> parts = call.tensors(0);
  const Error error(ErrorKind::data, "its operand must be a pair: real and imaginary part, of one shape");
  if (parts.size() != 2) throw error;
  if (parts[0].shape() != parts[1].shape()) throw_unequal(error, parts[0].shape(), parts[1].shape());
  return {to_float(parts[0]), to_float(parts[1])};
}

Outputs pair_of(const Complex& x) {
  return {Traced(x.real), Traced(x.imaginary ? x.imaginary : number(x.real, 0))};
}

Complex along(const Complex& x, int64_t axis, bool inverse) {
  const Complex y = fourier({move_axis(x.real, axis, -1), move_axis(x.imaginary, axis, -1)}, inverse);
  return {move_axis(y.real, -1, axis), move_axis(y.imaginary, -1, axis)};
}

Outputs fft(OperationCall& call) { return pair_of(along(complex_operand(call), -1, false)); }
Outputs fft2(OperationCall& call) {
  return pair_of(along(along(complex_operand(call), -1, false), -2, false));
}

Outputs ifft2(OperationCall& call) {
  const Complex x = complex_operand(call);
  const auto count = static_cast<double>(x.real.extent(-1) * x.real.extent(-2));
  const Complex y = along(along(x, -1, true), -2, true);
  return pair_of({y.real / count, y.imaginary / count});
}

constexpr Arg kLengthParams[] = {{"fft_length", ArgKind::any, "null"}};

/// `otherwise` is asked for only if it is needed: an axis may have no fixed extent.
template <typename Otherwise>
int64_t length_of(OperationCall& call, std::string_view name, Otherwise otherwise) {
  const Json& given = call.args().json(name);
  const int64_t length = given.is_null() ? otherwise() : given.as_int();
  if (length < 1) call.args().reject(name, "expected a number of at least 1", {}, ErrorKind::data);
  return length;
}

Outputs rfft(OperationCall& call) {
  const Expr x = call.real(0);
  return pair_of(real_fourier(x, length_of(call, "fft_length", [&] { return x.extent(-1); })));
}

Outputs irfft(OperationCall& call) {
  const Complex x = complex_operand(call);
  return inverse_real_fourier(x, length_of(call, "fft_length", [&] { return 2 * (x.real.extent(-1) - 1); }));
}

constexpr Arg kStftParams[] = {
    {"sequence_length", ArgKind::count},  {"sequence_stride", ArgKind::count},
    {"fft_length", ArgKind::count},       {"window", ArgKind::any, "\"hann\""},
    {"center", ArgKind::boolean, "true"},
};
constexpr Arg kIstftParams[] = {
    {"sequence_length", ArgKind::count},  {"sequence_stride", ArgKind::count},
    {"fft_length", ArgKind::count},       {"length", ArgKind::any, "null"},
    {"window", ArgKind::any, "\"hann\""}, {"center", ArgKind::boolean, "true"},
};

/// The window of a frame, zeros around it as far as the transform is longer: "hann", "hamming" or numbers.
Expr window_of(OperationCall& call, const Expr& like) {
  const Args& args = call.args();
  const int64_t length = args.integer("sequence_length"), around = args.integer("fft_length") - length;
  if (around < 0) args.reject("fft_length", "is less than sequence_length", {}, ErrorKind::data);
  const Json& window = args.json("window");
  if (call.is_none("window"))
    return {call.builder(), call.builder().constant(like.dtype(), 1, {Dim(length + around)})};
  auto values = std::make_shared<Tensor>(like.dtype(), std::vector<int64_t>{length});
  if (window.is_string()) {
    if (window.as_string() != "hann" && window.as_string() != "hamming")
      args.reject("window", "expected \"hann\", \"hamming\" or numbers", {}, ErrorKind::data);
    const double mean = window.as_string() == "hann" ? 0.5 : 0.54;
    for (int64_t i = 0; i < length; ++i)
      values->set(
          i, mean - (1 - mean) * std::cos(2 * kPi * static_cast<double>(i) / static_cast<double>(length)));
  }
  const Expr numbers = window.is_string() ? Expr(call.builder(), call.builder().constant(std::move(values)))
                                          : cast(call.constant(window), like.dtype());
  if (numbers.rank() != 1 || numbers.extent(0) != length)
    args.reject("window", cat("expected ", length, " numbers"), {}, ErrorKind::data);
  return pad(numbers, {around / 2}, {around - around / 2});
}

Outputs stft(OperationCall& call) {
  Expr x = call.real(0);
  const int64_t length = call.args().integer("fft_length"), half = length / 2;
  const Expr window = window_of(call, x);
  if (call.args().boolean("center")) x = pad_with_copies(x, x.rank() - 1, half, half, "reflect");
  return pair_of(real_fourier(frames_of(x, length, call.args().integer("sequence_stride")) * window, length));
}

/// Frames, windowed once more and put together, over the sum of the windows' squares.
Outputs istft(OperationCall& call) {
  const Args& args = call.args();
  const Complex x = complex_operand(call);
  const int64_t length = args.integer("fft_length"), stride = args.integer("sequence_stride");
  const Expr window = window_of(call, x.real);
  const Expr frames = inverse_real_fourier(x, length) * window;
  const Expr squares = broadcast_to(window * window, {x.real.dim(-2), Dim(length)});
  const Expr weight = overlapped(squares, stride);
  Expr y = overlapped(frames, stride) / where(greater(weight, 1e-10), weight, number(weight, 1));
  // Without a window Keras scales by how many frames overlap.
  if (call.is_none("window")) y = y * (static_cast<double>(length) / static_cast<double>(stride));
  const int64_t edge = args.boolean("center") ? length / 2 : 0;
  std::optional<int64_t> end;
  if (edge > 0) end = -edge;
  if (!args.is_null("length")) end = edge + args.json("length").as_int();
  return slice_at(y, -1, edge, end);
}

constexpr OperationDef kRows[] = {
    {"Diff", "a", diff, kDiffParams},
    {"Trapezoid", "y", trapezoid, kTrapezoidParams},
    {"Vander", "x", vander, kVanderParams},
    {"ExtractSequences", "x", extract_sequences, kSequenceParams},
    {"FFT", "x", fft},
    {"FFT2", "x", fft2},
    {"IFFT2", "x", ifft2},
    {"RFFT", "x", rfft, kLengthParams},
    {"IRFFT", "x", irfft, kLengthParams},
    {"STFT", "x", stft, kStftParams},
    {"ISTFT", "x", istft, kIstftParams},
};

}  // namespace

std::span<const OperationDef> sequence_operations() { return kRows; }

}  // namespace keratin
