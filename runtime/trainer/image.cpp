#include "runtime/trainer/image.h"

#include <algorithm>
#include <cmath>

#include "runtime/trainer/deflate.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

struct Format {
  std::string_view begin, name;
  Image (*decode)(std::string_view bytes, int64_t channels, const std::string& where);
};
constexpr Format kFormats[] = {
    {"\x89PNG\r\n\x1a\n", "PNG", decode_png},
    {"\xff\xd8\xff", "JPEG", decode_jpeg},
    {"GIF8", "GIF", nullptr},
    {"BM", "BMP", nullptr},
    {"RIFF", "WebP", nullptr},
};

const Format& format_of(std::string_view bytes, const std::string& where) {
  if (bytes.empty()) throw Error(ErrorKind::data, "is empty", where);
  for (const Format& format : kFormats) {
    if (!bytes.starts_with(format.begin)) continue;
    if (format.decode != nullptr) return format;
    throw Error(ErrorKind::data, cat("is a ", format.name, " image, which is not read"), where,
                "PNG and JPEG images are");
  }
  throw Error(ErrorKind::data, "is no PNG or JPEG image", where);
}

/// Where a pixel of the result lies among those that there are.
struct Place {
  int64_t before, after;
  float fraction;  // of the way from one to the other
};

std::vector<Place> places(int64_t from, int64_t to) {
  std::vector<Place> places;
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  for (int64_t i = 0; i < to; ++i) {
    const float at = (static_cast<float>(i) + 0.5F) * scale - 0.5F, floor = std::floor(at);
    places.push_back({std::max<int64_t>(static_cast<int64_t>(floor), 0),
                      std::min(static_cast<int64_t>(std::ceil(at)), from - 1), at - floor});
  }
  return places;
}

}  // namespace

Image decode_image(std::string_view bytes, int64_t channels, const std::string& where) {
  return format_of(bytes, where).decode(bytes, channels, where);
}

void check_image_format(std::string_view begin, const std::string& where) { format_of(begin, where); }

Image make_image(uint64_t height, uint64_t width, int64_t channels, std::string_view bytes,
                 const std::string& where) {
  constexpr uint64_t kMostOfOneByte =
      8 * 4;  // of one that is inflated: 8 pixels of a bit, with 4 channels. JPEG makes less
  const uint64_t size = height * width * static_cast<uint64_t>(channels);  // sides are below 2^31
  if (size == 0 || height > INT32_MAX || width > INT32_MAX ||
      !may_inflate_to(size / kMostOfOneByte, bytes.size()))
    throw Error(ErrorKind::data, cat("claims ", width, " x ", height, " pixels, which it cannot hold"),
                where);
  return {static_cast<int64_t>(height), static_cast<int64_t>(width), channels, std::vector<uint8_t>(size)};
}

void resize_bilinear(const Image& image, int64_t height, int64_t width, float* out) {
  const std::vector<Place> rows = places(image.height, height), columns = places(image.width, width);
  const int64_t channels = image.channels;
  for (const Place& row : rows) {
    const uint8_t* above = image.pixels.data() + row.before * image.width * channels;
    const uint8_t* below = image.pixels.data() + row.after * image.width * channels;
    for (const Place& column : columns)
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t left = column.before * channels + c, right = column.after * channels + c;
        const auto between = [](float a, float b, float fraction) { return a + (b - a) * fraction; };
        *out++ = between(between(above[left], above[right], column.fraction),
                         between(below[left], below[right], column.fraction), row.fraction);
      }
  }
}

}  // namespace keratin::trainer
