#include "ir/ops/places.h"

#include <limits>

#include "ir/ops/elements.h"

namespace keratin::elements {

Places places_of(const std::vector<int64_t>& shape) { return {0, row_major_strides(shape)}; }

void copy_box(const std::vector<int64_t>& extent, const Array& from, const Places& at_from, Array& to,
              const Places& at_to) {
  for (int64_t n : extent)
    if (n <= 0) return;
  with_elements(from, to, [&](const auto* source, auto* target) {
    source += at_from.offset;
    target += at_to.offset;
    std::vector<int64_t> index(extent.size(), 0);
    int64_t read = 0, write = 0;
    while (true) {
      target[write] = source[read];
      size_t axis = extent.size();
      for (; axis > 0; --axis) {
        const size_t a = axis - 1;
        read += at_from.strides[a];
        write += at_to.strides[a];
        if (++index[a] < extent[a]) break;
        read -= extent[a] * at_from.strides[a];
        write -= extent[a] * at_to.strides[a];
        index[a] = 0;
      }
      if (axis == 0) return;
    }
  });
}

void fill_from(const Array& from, const Places& at_from, Array& to) {
  const std::vector<int64_t> shape = to.shape();
  copy_box(shape, from, at_from, to, places_of(shape));
}

void fill_with(const Array& scalar, Array& to) {
  fill_from(scalar, {0, std::vector<int64_t>(to.shape().size(), 0)}, to);
}

AxisView::AxisView(const std::vector<int64_t>& shape, int64_t axis) {
  for (int64_t a = 0; a < static_cast<int64_t>(shape.size()); ++a)
    (a < axis ? outer : a == axis ? length : inner) *= shape[a];
}

int64_t index_value(const Array& integers, int64_t element) {
  const int64_t bits = integers.integer().data()[element];
  return integers.dtype == DType::u64 && bits < 0 ? std::numeric_limits<int64_t>::max() : bits;
}

}  // namespace keratin::elements
