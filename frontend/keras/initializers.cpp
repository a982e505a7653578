#include <keratin/keras/initializers.h>

#include "frontend/keras/make.h"

namespace keratin::keras::initializers {
namespace {

Value make(std::string_view class_name, const Arguments& arguments) {
  return make_object("keras.initializers", class_name, arguments);
}

Value normal(std::string_view class_name, const RandomNormalOptions& o) {
  return make(class_name, {{"seed", o.seed}, {"mean", o.mean}, {"stddev", o.stddev}});
}

Value by_fans(std::string_view class_name, const FanOptions& o) {
  return make(class_name, {{"seed", o.seed}, {"input_axes", o.input_axes}, {"output_axes", o.output_axes}});
}

}  // namespace

Value Zeros() { return make("Zeros", {}); }
Value Ones() { return make("Ones", {}); }
Value Constant(const Value& value) { return make("Constant", {{"value", value}}); }
Value Identity(double gain) { return make("Identity", {{"gain", gain}}); }

Value RandomUniform(const RandomUniformOptions& o) {
  return make("RandomUniform", {{"seed", o.seed}, {"minval", o.minval}, {"maxval", o.maxval}});
}
Value RandomNormal(const RandomNormalOptions& options) { return normal("RandomNormal", options); }
Value TruncatedNormal(const RandomNormalOptions& options) { return normal("TruncatedNormal", options); }

Value VarianceScaling(const VarianceScalingOptions& o) {
  return make("VarianceScaling", {{"seed", o.seed},
                                  {"scale", o.scale},
                                  {"mode", o.mode},
                                  {"distribution", o.distribution},
                                  {"input_axes", o.input_axes},
                                  {"output_axes", o.output_axes}});
}

Value GlorotUniform(const FanOptions& options) { return by_fans("GlorotUniform", options); }
Value GlorotNormal(const FanOptions& options) { return by_fans("GlorotNormal", options); }
Value HeUniform(const FanOptions& options) { return by_fans("HeUniform", options); }
Value HeNormal(const FanOptions& options) { return by_fans("HeNormal", options); }
Value LecunUniform(const FanOptions& options) { return by_fans("LecunUniform", options); }
Value LecunNormal(const FanOptions& options) { return by_fans("LecunNormal", options); }

Value Orthogonal(const OrthogonalOptions& o) {
  return make("Orthogonal", {{"seed", o.seed}, {"gain", o.gain}});
}

Value STFT(const STFTOptions& o) {
  return make("STFT",
              {{"side", o.side}, {"window", o.window}, {"periodic", o.periodic}, {"scaling", o.scaling}});
}

}  // namespace keratin::keras::initializers
