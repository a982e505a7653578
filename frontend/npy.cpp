// The format itself is the trainer's to know (runtime/trainer/npy.*); here are Tensors of it, and files.
#include "frontend/npy.h"

#include <cstring>

#include "frontend/archive.h"
#include "frontend/file.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/trainer/error.h"

namespace keratin {

namespace {

/// A .npz may inflate to kFreeBytes + kMaxRatio times its size: more than data does, less than bombs do.
constexpr uint64_t kFreeBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxRatio = 64;

static_assert(static_cast<int>(trainer::DType::f64) == static_cast<int>(DType::f64) &&
                  trainer::kDTypeCount == kDTypeCount,
              "dtypes are cast");

[[noreturn]] void fail(const std::string& message, const std::string& where) {
  throw Error(ErrorKind::data, message, where);
}

}  // namespace

Tensor parse_npy(std::string_view bytes, const std::string& where, Strings strings) {
  try {
    const trainer::Array array = trainer::parse_npy(bytes, nullptr, where, strings);
    Tensor tensor(static_cast<DType>(array.dtype()), array.shape());
    if (array.bytes() > 0) std::memcpy(tensor.data(), array.data(), static_cast<size_t>(array.bytes()));
    if (tensor.dtype() == DType::boolean)
      for (uint8_t& value : tensor.as<uint8_t>()) value = value != 0;
    return tensor;
  } catch (const trainer::Error& error) {
    throw Error(static_cast<ErrorKind>(error.kind()), error.message(), error.where(), error.hint());
  }
}

std::string format_npy(const Tensor& tensor) {
  return trainer::npy_header(static_cast<trainer::DType>(tensor.dtype()), tensor.shape())
      .append(reinterpret_cast<const char*>(tensor.data()), static_cast<size_t>(tensor.bytes()));
}

Tensor read_npy(const std::string& path) { return parse_npy(read_file(path), path); }

void write_npy(const std::string& path, const Tensor& tensor) { write_file(path, format_npy(tensor)); }

std::map<std::string, Tensor> read_npz(const std::string& path, Strings strings) {
  return parse_npz(read_file(path), path, strings);
}

std::map<std::string, Tensor> parse_npz(std::string bytes, const std::string& where, Strings strings) {
  const uint64_t most = kFreeBytes + kMaxRatio * bytes.size();
  const Archive archive = Archive::from_zip(std::move(bytes), where);
  if (archive.total_bytes() > most)
    fail(cat("arrays of ", archive.total_bytes(), " bytes in so small a file"), where);
  std::map<std::string, Tensor> tensors;
  for (const std::string& member : archive.names()) {
    constexpr std::string_view suffix = ".npy";
    if (!member.ends_with(suffix)) fail("is no .npy array", archive.where(member));
    const std::string name = member.substr(0, member.size() - suffix.size());
    tensors.emplace(name, parse_npy(archive.read(member, most), archive.where(member), strings));
  }
  return tensors;
}

void write_npz(const std::string& path, const std::map<std::string, Tensor>& tensors) {
  std::vector<std::pair<std::string, std::string>> members;
  for (const auto& [name, tensor] : tensors) members.emplace_back(name + ".npy", format_npy(tensor));
  write_file(path, make_zip(members));
}

}  // namespace keratin
