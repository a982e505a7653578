// Layers that turn sound into spectra: STFTSpectrogram, MelSpectrogram.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "frontend/copied_edges.h"
#include "frontend/elementary.h"
#include "frontend/frames.h"
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr double kEpsilon = 1e-7;

// ---- STFTSpectrogram ----

constexpr Arg kStftArgs[] = {
    {"mode", ArgKind::choice, "log", "log|magnitude|psd|real|imag|stft|angle"},
    {"frame_length", ArgKind::count, "256"},
    {"frame_step", ArgKind::any, "null"},
    {"fft_length", ArgKind::any, "null"},
    {"window", ArgKind::any, "null"},  // these three are in the kernels
    {"periodic", ArgKind::boolean, "false"},
    {"scaling", ArgKind::any, "null"},
    {"padding", ArgKind::choice, "valid", "valid|same"},
    {"expand_dims", ArgKind::boolean, "false"},
    kDataFormatArg,
};

/// An argument that is a number of at least 1, or null.
int64_t count_or(const Call& call, std::string_view argument, int64_t otherwise) {
  const Json& given = call.args().json(argument);
  if (given.is_null()) return otherwise;
  if (!given.is_number() || given.as_int() < 1)
    call.args().reject(argument, "expected a number of at least 1", {}, ErrorKind::data);
  return given.as_int();
}

/// One part of the spectra of all frames of [N,channels,time], as [N,channels,frames,frequencies]; the kernel has a wave for each
/// frequency, windowed.
Expr apply_waves(Call& call, const Expr& signal, std::string_view kernel_name, int64_t frequencies) {
  const Args& args = call.args();
  const int64_t length = args.integer("frame_length");
  const int64_t channels = signal.extent(1);
  const Dim batch = signal.dim(0), lines(batch.coef * channels, batch.symbol);
  Expr x = reshape(signal, {lines, signal.dim(2), 1});
  Windows windows{{length}, {count_or(call, "frame_step", std::max<int64_t>(length / 2, 1))}, {1}, {}, {}};
  x = set_padding(windows, args.choice("padding"), x, {2, {1}});
  const Expr kernel = call.variable({kernel_name, {length, 1, frequencies}, "stft"});
  Builder& b = call.builder();
  const Expr spectra(b, b.make(Op::conv, {x.value(), kernel.value()},
                               ConvAttrs{.dims = conv_dims(1, true, "io"),
                                         .stride = windows.stride,
                                         .pad_low = windows.pad_low,
                                         .pad_high = windows.pad_high,
                                         .input_dilation = {1},
                                         .kernel_dilation = {1}}));
  return reshape(spectra, {batch, channels, spectra.dim(1), frequencies});
}

/// What the mode asks for, of the two parts.
Expr combine(const std::string& mode, const Expr& real, const Expr& imaginary) {
  if (mode == "real") return real;
  if (mode == "imag") return imaginary;
  if (mode == "angle") return arctan2(imaginary, real);
  if (mode == "stft") return concat({real, imaginary}, -1);
  const Expr power = real * real + imaginary * imaginary;
  if (mode == "psd") {
    // All but the outermost frequencies stand for two.
    const Expr inner = slice(power, -1, 1, power.extent(-1) - 1);
    return power + pad(inner, {0, 0, 0, 1}, {0, 0, 0, 1});
  }
  const Expr magnitude = unary(Op::sqrt, maximum(power, kEpsilon));
  return mode == "magnitude" ? magnitude : unary(Op::log, maximum(magnitude, kEpsilon));
}

/// [N,time,channels] → [N,frames,channels·frequencies], or [N,frames,frequencies,channels] with expand_dims; with channels_first
/// channels and frequencies come before the frames, or only the channels.
Outputs stft_spectrogram(Call& call) {
  const Args& args = call.args();
  const Expr x = call.float_input(3);
  const int64_t frame = args.integer("frame_length");
  int64_t fft = 1;
  while (fft < frame) fft *= 2;
  fft = count_or(call, "fft_length", fft);
  const bool is_last = args.choice("data_format") == kChannelsLast;
  const Expr signal = is_last ? transpose(x, {0, 2, 1}) : x;
  const std::string& mode = args.choice("mode");
  Expr real, imaginary;
  if (mode != "imag") real = apply_waves(call, signal, "real_kernel", fft / 2 + 1);
  if (mode != "real") imaginary = apply_waves(call, signal, "imag_kernel", fft / 2 + 1);
  const Expr spectra = combine(mode, real, imaginary);  // [N,channels,frames,frequencies]
  if (args.boolean("expand_dims")) return is_last ? transpose(spectra, {0, 2, 3, 1}) : spectra;
  const Dim frames = spectra.dim(2), all = Dim(spectra.extent(1) * spectra.extent(3));
  if (is_last) return reshape(transpose(spectra, {0, 2, 1, 3}), {spectra.dim(0), frames, all});
  return reshape(transpose(spectra, {0, 1, 3, 2}), {spectra.dim(0), all, frames});
}

