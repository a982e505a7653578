// Quantized kernels (keras.quantizers), as files hold them:
//
//   int8          kernel : i8, and a scale per channel of the result: kernel / scale is meant
//   int4          the same, with two numbers in a byte; with groups of rows each has a scale and a zero: (kernel - zero) · scale
//   gptq, awq     like int4 with groups, the kernel transposed and without signs; awq has a factor per row, too
//   ternary       five numbers in a byte, each -1, 0 or 1, and one scale
//   float8        the kernel as it was; it and the input are rounded to 8 bits, e4m3fn, when they are multiplied
//
// With int8, and with int4 where the file says so, the input is rounded to i8 as well, by the largest magnitude of what is summed, and
// products are sums of integers. A gradient passes the input's rounding as if there were none.
#include "frontend/layers/quantized.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "frontend/einsum.h"
#include "frontend/layers/lora.h"
#include "frontend/layers/tables.h"
#include "frontend/model_file.h"
#include "ir/text.h"

namespace keratin {
namespace {

Expr rounded(const Expr& x) { return unary(Op::round, x); }

/// A variable of a quantized kernel: it is not trained.
VariableSpec fixed_spec(std::string_view name, Shape shape, std::string_view initializer,
                        std::optional<DType> dtype = {}) {
  return {.name = name,
          .shape = std::move(shape),
          .initializer = initializer,
          .trainable = false,
          .dtype = dtype};
}

// ---- several numbers in a byte ----

/// The numbers of `bits` bits from each byte, the lowest one first, along `axis`; `extent` of them.
Expr unpacked(const Expr& bytes, int64_t axis, int64_t extent, int bits = 4) {
  constexpr int kByte = 8;
  std::vector<Expr> numbers;
  // Shifts fill with the sign where the bytes have one.
  for (int end = bits; end <= kByte; end += bits) {
    const Expr top = binary(Op::shl, bytes, number(bytes, kByte - end));
    numbers.push_back(expand_dims(binary(Op::shr, top, number(bytes, kByte - bits)), axis + 1));
  }
  Shape shape = bytes.shape();
  shape[axis] = static_cast<int64_t>(numbers.size()) * bytes.extent(axis);
  return slice(reshape(concat(numbers, axis + 1), shape), axis, 0, extent);
}

int64_t half_of(int64_t extent) { return (extent + 1) / 2; }
int64_t groups_of(int64_t rows, int64_t size) { return size < 0 ? 1 : (rows + size - 1) / size; }

/// Scales and zeros of groups of rows: row i belongs to group g_idx[i].
struct Groups {
  Expr scale, zero, index;
};

/// (levels - zero) · scale; rows run along `axis`.
Expr dequantized(const Expr& levels, const Groups& groups, int64_t axis) {
  Builder& b = levels.builder();
  const Expr index = cast(groups.index, DType::i32);
  const auto of_rows = [&](const Expr& x) {
    return Expr(b, b.make(Op::gather, {x.value(), index.value()}, GatherAttrs{axis}));
  };
  const Expr scale = of_rows(groups.scale);
  return (cast(levels, scale.dtype()) - cast(of_rows(groups.zero), scale.dtype())) * scale;
}

// ---- the input ----

/// What rounds inputs, as the config says; none: nothing does.
struct InputQuantizer {
  bool exists = false;
  double low = -127, high = 127, epsilon = 1e-7;
};

InputQuantizer input_quantizer(Call& call, Quantization mode) {
  const Json& config = call.args().config()["quantization_config"];
  if (config.is_null()) return {.exists = mode == Quantization::int8};
  const Json& quantizer = config["config"]["activation_quantizer"];
  if (quantizer.is_null()) return {};
  if (const std::string& name = quantizer["class_name"].as_string(); name != "AbsMaxQuantizer")
    call.fail(cat("its inputs are quantized by ", name, ", which is not supported"),
              "AbsMaxQuantizer is supported");
  const Json& given = quantizer["config"];
  InputQuantizer out{.exists = true};
  if (const Json& range = given["value_range"]; range.is_array()) {
    out.low = range.at(0).as_double();
    out.high = range.at(1).as_double();
  }
  if (!given["epsilon"].is_null()) out.epsilon = given["epsilon"].as_double();
  if (out.low < -128 || out.high > 127)
    call.fail("its inputs are quantized to more than 8 bits, which is not supported");
  return out;
}

/// Axes of `axes` that `others` lacks.
Ints axes_without(std::string_view axes, std::string_view others) {
  Ints found;
  for (size_t i = 0; i < axes.size(); ++i)
    if (others.find(axes[i]) == std::string_view::npos) found.push_back(static_cast<int64_t>(i));
  return found;
}

/// `x`, whose axes are a part of `y_axes`, with all of them: extents of 1 where it has none.
Expr with_axes(const Expr& x, std::string_view x_axes, std::string_view y_axes) {
  Ints order;
  Shape shape;
  for (char axis : y_axes) {
    const size_t at = x_axes.find(axis);
    if (at != std::string_view::npos) order.push_back(static_cast<int64_t>(at));
    shape.push_back(at == std::string_view::npos ? Dim(1) : x.dim(static_cast<int64_t>(at)));
  }
  return reshape(transpose(x, order), shape);
}

// ---- products ----

/// The extents of those of y's axes that the kernel has; others are 1.
Shape scale_shape(const Product& p) {
  if (p.is_dense) return {p.kernel.shape.back()};
  Shape shape;
  for (char axis : p.y_axes) {
    const size_t at = p.kernel_axes.find(axis);
    shape.push_back(at == std::string::npos ? Dim(1) : p.kernel.shape[at]);
  }
  return shape;
}

/// A kernel as a matrix: the axes that are summed over, and the others.
struct Matrix {
  int64_t rows = 1, columns = 1;
};

Matrix matrix_of(const Product& p) {
  Matrix matrix;
  for (size_t i = 0; i < p.kernel_axes.size(); ++i)
    (p.y_axes.find(p.kernel_axes[i]) == std::string::npos ? matrix.rows : matrix.columns) *=
        p.kernel.shape[i].value();
  return matrix;
}

/// GPTQ and AWQ tell the two from each other by extents: of three axes, the largest one stands alone.
Matrix matrix_by_extents(Call& call, const Product& p) {
  const Shape& shape = p.kernel.shape;
  if (shape.size() == 2) return {shape[0].value(), shape[1].value()};
  if (shape.size() != 3)
    call.fail("its kernel has more axes than GPTQ and AWQ can quantize", {}, ErrorKind::data);
  const auto largest =
      std::max_element(shape.begin(), shape.end(), [](Dim a, Dim b) { return a.value() < b.value(); });
  const int64_t a = shape[0].value(), b = shape[1].value(), c = shape[2].value();
  return largest == shape.begin() ? Matrix{a, b * c} : Matrix{a * b, c};
}

Expr einsum_of(const Product& p, const Expr& x, const Expr& kernel) {
  return einsum(x, p.x_axes, kernel, p.kernel_axes, p.y_axes);
}

/// Integers below 2^24 are the same in f32, in which products are fast.
Expr integer_product(const Product& p, const Expr& x, const Expr& kernel) {
  if (is_float(kernel.dtype())) return einsum_of(p, x, kernel);
  constexpr int64_t kMostExact = int64_t{1} << 24, kMostProduct = 128 * 128;
  const DType dtype = matrix_of(p).rows < kMostExact / kMostProduct ? DType::f32 : DType::i32;
  return einsum_of(p, cast(x, dtype), cast(kernel, dtype));
}

/// The product of x, rounded to i8, with integers that mean `levels` / `scale`. Gradients are those of a product with `meant`, the kernel
/// as floats; without it only those of the scale that x is rounded by.
Expr product_of_integers(Call& call, const Product& p, const InputQuantizer& quantizer, const Expr& levels,
                         const Expr& scale, const Expr& meant) {
  const Ints summed = axes_without(p.x_axes, p.y_axes);
  const Expr largest = reduce(Op::reduce_max, unary(Op::abs, p.x), summed, false);
  const Expr x_scale = quantizer.high / (largest + quantizer.epsilon);
  std::string kept;
  Ints kept_axes;
  for (size_t i = 0; i < p.x_axes.size(); ++i)
    if (p.y_axes.find(p.x_axes[i]) != std::string::npos) {
      kept += p.x_axes[i];
      kept_axes.push_back(static_cast<int64_t>(i));
    }
  const Expr x = clip(rounded(p.x * align(x_scale, p.x, kept_axes)), quantizer.low, quantizer.high);
  const Expr sums = cast(integer_product(p, x, levels), call.compute_dtype());
  const Expr y = sums / (with_axes(x_scale, kept, p.y_axes) * scale);
  if (!call.training() || !meant) return y;
  const Expr smooth = einsum_of(p, p.x, meant);
  return unary(Op::stop_gradient, y - smooth) + smooth;
}

/// Variables that follow the kernel where it has groups; the index comes last.
Groups make_groups(Call& call, Layer& part, const Shape& shape, std::string_view zero, DType dtype) {
  return {.scale = call.variable(part, fixed_spec("kernel_scale", shape, "ones")),
          .zero = call.variable(part, fixed_spec(zero, shape, "zeros", dtype)),
          .index = {}};
}

Expr make_group_index(Call& call, Layer& part, int64_t rows) {
  VariableSpec index = fixed_spec("g_idx", {rows}, "zeros", DType::f32);
  index.autocast = false;
  return call.variable(part, index);
}

Expr make_bias(Call& call, Layer& part, const Product& p) {
  return p.bias ? call.variable(part, *p.bias) : Expr();
}

Expr with_bias(const Expr& y, const Expr& bias) { return bias ? y + bias : y; }

Expr int8_product(Call& call, Layer& part, const Product& p) {
  const Expr levels = call.variable(part, fixed_spec("kernel", p.kernel.shape, "zeros", DType::i8));
  const Expr bias = make_bias(call, part, p);
  const Expr scale = call.variable(part, fixed_spec("kernel_scale", scale_shape(p), "ones"));
  const InputQuantizer quantizer = input_quantizer(call, Quantization::int8);
  if (!quantizer.exists)
    return with_bias(einsum_of(p, p.x, cast(levels, call.compute_dtype())) / scale, bias);
  // Seen from the kernel, the scale has the kernel's axes but those that are summed over.
  std::string kept;
  Ints kept_axes;
  Shape kept_shape;
  for (char axis : p.y_axes)
    if (const size_t at = p.kernel_axes.find(axis); at != std::string::npos) {
      kept += axis;
      kept_shape.push_back(p.kernel.shape[at]);
    }
  std::string own;
  for (size_t i = 0; i < p.kernel_axes.size(); ++i)
    if (kept.find(p.kernel_axes[i]) != std::string::npos) {
      own += p.kernel_axes[i];
      kept_axes.push_back(static_cast<int64_t>(i));
    }
  const Expr floats = cast(levels, call.compute_dtype());
  const Expr by_axis = with_axes(reshape(scale, kept_shape), kept, own);
  return with_bias(
      product_of_integers(call, p, quantizer, levels, scale, floats / align(by_axis, floats, kept_axes)),
      bias);
}

Expr int4_product(Call& call, Layer& part, const Product& p) {
  const auto [rows, columns] = matrix_of(p);
  const int64_t size = part.policy().group_size;
  const Expr bytes = call.variable(part, fixed_spec("kernel", {rows, half_of(columns)}, "zeros", DType::i8));
  const Expr bias = make_bias(call, part, p);
  const Expr levels = unpacked(bytes, 1, columns);
  if (size > 0) {
    Groups groups = make_groups(call, part, {groups_of(rows, size), columns}, "kernel_zero", DType::i8);
    groups.index = make_group_index(call, part, rows);
    return with_bias(einsum_of(p, p.x, reshape(dequantized(levels, groups, 0), p.kernel.shape)), bias);
  }
  const Expr scale = call.variable(part, fixed_spec("kernel_scale", {columns}, "ones"));
  const Expr meant = reshape(cast(levels, call.compute_dtype()) / scale, p.kernel.shape);
  const InputQuantizer quantizer = input_quantizer(call, Quantization::int4);
  if (!quantizer.exists) return with_bias(einsum_of(p, p.x, meant), bias);
  if (p.is_dense) return with_bias(product_of_integers(call, p, quantizer, levels, scale, meant), bias);
  // EinsumDense multiplies integers with the kernel that is meant.
  const Expr one(call.builder(), call.builder().constant(meant.dtype(), 1));
  return with_bias(product_of_integers(call, p, quantizer, meant, one, meant), bias);
}

/// Numbers of two bits have been packed since Keras 3.16: the file's own extents tell. `index`: the kernel's among the variables.
bool are_pairs_of_bits_packed(const Call& call, const Layer& part, int index, int64_t columns) {
  const ModelFile* file = call.layer().context().stored;
  const Tensor* stored = file == nullptr ? nullptr : file->dataset(cat(part.group(), "/vars/", index));
  return stored != nullptr && stored->rank() == 2 && stored->shape()[0] != columns;
}

Expr gptq_product(Call& call, Layer& part, const Product& p) {
  const DTypePolicy& policy = part.policy();
  const bool is_awq = policy.quantization == Quantization::awq;
  const auto [rows, columns] = p.is_dense ? matrix_of(p) : matrix_by_extents(call, p);
  const Expr bias = make_bias(call, part, p);
  const int64_t bits = policy.weight_bits;
  const bool is_packed =
      bits == 4 || (bits == 2 && are_pairs_of_bits_packed(call, part, bias ? 1 : 0, columns));
  const int64_t in_byte = is_packed ? 8 / bits : 1;
  const Expr stored = call.variable(
      part, fixed_spec("kernel", {(columns + in_byte - 1) / in_byte, rows}, "zeros", DType::u8));
  Groups groups = make_groups(call, part, {columns, groups_of(rows, policy.group_size)},
                              p.is_dense ? "kernel_zero" : "zero_point", DType::u8);
  Expr row_scales;
  if (is_awq) row_scales = call.variable(part, fixed_spec("awq_scales", {rows}, "ones"));
  groups.index = make_group_index(call, part, rows);
  const Expr levels = is_packed ? unpacked(stored, 0, columns, static_cast<int>(bits)) : stored;
  Expr kernel = transpose(dequantized(levels, groups, 1), {1, 0});
  if (is_awq) kernel = kernel / expand_dims(row_scales, 1);
  return with_bias(einsum_of(p, p.x, reshape(kernel, p.kernel.shape)), bias);
}

// ---- ternary ----

/// The first `rows` of the numbers in bytes along axis 0. A byte is d0 + 3·d1 + 9·d2 + 27·d3 + 81·d4, and each digit the number plus 1.
Expr ternary_numbers(const Expr& bytes, int64_t rows, DType dtype) {
  constexpr int kDigits = 5;
  std::vector<Expr> digits;
  Expr left = cast(bytes, DType::f32);
  for (int i = 0; i < kDigits; ++i) {
    const Expr higher = unary(Op::floor, left / 3.0);
    digits.push_back(expand_dims(left - higher * 3.0 - 1.0, 1));
    left = higher;
  }
  const Expr all = reshape(concat(digits, 1), {Dim(kDigits * bytes.extent(0)), bytes.dim(1)});
  return cast(slice(all, 0, 0, rows), dtype);
}

Expr ternary_product(Call& call, Layer& part, const Product& p) {
  if (!p.is_dense)
    call.fail("is quantized in a way in which Keras quantizes only Dense", {}, ErrorKind::data);
  constexpr int64_t kInByte = 5;
  const int64_t rows = p.kernel.shape[0].value();
  const Expr bytes = call.variable(
      part, fixed_spec("kernel", {(rows + kInByte - 1) / kInByte, p.kernel.shape[1]}, "zeros", DType::u8));
  const Expr bias = make_bias(call, part, p);
  const Expr scale = call.variable(part, fixed_spec("kernel_scale", {}, "ones"));
  return with_bias(einsum_of(p, p.x, ternary_numbers(bytes, rows, call.compute_dtype())) * scale, bias);
}

// ---- float8 ----

/// `x` / scale rounded to e4m3fn, times scale. Its numbers below 2^e have steps of 2^(e-4).
Expr through_float8(const Expr& x, const Expr& scale) {
  constexpr double kLargest = 448, kFinest = 1.0 / (1 << 9);
  constexpr int kExponents = 14;  // from 2^-5 on each doubles the step
  const Expr factor = cast(scale, x.dtype());
  const Expr scaled = clip(x / factor, -kLargest, kLargest), magnitude = unary(Op::abs, scaled);
  Expr step = number(x, kFinest);
  double from = 1.0 / 32, wider = kFinest;
  for (int i = 0; i < kExponents; ++i, from *= 2) {
    wider *= 2;
    step = where(greater_equal(magnitude, from), number(x, wider), step);
  }
  return rounded(scaled / step) * step * factor;
}

Expr float8_product(Call& call, Layer& part, const Product& p) {
  if (call.training())
    call.fail(
        "is quantized to float8, which is supported at inference only: Keras rounds gradients to 8 bits on their "
        "way back, which no op does",
        "train the layer with the policy mixed_bfloat16");
  const Expr kernel = call.variable(part, p.kernel);
  Expr bias = make_bias(call, part, p);
  const auto state = [&](std::string_view name, Shape shape) {
    return call.variable(part, {.name = name,
                                .shape = std::move(shape),
                                .initializer = "ones",
                                .dtype = DType::f32,
                                .autocast = false});
  };
  const int64_t history = part.policy().amax_history;
  const Expr x_scale = state("inputs_scale", {});
  state("inputs_amax_history", {history});
  const Expr kernel_scale = state("kernel_scale", {});
  for (std::string_view name : {"kernel_amax_history", "outputs_grad_scale", "outputs_grad_amax_history"})
    state(name, name.ends_with("history") ? Shape{history} : Shape{});
  if (bias && bias.dtype() == DType::f32) bias = cast(cast(bias, DType::bf16), DType::f32);
  return with_bias(einsum_of(p, through_float8(p.x, x_scale), through_float8(kernel, kernel_scale)), bias);
}

}  // namespace

Expr product(Call& call, Layer& part, const Product& p) {
  switch (part.policy().quantization) {
    case Quantization::none: break;
    case Quantization::int8: return int8_product(call, part, p);
    case Quantization::int4: return int4_product(call, part, p);
    case Quantization::float8: return float8_product(call, part, p);
    case Quantization::ternary: return ternary_product(call, part, p);
    case Quantization::gptq:
    case Quantization::awq: return gptq_product(call, part, p);
  }
  const Expr kernel = of_sane_size(call.variable(part, p.kernel));
  const Expr y = einsum_of(p, p.x, kernel);
  return with_bias(y, make_bias(call, part, p));
}

// ---- embeddings ----

namespace {

struct Table {
  Expr levels;    ///< a row per category, or the transpose
  Groups groups;  ///< only a scale, if rows have no groups
};

bool has_groups(const DTypePolicy& policy) {
  return policy.quantization == Quantization::int4 && policy.group_size >= 0;
}

Table make_table(Call& call) {
  const int64_t rows = call.args().integer("input_dim"), columns = call.args().integer("output_dim");
  const DTypePolicy& policy = call.layer().policy();
  const bool is_packed = policy.quantization == Quantization::int4;
  if (!is_packed && policy.quantization != Quantization::int8)
    call.fail("is quantized in a way in which Keras quantizes no embeddings", {}, ErrorKind::data);
  Table table;
  table.levels = call.variable(
      fixed_spec("embeddings", {rows, is_packed ? half_of(columns) : columns}, "zeros", DType::i8));
  if (is_packed) table.levels = unpacked(table.levels, 1, columns);
  const Shape shape = has_groups(policy) ? Shape{rows, groups_of(columns, policy.group_size)} : Shape{rows};
  table.groups.scale = call.variable(fixed_spec("embeddings_scale", shape, "ones"));
  if (!has_groups(policy)) return table;
  table.groups.zero = call.variable(fixed_spec("embeddings_zero", shape, "zeros", DType::i8));
  table.groups.index = make_group_index(call, call.layer(), columns);
  return table;
}

/// The transposed table that a layer has beside the other. They share the index.
Table make_reverse_table(Call& call, const Table& table) {
  const int64_t rows = call.args().integer("input_dim"), columns = call.args().integer("output_dim");
  const DTypePolicy& policy = call.layer().policy();
  const bool is_packed = policy.quantization == Quantization::int4;
  Table reverse;
  reverse.levels = call.variable(
      fixed_spec("reverse_embeddings", {is_packed ? half_of(columns) : columns, rows}, "zeros", DType::i8));
  if (is_packed) reverse.levels = unpacked(reverse.levels, 0, columns);
  const Shape shape = has_groups(policy) ? Shape{groups_of(columns, policy.group_size), rows} : Shape{rows};
  reverse.groups.scale = call.variable(fixed_spec("reverse_embeddings_scale", shape, "ones"));
  if (!has_groups(policy)) return reverse;
  reverse.groups.zero = call.variable(fixed_spec("reverse_embeddings_zero", shape, "zeros"));
  reverse.groups.index = table.groups.index;
  return reverse;
}

}  // namespace

Expr embedded(Call& call, const Expr& indices) {
  const auto at_indices = [&](const Expr& table) {
    Builder& b = call.builder();
    return Expr(b, b.make(Op::gather, {table.value(), indices.value()}, GatherAttrs{}));
  };
  const VariableSpec floats = frozen_by_adapters(
      call, {"embeddings", {call.args().integer("input_dim"), call.args().integer("output_dim")}, "uniform"});
  if (call.layer().policy().quantization == Quantization::none) {
    const Expr own = call.variable(floats);
    return at_indices(with_adapters(call, floats, own));
  }
  const auto [table, groups] = make_table(call);
  const Expr levels = cast(at_indices(table), call.compute_dtype());
  if (!groups.index) return levels / expand_dims(at_indices(groups.scale), -1);
  return dequantized(levels, {at_indices(groups.scale), at_indices(groups.zero), groups.index},
                     indices.rank());
}

Expr unembedded(Call& call, const Expr& x, bool is_tied) {
  Table table = make_table(call);
  if (is_tied) {
    table.levels = transpose(table.levels, {1, 0});
    if (table.groups.index) {
      table.groups.scale = transpose(table.groups.scale, {1, 0});
      table.groups.zero = transpose(table.groups.zero, {1, 0});
    }
  } else {
    table = make_reverse_table(call, table);
  }
  constexpr char kSummed = 'y', kRow = 'z';
  std::string batch;
  for (int64_t axis = 0; axis + 1 < x.rank(); ++axis) batch += static_cast<char>('a' + axis);
  const Product p{.x = x,
                  .x_axes = batch + kSummed,
                  .kernel = {"embeddings", table.levels.shape(), "uniform"},
                  .kernel_axes = {kSummed, kRow},
                  .y_axes = batch + kRow,
                  .is_dense = true};
  const bool has_index = static_cast<bool>(table.groups.index);
  const Expr levels =
      has_index ? dequantized(cast(table.levels, call.compute_dtype()), table.groups, 0) : table.levels;
  const Expr scale =
      has_index ? Expr(call.builder(), call.builder().constant(levels.dtype(), 1)) : table.groups.scale;
  const InputQuantizer quantizer = input_quantizer(call, Quantization::int8);
  if (!quantizer.exists) return einsum_of(p, x, cast(levels, call.compute_dtype())) / scale;
  return product_of_integers(call, p, quantizer, levels, scale, {});
}

void make_reverse_embeddings(Call& call) { make_reverse_table(call, make_table(call)); }

}  // namespace keratin
