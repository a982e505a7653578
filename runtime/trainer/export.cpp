#include "runtime/trainer/export.h"

#include <dlfcn.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "runtime/abi.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/selftest.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

std::string_view bytes_of(const Array& array) {
  return {reinterpret_cast<const char*>(array.data()), static_cast<size_t>(array.bytes())};
}

/// What is computed of the variables for the files: packed weights, for example.
class Derived {
 public:
  Derived(const Trainable& model, const krt_exports& exports) {
    if (exports.derivation == nullptr) return;
    const krt_model& derivation = *exports.derivation;
    const krt_program& derive = derivation.programs[0];
    std::vector<Array> inputs;
    std::vector<const void*> pointers;
    for (uint32_t i = 0; i < derive.input_count; ++i) {
      inputs.push_back(model.get_variable(exports.derivation_inputs[i]));
      pointers.push_back(inputs.back().data());
    }
    state_ = Array(DType::u8, {static_cast<int64_t>(derivation.state_bytes)});
    check(krt_state_init(&derivation, state_.mutable_data()));
    // Where no batch is free, the runtime counts by the first input's first axis.
    const bool counts = derive.input_count > 0 && derive.inputs[0].rank > 0;
    const auto n = static_cast<uint64_t>(counts ? derive.inputs[0].shape[0].coef : 1);
    check(krt_invoke_alloc(&derivation, 0, pointers.data(), nullptr, n, nullptr, state_.mutable_data()));
  }

  std::string_view bytes(uint64_t at, uint64_t count) const { return bytes_of(state_).substr(at, count); }

 private:
  static void check(int status) {
    if (status != KRT_OK) throw Error(ErrorKind::data, krt_strerror(status), "weights of the exported model");
  }

  Array state_;
};

/// Writes the pieces of a file.
class Assembly {
 public:
  Assembly(const Trainable& model, const krt_file& parts, StagedFile& file)
      : model_(model), parts_(parts), file_(file), derived_(model, *model.exports()) {}

  /// `selftest`: of a library.
  void write(const SelfTest* selftest) {
    for (uint64_t i = 0; i < parts_.piece_count; ++i) {
      const krt_piece& piece = parts_.pieces[i];
      switch (piece.source) {
        case KRT_PIECE_BYTES:
          append({reinterpret_cast<const char*>(parts_.bytes) + kept_, piece.bytes});
          kept_ += piece.bytes;
          break;
        case KRT_PIECE_VARIABLE: append(bytes_of(model_.get_variable(piece.at))); break;
        case KRT_PIECE_DERIVED: append(derived_.bytes(piece.at, piece.bytes)); break;
        case KRT_PIECE_CHECKSUM:
          checksums_.push_back(at_);
          append(std::string(piece.bytes, '\0'));
          break;
        case KRT_PIECE_SELFTEST_OUTPUTS: append(selftest->outputs); break;
        case KRT_PIECE_SELFTEST_TOLERANCE: {
          const double tolerances[] = {selftest->atol, selftest->rtol};
          append({reinterpret_cast<const char*>(tolerances), sizeof tolerances});
          break;
        }
        case KRT_PIECE_FILE_NAME: {
          std::string name = file_.path().substr(file_.path().rfind('/') + 1);
          name.resize(piece.bytes, '\0');
          append(name);
          break;
        }
      }
    }
    for (const uint64_t at : checksums_) put_checksum(at);
  }

 private:
  void append(std::string_view bytes) {
    file_.append(bytes);
    const uint64_t begin = std::max(at_, parts_.summed_at),
                   end = std::min(at_ + bytes.size(), parts_.summed_at + parts_.summed_bytes);
    if (begin < end)
      sum_ = crc32_z(sum_, reinterpret_cast<const Bytef*>(bytes.data()) + (begin - at_), end - begin);
    at_ += bytes.size();
  }

  void put_checksum(uint64_t at) {
    unsigned char bytes[4];
    for (int i = 0; i < 4; ++i) bytes[i] = static_cast<unsigned char>(sum_ >> (8 * i));
    if (::pwrite(file_.descriptor(), bytes, sizeof bytes, static_cast<off_t>(at)) != sizeof bytes)
      throw Error(ErrorKind::io, cat("cannot write: ", std::strerror(errno)), file_.path());
  }

  const Trainable& model_;
  const krt_file& parts_;
  StagedFile& file_;
  Derived derived_;
  uint64_t at_ = 0, kept_ = 0;
  uLong sum_ = 0;
  std::vector<uint64_t> checksums_;
};

const krt_exports& exports_of(const Trainable& model) {
  if (model.exports() == nullptr) throw Error(ErrorKind::usage, "this model was not made to be exported");
  return *model.exports();
}

void expect_writable(const krt_file& parts, const std::string& path) {
  if (parts.bytes == nullptr) throw Error(ErrorKind::usage, cat("cannot be written: ", parts.text), path);
}

/// Has the library compare what it computes with what it is to compute.
void expect_selftest(const StagedFile& file) {
  const std::string aside =
      file.aside().find('/') == std::string::npos ? cat("./", file.aside()) : file.aside();
  void* library = ::dlopen(aside.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw Error(ErrorKind::io, cat("cannot be loaded, to test it: ", ::dlerror()), file.path(),
                "choose a folder from which programs may run");
  const auto info = reinterpret_cast<const keratin_info* (*)()>(::dlsym(library, "keratin_info"));
  const int status = info == nullptr ? KRT_SELFTEST_FAILED : info()->selftest();
  ::dlclose(library);
  if (status != KRT_OK)
    throw Error(ErrorKind::io, cat("the library is not what the model is: ", krt_strerror(status)),
                file.path());
}

}  // namespace

void export_keras(const Trainable& model, const std::string& path) {
  const krt_file& parts = exports_of(model).keras;
  expect_writable(parts, path);
  StagedFile file(path);
  Assembly(model, parts, file).write(nullptr);
  file.commit();
}

void export_library(Trainable& model, const std::string& path) {
  const krt_file& parts = exports_of(model).library;
  if (!path.ends_with(".so"))
    throw Error(ErrorKind::usage, "is no name of a library", path, "write --library NAME.so");
  expect_writable(parts, path);
  const SelfTest selftest = make_selftest(model, parts);
  StagedFile file(path), header(cat(path.substr(0, path.size() - 3), ".h"));
  Assembly(model, parts, file).write(&selftest);
  expect_selftest(file);
  header.append(parts.text);
  header.commit();
  file.commit();
}

}  // namespace keratin::trainer
