// PNG by libpng, with the conversions that TensorFlow asks of it. It reports errors by longjmp: what it calls jumps over no C++
// object.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "runtime/trainer/error.h"
#include "runtime/trainer/image.h"

namespace keratin::trainer {
namespace {

class PngReader {
 public:
  explicit PngReader(std::string_view bytes) : left_(bytes) {
    png_ = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, nullptr, [](png_structp png, png_const_charp) { png_longjmp(png, 1); },
        [](png_structp, png_const_charp) {});
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) throw std::bad_alloc();
    png_set_read_fn(png_, this, [](png_structp png, png_bytep out, size_t size) {
      std::string_view& left = static_cast<PngReader*>(png_get_io_ptr(png))->left_;
      if (size > left.size()) png_error(png, "cut off");
      std::memcpy(out, left.data(), size);
      left.remove_prefix(size);
    });
  }
  PngReader(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  /// False if it is damaged.
  bool read_header(int64_t channels) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_info(png_, info_);
    const int colour = png_get_color_type(png_, info_), depth = png_get_bit_depth(png_, info_);
    const bool has_mask = png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
    const bool has_alpha = (colour & PNG_COLOR_MASK_ALPHA) != 0,
               is_gray = (colour & PNG_COLOR_MASK_COLOR) == 0;
    if (channels == 4 && !has_alpha && has_mask) png_set_tRNS_to_alpha(png_);
    if (channels == 4 && !has_alpha && !has_mask) png_set_add_alpha(png_, 0xff, PNG_FILLER_AFTER);
    if (channels != 4 && (has_alpha || has_mask)) png_set_strip_alpha(png_);
    if (depth > 8) png_set_strip_16(png_);
    png_set_packing(png_);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (is_gray && depth < 8) png_set_expand_gray_1_2_4_to_8(png_);
    constexpr double kRed = 0.299, kGreen = 0.587;
    constexpr int kSilently = 1;
    if (channels == 1 && !is_gray) png_set_rgb_to_gray(png_, kSilently, kRed, kGreen);
    if (channels != 1 && is_gray) png_set_gray_to_rgb(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }
  uint64_t height() const { return png_get_image_height(png_, info_); }
  uint64_t width() const { return png_get_image_width(png_, info_); }
  size_t row_bytes() const { return png_get_rowbytes(png_, info_); }

  /// False if it is damaged.
  bool read_rows(uint8_t* out) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    for (int pass = 0; pass < passes_; ++pass)
      for (size_t row = 0; row < height(); ++row) png_read_row(png_, out + row * row_bytes(), nullptr);
    png_read_end(png_, nullptr);
    return true;
  }

 private:
  std::string_view left_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
};

}  // namespace

Image decode_png(std::string_view bytes, int64_t channels, const std::string& where) {
  const auto fail = [&] { throw Error(ErrorKind::data, "is a damaged PNG image, or cut off", where); };
  PngReader reader(bytes);
  if (!reader.read_header(channels)) fail();
  Image image = make_image(reader.height(), reader.width(), channels, bytes, where);
  if (reader.row_bytes() != static_cast<size_t>(image.width * channels) ||
      !reader.read_rows(image.pixels.data()))
    fail();
  return image;
}

}  // namespace keratin::trainer
