// What variables start as.
//
// What is drawn depends on the seed of set_random_seed; one with a `seed` of its own gives the same numbers each time.
#pragma once

#include <keratin/keras/value.h>

namespace keratin::keras::initializers {

Value Zeros();
Value Ones();
Value Constant(const Value& value = 0.0);  ///< a number, or lists of numbers that are broadcast
Value Identity(
    double gain = 1.0);  ///< of a matrix. Keras's files leave gain out, and it is 1 where Keras loads them.

struct RandomUniformOptions {
  double minval = -0.05;
  double maxval = 0.05;
  Value seed = {};
};
/// Uniform from minval to maxval.
Value RandomUniform(const RandomUniformOptions& options = {});

struct RandomNormalOptions {
  double mean = 0.0;
  double stddev = 0.05;
  Value seed = {};
};
Value RandomNormal(const RandomNormalOptions& options = {});
/// Normal, but never further than two deviations from the mean.
Value TruncatedNormal(const RandomNormalOptions& options = {});

struct VarianceScalingOptions {
  double scale = 1.0;
  std::string mode = "fan_in";                    ///< or "fan_out", "fan_avg"
  std::string distribution = "truncated_normal";  ///< or "untruncated_normal", "uniform"
  Value seed = {};
  Value input_axes = {};
  Value output_axes = {};
};
/// With variance scale / n, where n is how many inputs (fan_in), outputs (fan_out) or half of both (fan_avg) an element has.
Value VarianceScaling(const VarianceScalingOptions& options = {});

struct FanOptions {
  Value seed = {};
  Value input_axes = {};
  Value output_axes = {};
};
Value GlorotUniform(const FanOptions& options = {});  ///< variance 2 / (inputs + outputs)
Value GlorotNormal(const FanOptions& options = {});
Value HeUniform(const FanOptions& options = {});  ///< variance 2 / inputs
Value HeNormal(const FanOptions& options = {});
Value LecunUniform(const FanOptions& options = {});  ///< variance 1 / inputs
Value LecunNormal(const FanOptions& options = {});

struct OrthogonalOptions {
  double gain = 1.0;
  Value seed = {};
};
/// A matrix, of the last axis and all others, whose rows or columns are orthogonal and of length `gain`.
Value Orthogonal(const OrthogonalOptions& options = {});

struct STFTOptions {
  std::string side = "real";  ///< or "imag"
  Value window = "hann";      ///< a name that scipy.signal.get_window knows, numbers, or None
  Value scaling = "density";  ///< or "spectrum", or None
  bool periodic = false;
};
/// The kernel [frame, 1, frequency] of a convolution that is a Fourier transform of short frames.
Value STFT(const STFTOptions& options = {});

}  // namespace keratin::keras::initializers
