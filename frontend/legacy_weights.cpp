#include "frontend/legacy_weights.h"

#include <utility>

namespace keratin {

StoredAs stored_as(std::string_view class_name, std::string_view name) {
  if (!class_name.starts_with("CuDNN")) return StoredAs::itself;
  if (name == "kernel") return StoredAs::gates;
  return name == "bias" ? StoredAs::biases : StoredAs::squares;
}

std::vector<int64_t> stored_shape(StoredAs form, const std::vector<int64_t>& wanted) {
  if (form != StoredAs::biases) return wanted;
  return {2 * wanted.back()};
}

Tensor from_stored(StoredAs form, Tensor stored, const std::vector<int64_t>& wanted, int64_t gates) {
  if (form == StoredAs::itself) return stored;
  Tensor out(stored.dtype(), wanted);
  if (form == StoredAs::biases) {
    const int64_t count = wanted.back();
    for (int64_t i = 0; i < out.elements(); ++i)
      out.set(i, wanted.size() == 2 ? stored.get(i) : stored.get(i) + stored.get(count + i));
    return out;
  }
  const int64_t rows = wanted[0], columns = wanted[1], width = columns / gates;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      // Where the element lies in its block, whose rows have `width` elements.
      const int64_t gate = column / width, place = column % width * rows + row;
      out.set(row * columns + column, stored.get(place / width * columns + gate * width + place % width));
    }
  return out;
}

}  // namespace keratin
