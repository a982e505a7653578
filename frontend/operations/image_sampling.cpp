// Operations that sample images and arrays between their elements.
#include "frontend/layers/image_sampling.h"

#include <cmath>

#include "frontend/layers/resample.h"
#include "frontend/linalg.h"
#include "frontend/operations/images.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr int64_t kMostAxes = 6;  // linear interpolation reads 2^axes elements

constexpr Arg kFillModeParam{"fill_mode", ArgKind::choice, "constant",
                             "constant|nearest|wrap|mirror|reflect"};
constexpr Arg kFillValueParam{"fill_value", ArgKind::real, "0"};

/// sample() for all dtypes: integers are sampled as floats and rounded, halves with weights that are not rounded.
Expr sample_any(const Expr& x, const std::vector<Expr>& places, Sampling how) {
  if (is_float(x.dtype())) return cast(sample(x, places, how), x.dtype());
  how.fill_value = std::trunc(how.fill_value);  // as the dtype would hold it
  return cast(rounded(sample(cast(x, DType::f32), places, how)), x.dtype());
}

// --- projections ---

constexpr Arg kAffineParams[] = {kSamplingArg, kFillModeParam, kFillValueParam, kDataFormatArg};
constexpr Arg kPerspectiveParams[] = {kSamplingArg, kFillValueParam, kDataFormatArg};

/// Each pixel (x, y) from ((t0 x + t1 y + t2) / k, (t3 x + t4 y + t5) / k), k = t6 x + t7 y + 1. (Keras on JAX takes t6 and t7 for
/// shifts from channel to channel. This is what Keras documents, and TensorFlow computes.)
Expr projected(OperationCall& call, const Expr& operand, const Expr& transforms, const Sampling& how) {
  const Images images = images_of(call, operand);
  const int64_t channels = images.axes.channels;
  const Expr pixels = move_axis(images.value, channels, 3);
  const Expr rows = to_float(transforms.rank() == 1 ? expand_dims(transforms, 0) : transforms);
  if (rows.rank() != 2 || !rows.dim(1).is(8) || (!rows.dim(0).is(1) && rows.dim(0) != pixels.dim(0)))
    call.fail(cat("expected 8 numbers for each of ", to_text(images.value.shape()), ", not ",
                  to_text(transforms.shape())),
              ErrorKind::data);
  const auto t = [&](int64_t i) { return expand_dims(slice(rows, 1, i, i + 1), 2); };
  const auto [y, x] = pixels_of(pixels);
  const Expr depth = t(6) * x + t(7) * y + 1.0;
  const Expr row = (t(3) * x + t(4) * y + t(5)) / depth, column = (t(0) * x + t(1) * y + t(2)) / depth;
  return images.restored(move_axis(sample_any(pixels, {row, column}, how), 3, channels));
}

Outputs affine_transform(OperationCall& call) {
  return projected(call, call.tensor(0), call.tensor(1), sampling_of(call.args()));
}

/// The projection that takes four points to four others, from two equations for each.
Expr homography(const Expr& from, const Expr& to) {
  const auto part = [](const Expr& points, int64_t i) { return slice(points, 2, i, i + 1); };
  const Expr x = part(from, 0), y = part(from, 1), zero = number(x, 0), one = number(x, 1);
  const auto equations = [&](int64_t i, bool is_second) {
    const Expr image = part(to, i);
    const std::vector<Expr> terms = {x, y, one}, none = {zero, zero, zero};
    std::vector<Expr> row = is_second ? none : terms;
    for (const Expr& term : is_second ? terms : none) row.push_back(term);
    row.push_back(-(image * x));
    row.push_back(-(image * y));
    return concat(row, 2);
  };
  const Expr matrix = concat({equations(0, false), equations(1, true)}, 1);
  return squeeze(solve(matrix, concat({part(to, 0), part(to, 1)}, 1)), {2});
}

Outputs perspective_transform(OperationCall& call) {
  const auto points = [&](size_t i) {
    const Expr given = cast(call.tensor(i), DType::f32);
    const Expr batch = given.rank() == 2 ? expand_dims(given, 0) : given;
    if (batch.rank() != 3 || !batch.dim(1).is(4) || !batch.dim(2).is(2))
      call.fail(cat("expected 4 points of 2 numbers, not ", to_text(given.shape())), ErrorKind::data);
    return batch;
  };
  const Expr start = points(1), end = points(2);
  if (start.shape() != end.shape())
    call.fail(cat("start points ", to_text(start.shape()), " and end points ", to_text(end.shape()),
                  " differ in shape"),
              ErrorKind::data);
  return projected(
      call, call.tensor(0), homography(end, start),
      {call.args().choice("interpolation") == "bilinear", "constant", call.args().real("fill_value")});
}

