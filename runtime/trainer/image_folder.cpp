#include "runtime/trainer/image_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "runtime/trainer/convert.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/image.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

namespace fs = std::filesystem;

bool is_image_name(const fs::path& path) {
  std::string end = path.extension();
  std::transform(end.begin(), end.end(), end.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::string_view kEnds[] = {".png", ".jpg", ".jpeg", ".gif", ".bmp"};  // Keras's
  return std::find(std::begin(kEnds), std::end(kEnds), end) != std::end(kEnds);
}

/// By folder, then by name.
std::vector<std::string> images_in(const fs::path& folder, bool and_below) {
  std::vector<fs::path> found, below;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (and_below && entry.is_directory() && !entry.is_symlink()) below.push_back(entry.path());
    if (!entry.is_directory() && is_image_name(entry.path())) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  std::sort(below.begin(), below.end());
  std::vector<std::string> all(found.begin(), found.end());
  for (const fs::path& path : below) {
    const std::vector<std::string> more = images_in(path, true);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

void check_begin(const std::string& path) {
  if (!fs::is_regular_file(path)) throw Error(ErrorKind::no_input, "is no regular file", path);
  char begin[16];
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorKind::no_input, "cannot be opened", path);
  file.read(begin, sizeof begin);
  check_image_format({begin, static_cast<size_t>(file.gcount())}, path);
}

/// How an input takes an image: [height, width, channels], [channels, height, width], or [height, width], which is gray.
struct ImageShape {
  int64_t height, width, channels;
  bool channels_first;
};

std::optional<ImageShape> image_shape(const Shape& shape) {
  const auto are_channels = [](int64_t n) { return n == 1 || n == 3 || n == 4; };
  if (shape.size() == 2) return ImageShape{shape[0], shape[1], 1, false};
  if (shape.size() != 3) return {};
  if (are_channels(shape[2])) return ImageShape{shape[0], shape[1], shape[2], false};
  if (are_channels(shape[0])) return ImageShape{shape[1], shape[2], shape[0], true};
  return {};
}

/// Images that are decoded when they are read.
class ImageRows : public Rows {
 public:
  ImageRows(std::vector<std::string> files, const ImageShape& shape)
      : files_(std::move(files)), shape_(shape) {}

  void read(int64_t row, DType to, std::byte* out) const override {
    const std::string& path = files_[static_cast<size_t>(row)];
    const MappedFile file = map_file(path);
    const auto [height, width, channels, channels_first] = shape_;
    const int64_t pixels = height * width;
    std::vector<float> values(static_cast<size_t>(pixels * channels));
    resize_bilinear(decode_image(file.bytes, channels, path), height, width, values.data());
    if (channels_first && channels > 1) {
      std::vector<float> planes(values.size());
      for (size_t i = 0; i < values.size(); ++i)
        planes[i % static_cast<size_t>(channels) * static_cast<size_t>(pixels) +
               i / static_cast<size_t>(channels)] = values[i];
      values.swap(planes);
    }
    convert(DType::f32, values.data(), to, out, pixels * channels);
  }

 private:
  std::vector<std::string> files_;
  ImageShape shape_;
};

}  // namespace

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

ImageFolder read_image_folder(const std::string& path) {
  ImageFolder folder;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      const std::string name = entry.path().filename();
      if (entry.is_directory() && !name.starts_with('.')) folder.classes.push_back(name);
    }
    std::sort(folder.classes.begin(), folder.classes.end());
    if (folder.classes.empty()) folder.files = images_in(path, false);
    for (size_t label = 0; label < folder.classes.size(); ++label) {
      const std::vector<std::string> images = images_in(fs::path(path) / folder.classes[label], true);
      folder.files.insert(folder.files.end(), images.begin(), images.end());
      folder.labels.insert(folder.labels.end(), images.size(), static_cast<int64_t>(label));
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorKind::no_input, error.code().message(),
                error.path1().empty() ? path : error.path1().string());
  }
  if (folder.files.empty())
    throw Error(ErrorKind::data, "has no images", path,
                "it has a folder for each class, with files .png, .jpg or .jpeg in it");
  for (const std::string& file : folder.files) check_begin(file);
  return folder;
}

Column image_column(std::vector<std::string> files, const Signature& input, const std::string& where) {
  const std::optional<ImageShape> shape = image_shape(input.shape);
  if (!shape || input.strings != nullptr)
    throw Error(ErrorKind::usage,
                cat("a folder of images serves models of images, and the input ", trainer::quoted(input.name),
                    " takes ", shape_text(input.shape)),
                where);
  Shape all = {static_cast<int64_t>(files.size())};
  all.insert(all.end(), input.shape.begin(), input.shape.end());
  return {DType::f32, std::move(all), std::make_shared<ImageRows>(std::move(files), *shape)};
}

}  // namespace keratin::trainer
