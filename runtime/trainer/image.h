// Images: files of pixels, made arrays as Keras makes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keratin::trainer {

/// Row by row, `channels` bytes a pixel: gray, RGB or RGBA.
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

/// PNG or JPEG, known by how it begins; colours become gray, and the reverse, to be of 1, 3 or 4 `channels`. Throws Error(data)
/// with `where`.
Image decode_image(std::string_view bytes, int64_t channels, const std::string& where);
/// Throws Error(data) with `where` if a file that begins so is none that decode_image() reads.
void check_image_format(std::string_view begin, const std::string& where);

/// The pixels as numbers from 0 to 255, in rows of `width`, of which there are `height`: each is interpolated between the four
/// around its place, as Keras's and TensorFlow's bilinear resizing does.
void resize_bilinear(const Image& image, int64_t height, int64_t width, float* out);

// What decode_image() chooses from.
Image decode_png(std::string_view bytes, int64_t channels, const std::string& where);
Image decode_jpeg(std::string_view bytes, int64_t channels, const std::string& where);
/// Room for an image of a file's claimed size: throws Error(data) if no such image is in so few bytes.
Image make_image(uint64_t height, uint64_t width, int64_t channels, std::string_view bytes,
                 const std::string& where);

}  // namespace keratin::trainer
