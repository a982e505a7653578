#include <keratin/keras/regularizers.h>

#include "frontend/keras/make.h"

namespace keratin::keras::regularizers {

Value L1(double l1) { return make_object("keras.regularizers", "L1", {{"l1", l1}}); }
Value L2(double l2) { return make_object("keras.regularizers", "L2", {{"l2", l2}}); }
Value L1L2(const L1L2Options& o) {
  return make_object("keras.regularizers", "L1L2", {{"l1", o.l1}, {"l2", o.l2}});
}

Value OrthogonalRegularizer(const OrthogonalRegularizerOptions& o) {
  return make_object("keras.regularizers", "OrthogonalRegularizer", {{"factor", o.factor}, {"mode", o.mode}});
}

}  // namespace keratin::keras::regularizers
