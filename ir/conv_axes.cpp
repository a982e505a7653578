#include "ir/conv_axes.h"

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

[[noreturn]] void fail(std::string_view dims) {
  throw Error(ErrorKind::data,
              cat("dims is ", quoted(dims), ": it must name each axis of input, kernel and result once"), {},
              "as in b01f_01io->b01f: batch b, feature f, input feature i, output feature o, space 0, 1, 2");
}

ConvAxes::Array parse_list(std::string_view dims, std::string_view list, char batch, char feature) {
  auto place_of = [&](char letter) {
    const size_t at = list.find(letter);
    if (at == std::string_view::npos) fail(dims);
    return static_cast<int64_t>(at);
  };
  // As many letters as axes that are all found: each stands there once.
  if (list.size() < 2 || list.size() > 12) fail(dims);
  ConvAxes::Array axes{place_of(batch), place_of(feature), {}};
  for (size_t i = 0; i + 2 < list.size(); ++i) axes.space.push_back(place_of(static_cast<char>('0' + i)));
  return axes;
}

}  // namespace

ConvAxes parse_conv_axes(std::string_view dims) {
  const size_t low = dims.find('_'), arrow = dims.find("->");
  if (low == std::string_view::npos || arrow == std::string_view::npos || arrow < low) fail(dims);
  const ConvAxes axes{parse_list(dims, dims.substr(0, low), 'b', 'f'),
                      parse_list(dims, dims.substr(low + 1, arrow - low - 1), 'i', 'o'),
                      parse_list(dims, dims.substr(arrow + 2), 'b', 'f')};
  if (axes.kernel.space.size() != axes.input.space.size() ||
      axes.output.space.size() != axes.input.space.size())
    fail(dims);
  return axes;
}

}  // namespace keratin