// ---- MelSpectrogram ----

constexpr Arg kMelArgs[] = {
    {"fft_length", ArgKind::count, "2048"},    {"sequence_stride", ArgKind::count, "512"},
    {"sequence_length", ArgKind::any, "null"}, {"window", ArgKind::any, "\"hann\""},
    {"sampling_rate", ArgKind::real, "16000"}, {"num_mel_bins", ArgKind::count, "128"},
    {"min_freq", ArgKind::real, "20.0"},       {"max_freq", ArgKind::any, "null"},
    {"power_to_db", ArgKind::boolean, "true"}, {"top_db", ArgKind::real, "80.0"},
    {"mag_exp", ArgKind::real, "2.0"},         {"min_power", ArgKind::real, "1e-10"},
    {"ref_power", ArgKind::real, "1.0"},
};

Expr constant(Builder& b, const std::vector<int64_t>& shape, const std::vector<double>& numbers) {
  auto data = std::make_shared<Tensor>(DType::f32, shape);
  for (size_t i = 0; i < numbers.size(); ++i) data->set(static_cast<int64_t>(i), numbers[i]);
  return {b, b.constant(std::move(data))};
}

/// The factors of a frame's samples: the argument window, in the middle of `length` zeros.
std::vector<double> read_window(const Call& call, int64_t length, int64_t filled) {
  const Json& given = call.args().json("window");
  std::vector<double> window(length, 0.0);
  const int64_t first = (length - filled) / 2;
  for (int64_t i = 0; i < filled; ++i) {
    const double wave = std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(filled));
    double& factor = window[first + i];
    if (given.is_string() && given.as_string() == "hann") {
      factor = 0.5 - 0.5 * wave;
    } else if (given.is_string() && given.as_string() == "hamming") {
      factor = 0.54 - 0.46 * wave;
    } else if (given.is_array() && given.size() == static_cast<size_t>(filled)) {
      factor = given.at(i).as_double();
    } else {
      call.args().reject("window", cat("expected \"hann\", \"hamming\" or ", filled, " numbers"), {},
                         ErrorKind::data);
    }
  }
  return window;
}

struct Complex {
  Expr real, imaginary;
};

/// Contracts an axis with a matrix of waves; the result's axis comes last.
Complex contract_with_waves(const Complex& x, int64_t axis, int64_t size) {
  Builder& b = x.real.builder();
  std::vector<double> cosines, sines;
  for (int64_t i = 0; i < size; ++i)
    for (int64_t k = 0; k < size; ++k) {
      const double angle =
          2 * std::numbers::pi * static_cast<double>(i * k % size) / static_cast<double>(size);
      cosines.push_back(std::cos(angle));
      sines.push_back(-std::sin(angle));
    }
  const Expr c = constant(b, {size, size}, cosines), s = constant(b, {size, size}, sines);
  const auto dot = [&](const Expr& a, const Expr& waves) {
    return Expr(b, b.make(Op::dot, {a.value(), waves.value()}, DotAttrs{.contract = {{axis}, {0}}}));
  };
  if (!x.imaginary) return {dot(x.real, c), dot(x.real, s)};
  return {dot(x.real, c) - dot(x.imaginary, s), dot(x.real, s) + dot(x.imaginary, c)};
}

/// The first `bins` frequencies of [N,frames,n]. One step of J. Cooley and J. Tukey, An algorithm for the machine calculation of
/// complex Fourier series, 1965: n = p·q samples as p rows of q, whose transforms are of length p and q.
Complex transform(const Call& call, const Expr& frames, int64_t bins) {
  const int64_t n = frames.extent(2);
  auto p = static_cast<int64_t>(std::sqrt(static_cast<double>(n)));
  while (n % p != 0) --p;
  const int64_t q = n / p;
  constexpr int64_t kMost = 1 << 12;
  if (q > kMost)
    call.args().reject("fft_length", "its prime factors are too large", "powers of two are best");
  Builder& b = frames.builder();
  const Expr rows = reshape(frames, {frames.dim(0), frames.dim(1), p, q});
  Complex x = contract_with_waves({rows, {}}, 2, p);  // [N,frames,q,p]
  std::vector<double> cosines, sines;
  for (int64_t i = 0; i < q; ++i)
    for (int64_t k = 0; k < p; ++k) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i * k) / static_cast<double>(n);
      cosines.push_back(std::cos(angle));
      sines.push_back(-std::sin(angle));
    }
  const Expr c = constant(b, {q, p}, cosines), s = constant(b, {q, p}, sines);
  x = {x.real * c - x.imaginary * s, x.real * s + x.imaginary * c};
  x = contract_with_waves(x, 2, q);  // [N,frames,p,q]
  const auto in_order = [&](const Expr& part) {
    const Expr flat = reshape(transpose(part, {0, 1, 3, 2}), {frames.dim(0), frames.dim(1), n});
    return slice(flat, 2, 0, bins);
  };
  return {in_order(x.real), in_order(x.imaginary)};
}

