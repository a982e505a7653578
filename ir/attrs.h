// Attributes: one small struct per family of ops.
//
// Each lists its fields once, with their names in the text form; printing, parsing, comparing and hashing follow from
// that list. A field that has its default value is not printed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "ir/tensor.h"
#include "ir/type.h"

namespace keratin {

template <typename Struct, typename T>
struct Field {
  const char* name;
  T Struct::* member;
};
template <typename Struct, typename T>
Field(const char*, T Struct::*) -> Field<Struct, T>;

using Ints = std::vector<int64_t>;

inline bool contains(const Ints& list, int64_t number) {
  return std::find(list.begin(), list.end(), number) != list.end();
}

/// Axes of the two operands of a dot that belong together; written [1, 2]x[0, 1].
struct AxisPairs {
  Ints lhs, rhs;
  bool operator==(const AxisPairs&) const = default;
};

struct NoAttrs {
  static constexpr auto fields = std::tuple{};
  bool operator==(const NoAttrs&) const = default;
};

/// param, var: whom the node stands for. Written as %name or @name, never in braces.
struct NameAttrs {
  std::string name;
  static constexpr auto fields = std::tuple{};
  bool operator==(const NameAttrs&) const = default;
};

/// constant: one number for all elements, or (`data` set) an array of the result's type.
struct ConstantAttrs {
  Scalar splat;
  std::shared_ptr<const Tensor> data;
  static constexpr auto fields = std::tuple{};
  bool operator==(const ConstantAttrs& other) const;
};

/// cast
struct CastAttrs {
  DType to = DType::f32;
  static constexpr auto fields = std::tuple{Field{"to", &CastAttrs::to}};
  bool operator==(const CastAttrs&) const = default;
};

/// reduce_*, argmax and argmin (one axis), reverse
struct AxesAttrs {
  Ints axes;
  static constexpr auto fields = std::tuple{Field{"axes", &AxesAttrs::axes}};
  bool operator==(const AxesAttrs&) const = default;
};

/// dot: the result's axes are the batch axes, what is left of the left operand, what is left of the right one.
struct DotAttrs {
  AxisPairs contract, batch;
  static constexpr auto fields =
      std::tuple{Field{"batch", &DotAttrs::batch}, Field{"contract", &DotAttrs::contract}};
  bool operator==(const DotAttrs&) const = default;
};

/// conv: correlation over any number of space axes. `dims` names the axes of input, kernel and result: b batch,
/// f feature, 0 1 2 space; in the kernel i input feature, o output feature. "b01f_01io->b01f" is Keras's Conv2D.
/// Padding may be negative. Input dilation puts zeros between input elements (input gradients, transposed convolution),
/// kernel dilation between kernel elements. `groups` cuts the features, `batch_groups` the batch (kernel gradients
/// of grouped convolutions): the output features are cut into as many runs, run g coming from the g-th part.
struct ConvAttrs {
  std::string dims;
  Ints stride, pad_low, pad_high, input_dilation, kernel_dilation;  // one entry per space axis
  int64_t groups = 1, batch_groups = 1;
  static constexpr auto fields = std::tuple{Field{"batch_groups", &ConvAttrs::batch_groups},
                                            Field{"dims", &ConvAttrs::dims},
                                            Field{"groups", &ConvAttrs::groups},
                                            Field{"input_dilation", &ConvAttrs::input_dilation},
                                            Field{"kernel_dilation", &ConvAttrs::kernel_dilation},
                                            Field{"pad_high", &ConvAttrs::pad_high},
                                            Field{"pad_low", &ConvAttrs::pad_low},
                                            Field{"stride", &ConvAttrs::stride}};
  bool operator==(const ConvAttrs&) const = default;
};

/// winograd: padding of the two space axes; may be negative.
struct WinogradAttrs {
  Ints pad_low, pad_high;
  static constexpr auto fields =
      std::tuple{Field{"pad_high", &WinogradAttrs::pad_high}, Field{"pad_low", &WinogradAttrs::pad_low}};
  bool operator==(const WinogradAttrs&) const = default;
};

/// pool_*: one entry per axis of the operand (1 and 0 where nothing slides). The padding counts as the neutral element.
struct WindowAttrs {
  Ints size, stride, pad_low, pad_high;
  static constexpr auto fields =
      std::tuple{Field{"pad_high", &WindowAttrs::pad_high}, Field{"pad_low", &WindowAttrs::pad_low},
                 Field{"size", &WindowAttrs::size}, Field{"stride", &WindowAttrs::stride}};
  bool operator==(const WindowAttrs&) const = default;
};

/// reshape: the new shape is the result's type.
struct ShapeAttrs {
  Shape shape;
  static constexpr auto fields = std::tuple{Field{"shape", &ShapeAttrs::shape}};
  bool operator==(const ShapeAttrs&) const = default;
};

/// transpose: result axis i is operand axis perm[i].
struct TransposeAttrs {
  Ints perm;
  static constexpr auto fields = std::tuple{Field{"perm", &TransposeAttrs::perm}};
  bool operator==(const TransposeAttrs&) const = default;
};

/// broadcast: operand axis i becomes result axis dims[i] (increasing); all other result axes repeat.
struct BroadcastAttrs {
  Ints dims;
  Shape shape;
  static constexpr auto fields =
      std::tuple{Field{"dims", &BroadcastAttrs::dims}, Field{"shape", &BroadcastAttrs::shape}};
  bool operator==(const BroadcastAttrs&) const = default;
};

/// slice: elements start, start+stride, … below limit, per axis. An axis with a symbol is kept whole (start 0,
/// limit the axis, stride 1).
struct SliceAttrs {
  Ints start;
  Shape limit;
  Ints stride;
  static constexpr auto fields =
      std::tuple{Field{"limit", &SliceAttrs::limit}, Field{"start", &SliceAttrs::start},
                 Field{"stride", &SliceAttrs::stride}};
  bool operator==(const SliceAttrs&) const = default;
};

/// pad: low, high (may be negative: cuts) and interior (between neighbours), per axis; filled with the second operand.
struct PadAttrs {
  Ints low, high, interior;
  static constexpr auto fields = std::tuple{
      Field{"high", &PadAttrs::high}, Field{"interior", &PadAttrs::interior}, Field{"low", &PadAttrs::low}};
  bool operator==(const PadAttrs&) const = default;
};

/// concat, dynamic_slice and dynamic_update_slice (`size` of the piece along `axis`), cumsum, cumprod
struct AxisAttrs {
  int64_t axis = 0;
  static constexpr auto fields = std::tuple{Field{"axis", &AxisAttrs::axis}};
  bool operator==(const AxisAttrs&) const = default;
};

/// dynamic_slice: a piece of `size` elements along `axis`, starting where the second operand says.
struct DynamicSliceAttrs {
  int64_t axis = 0, size = 1;
  static constexpr auto fields =
      std::tuple{Field{"axis", &DynamicSliceAttrs::axis}, Field{"size", &DynamicSliceAttrs::size}};
  bool operator==(const DynamicSliceAttrs&) const = default;
};

/// iota: the index along `axis`, as numbers of the type.
struct IotaAttrs {
  int64_t axis = 0;
  DType dtype = DType::i32;
  Shape shape;
  static constexpr auto fields = std::tuple{
      Field{"axis", &IotaAttrs::axis}, Field{"dtype", &IotaAttrs::dtype}, Field{"shape", &IotaAttrs::shape}};
  bool operator==(const IotaAttrs&) const = default;
};

/// dim_size: the value of a dimension, as a scalar.
struct DimAttrs {
  Dim dim;
  DType dtype = DType::i32;
  static constexpr auto fields = std::tuple{Field{"dim", &DimAttrs::dim}, Field{"dtype", &DimAttrs::dtype}};
  bool operator==(const DimAttrs&) const = default;
};

/// relayout: the same tensor in another layout.
struct LayoutAttrs {
  Layout layout;
  static constexpr auto fields = std::tuple{Field{"layout", &LayoutAttrs::layout}};
  bool operator==(const LayoutAttrs&) const = default;
};

/// gather, scatter_add: indices select along `axis`; the first `batch_dims` axes of data and indices go together.
struct GatherAttrs {
  int64_t axis = 0, batch_dims = 0;
  static constexpr auto fields =
      std::tuple{Field{"axis", &GatherAttrs::axis}, Field{"batch_dims", &GatherAttrs::batch_dims}};
  bool operator==(const GatherAttrs&) const = default;
};

/// scan: the first `carries` operands are the state, the next `sequences` are cut along `axis`, the rest are the same in
/// every step. `length` is the number of steps.
struct ScanAttrs {
  int64_t axis = 0, carries = 0, sequences = 0;
  Dim length;
  bool reverse = false;
  static constexpr auto fields =
      std::tuple{Field{"axis", &ScanAttrs::axis}, Field{"carries", &ScanAttrs::carries},
                 Field{"length", &ScanAttrs::length}, Field{"reverse", &ScanAttrs::reverse},
                 Field{"sequences", &ScanAttrs::sequences}};
  bool operator==(const ScanAttrs&) const = default;
};

/// sort, top_k (`k` elements)
struct SortAttrs {
  int64_t axis = 0, k = 0;
  bool descending = false;
  static constexpr auto fields =
      std::tuple{Field{"axis", &SortAttrs::axis}, Field{"descending", &SortAttrs::descending},
                 Field{"k", &SortAttrs::k}};
  bool operator==(const SortAttrs&) const = default;
};

/// random_bits: `stream` tells apart the random ops of a function.
struct RandomAttrs {
  Shape shape;
  int64_t stream = 0;
  static constexpr auto fields =
      std::tuple{Field{"shape", &RandomAttrs::shape}, Field{"stream", &RandomAttrs::stream}};
  bool operator==(const RandomAttrs&) const = default;
};

/// all_reduce: `by` is sum, prod, max or min.
struct AllReduceAttrs {
  std::string by = "sum";
  static constexpr auto fields = std::tuple{Field{"by", &AllReduceAttrs::by}};
  bool operator==(const AllReduceAttrs&) const = default;
};

using Attrs = std::variant<NoAttrs, NameAttrs, ConstantAttrs, CastAttrs, AxesAttrs, DotAttrs, ConvAttrs,
                           WinogradAttrs, WindowAttrs, ShapeAttrs, TransposeAttrs, BroadcastAttrs, SliceAttrs,
                           PadAttrs, AxisAttrs, DynamicSliceAttrs, IotaAttrs, DimAttrs, LayoutAttrs,
                           GatherAttrs, ScanAttrs, SortAttrs, RandomAttrs, AllReduceAttrs>;

/// Equal attributes have equal hashes.
size_t hash_of(const Attrs& attrs);

}  // namespace keratin
