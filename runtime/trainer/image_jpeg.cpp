// JPEG by libjpeg-turbo, with the fast integer transform, as TensorFlow decodes it. It reports errors by a function that may not
// return: a longjmp, which jumps over no C++ object.
#include <csetjmp>
#include <cstdio>

// clang-format off: jpeglib.h needs <cstdio> before it
#include <jpeglib.h>
// clang-format on
#include <jerror.h>

#include "runtime/trainer/error.h"
#include "runtime/trainer/image.h"

namespace keratin::trainer {
namespace {

class JpegReader {
 public:
  explicit JpegReader(std::string_view bytes) : bytes_(bytes) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = escape;
    errors_.emit_message = [](j_common_ptr info, int level) {
      // Of its warnings these say that pixels are missing; it would fill them with gray.
      const int code = info->err->msg_code;
      if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE))
        escape(info);
    };
  }
  JpegReader(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&info_); }

  /// False if it is damaged.
  bool read_header(int64_t channels) {
    if (setjmp(jump_) != 0) return false;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
    jpeg_read_header(&info_, TRUE);
    is_cmyk_ = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = is_cmyk_ ? JCS_CMYK : channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    info_.dct_method = JDCT_IFAST;
    jpeg_calc_output_dimensions(&info_);
    return true;
  }
  bool is_cmyk() const { return is_cmyk_; }
  uint64_t height() const { return info_.output_height; }
  uint64_t width() const { return info_.output_width; }

  /// False if it is damaged. `row`: room for one of four bytes a pixel, for CMYK.
  bool read_rows(uint8_t* out, int64_t channels, uint8_t* row) {
    if (setjmp(jump_) != 0) return false;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      uint8_t* line = out + info_.output_scanline * width() * static_cast<uint64_t>(channels);
      JSAMPROW to = is_cmyk_ ? row : line;
      if (jpeg_read_scanlines(&info_, &to, 1) == 0) return false;
      if (is_cmyk_) to_rgb(row, line);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

 private:
  static void escape(j_common_ptr info) {
    std::longjmp(static_cast<JpegReader*>(info->client_data)->jump_, 1);
  }

  /// Adobe's programs write how much of a colour is left, others how much ink there is.
  void to_rgb(const uint8_t* row, uint8_t* out) const {
    const int turned = info_.saw_Adobe_marker != 0 ? 0 : 255;
    for (uint64_t i = 0; i < width(); ++i, row += 4)
      for (int c = 0; c < 3; ++c) *out++ = static_cast<uint8_t>((turned ^ row[3]) * (turned ^ row[c]) / 255);
  }

  std::string_view bytes_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf jump_;
  bool is_cmyk_ = false;
};

}  // namespace

Image decode_jpeg(std::string_view bytes, int64_t channels, const std::string& where) {
  const auto fail = [&](const char* message) { throw Error(ErrorKind::data, message, where); };
  if (channels == 4)
    throw Error(ErrorKind::data, "is a JPEG image, which has no transparency, and the model takes 4 channels",
                where, "PNG images are given some");
  constexpr const char* kDamaged = "is a damaged JPEG image, or cut off";
  JpegReader reader(bytes);
  if (!reader.read_header(channels)) fail(kDamaged);
  if (reader.is_cmyk() && channels == 1) fail("is a JPEG image in CMYK, which is not made gray");
  Image image = make_image(reader.height(), reader.width(), channels, bytes, where);
  std::vector<uint8_t> row(reader.is_cmyk() ? reader.width() * 4 : 0);
  if (!reader.read_rows(image.pixels.data(), channels, row.data())) fail(kDamaged);
  return image;
}

}  // namespace keratin::trainer