/// Frames of [N,time], one every `stride` samples; the signal goes on as its mirror image at both ends.
Expr cut_frames(const Call& call, const Expr& x, int64_t length, int64_t stride) {
  const int64_t edge = length / 2;
  if (x.dim(1).is_static() && x.extent(1) <= edge)
    call.fail(cat("its input has ", x.extent(1), " samples, expected more than half of fft_length"), {},
              ErrorKind::data);
  return frames_of(pad_with_copies(x, 1, edge, edge, "reflect"), length, stride);
}

/// How much each frequency counts in each band: triangles of equal widths on the mel scale, S. Stevens, J. Volkmann and E. Newman, A
/// scale for the measurement of the psychological magnitude pitch, 1937.
Expr mel_weights(const Call& call, int64_t frequencies) {
  const Args& args = call.args();
  const int64_t bands = args.integer("num_mel_bins");
  const double rate = args.real("sampling_rate");
  const auto mel = [](double hertz) { return 1127.0 * std::log(1.0 + hertz / 700.0); };
  const Json& highest = args.json("max_freq");
  const double low = mel(args.real("min_freq"));
  const double high = mel(highest.is_null() ? std::floor(rate / 2) : highest.as_double());
  const double width = (high - low) / static_cast<double>(bands + 1);
  std::vector<double> weights(bands, 0.0);  // none for frequency 0
  for (int64_t i = 1; i < frequencies; ++i) {
    const double place = mel(rate / 2 * static_cast<double>(i) / static_cast<double>(frequencies - 1));
    for (int64_t band = 0; band < bands; ++band) {
      const double left = low + width * static_cast<double>(band);
      weights.push_back(std::max(0.0, std::min((place - left) / width, (left + 2 * width - place) / width)));
    }
  }
  return constant(call.input().builder(), {frequencies, bands}, weights);
}

/// The power in each band of each frame, [N,time] → [N,bands,frames]; in decibel, what is further than top_db below the loudest of the
/// whole batch is lifted to that.
Outputs mel_spectrogram(Call& call) {
  const Args& args = call.args();
  Expr x = call.float_input();
  if (x.rank() != 1 && x.rank() != 2)
    call.fail(cat("its input is ", to_text(x.value().type()), ", expected [N,time]"), {}, ErrorKind::data);
  const bool is_single = x.rank() == 1;
  if (is_single) x = expand_dims(x, 0);
  const int64_t fft = args.integer("fft_length"), length = count_or(call, "sequence_length", fft);
  constexpr int64_t kLongest = 1 << 16, kMostBands = 1 << 12;
  if (fft > kLongest) args.reject("fft_length", cat("at most ", kLongest, " is supported"));
  if (args.integer("num_mel_bins") > kMostBands)
    args.reject("num_mel_bins", cat("at most ", kMostBands, " is supported"));
  if (length > fft) args.reject("sequence_length", "is more than fft_length", {}, ErrorKind::data);
  const Expr frames = cut_frames(call, x, fft, args.integer("sequence_stride"));
  const std::vector<double> window = read_window(call, fft, length);
  const Complex spectrum = transform(call, frames * constant(call.builder(), {fft}, window), fft / 2 + 1);
  Expr power = spectrum.real * spectrum.real + spectrum.imaginary * spectrum.imaginary;
  if (const double exponent = args.real("mag_exp"); exponent != 2)
    power = binary(Op::pow, unary(Op::sqrt, power), number(power, exponent));
  Expr bands = matmul(power, mel_weights(call, fft / 2 + 1));
  if (args.boolean("power_to_db")) {
    const double least = args.real("min_power"),
                 reference = std::max(std::abs(args.real("ref_power")), least);
    bands = unary(Op::log, maximum(bands, least)) * (10 / std::numbers::ln10) - 10 * std::log10(reference);
    bands = maximum(bands, reduce(Op::reduce_max, bands, {0, 1, 2}) - args.real("top_db"));
  }
  const Expr out = transpose(bands, {0, 2, 1});
  return is_single ? squeeze(out, {0}) : out;
}

constexpr LayerDef kLayers[] = {
    {"STFTSpectrogram", kStftArgs, Masks::drop, stft_spectrogram},
    {"MelSpectrogram", kMelArgs, Masks::drop, mel_spectrogram},
};

}  // namespace

std::span<const LayerDef> spectrogram_layers() { return kLayers; }

}  // namespace keratin