// --- places from a tensor ---

constexpr Arg kMapParams[] = {{"order", ArgKind::integer}, kFillModeParam, kFillValueParam};

/// The first axis of the coordinates is the axes of the operand.
Outputs map_coordinates(OperationCall& call) {
  const Expr x = call.tensor(0), coordinates = to_float(call.tensor(1));
  const int64_t order = call.args().integer("order");
  if (order != 0 && order != 1) call.args().reject("order", "expected 0 or 1", {}, ErrorKind::data);
  if (coordinates.rank() < 2 || !coordinates.dim(0).is(x.rank()))
    call.fail(cat("the first axis of the coordinates ", to_text(coordinates.shape()), " must be the axes of ",
                  to_text(x.shape())),
              ErrorKind::data);
  if (x.rank() > kMostAxes)
    call.fail(cat("its operand has ", x.rank(), " axes, at most ", kMostAxes, " are supported"));
  Shape shape = x.shape(), out = coordinates.shape();
  shape.insert(shape.begin(), Dim(1));
  shape.emplace_back(1);
  out.erase(out.begin());
  std::vector<Expr> places;
  for (int64_t axis = 0; axis < x.rank(); ++axis)
    places.push_back(expand_dims(flattened(squeeze(slice(coordinates, 0, axis, axis + 1), {0})), 0));
  const Sampling how{order == 1, call.args().choice("fill_mode"), call.args().real("fill_value")};
  return reshape(sample_any(reshape(x, shape), places, how), out);
}

// --- scales and translations ---

constexpr Arg kScaleParams[] = {
    {"spatial_dims", ArgKind::ints},
    {"method", ArgKind::choice, {}, "linear|bilinear|trilinear|cubic|bicubic|tricubic|lanczos3|lanczos5"},
    {"antialias", ArgKind::boolean, "true"},
};

/// One scale and one translation per axis of `spatial_dims`. Integers become floats.
Outputs scale_and_translate(OperationCall& call) {
  Expr x = call.real(0);
  const Json* shape = call.operand(1).data;
  if (shape == nullptr || !shape->is_array() || static_cast<int64_t>(shape->size()) != x.rank())
    call.fail(cat("output_shape must be ", x.rank(), " numbers"), ErrorKind::data);
  const auto [scale, translation] = call.real_pair(2);
  const Ints axes = normalized_axes(x, call.args().ints("spatial_dims"));
  const std::string_view method = call.args().choice("method");
  const Resampling how{method.starts_with("lanczos") ? method
                       : method.ends_with("cubic")   ? "bicubic"
                                                     : "bilinear",
                       call.args().boolean("antialias")};
  for (const Expr& numbers : {scale, translation})
    if (numbers.rank() != 1 || !numbers.dim(0).is(static_cast<int64_t>(axes.size())))
      call.fail(cat("scale and translation must be ", axes.size(), " numbers"), ErrorKind::data);
  const Ints given = call.args().ints("spatial_dims");
  for (size_t i = 0; i < given.size(); ++i) {
    const auto scalar = [&](const Expr& numbers) {
      return reshape(slice(numbers, 0, static_cast<int64_t>(i), static_cast<int64_t>(i) + 1), {});
    };
    const int64_t axis = x.axis(given[i]), extent = shape->at(axis).as_int();
    if (extent < 1) call.fail("output_shape must be numbers of at least 1", ErrorKind::data);
    x = resample(x, axis, extent, scalar(scale), scalar(translation), how);
  }
  return x;
}

constexpr OperationDef kRows[] = {
    {"AffineTransform", "images transform", affine_transform, kAffineParams},
    {"PerspectiveTransform", "images start_points end_points", perspective_transform, kPerspectiveParams},
    {"MapCoordinates", "inputs coordinates", map_coordinates, kMapParams},
    {"ScaleAndTranslate", "images output_shape scale translation", scale_and_translate, kScaleParams},
};

}  // namespace

std::span<const OperationDef> image_sampling_operations() { return kRows; }

}  // namespace keratin
