#include <keratin/keras/constraints.h>

#include "frontend/keras/make.h"

namespace keratin::keras::constraints {
namespace {

Value make(std::string_view class_name, const Arguments& arguments) {
  return make_object("keras.constraints", class_name, arguments);
}

}  // namespace

Value MaxNorm(const MaxNormOptions& o) {
  return make("MaxNorm", {{"max_value", o.max_value}, {"axis", o.axis}});
}

Value MinMaxNorm(const MinMaxNormOptions& o) {
  return make("MinMaxNorm",
              {{"min_value", o.min_value}, {"max_value", o.max_value}, {"rate", o.rate}, {"axis", o.axis}});
}

Value NonNeg() { return make("NonNeg", {}); }
Value UnitNorm(const Value& axis) { return make("UnitNorm", {{"axis", axis}}); }

}  // namespace keratin::keras::constraints
