// Compiled models, opened at run time by what they say of themselves.
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

#include "frontend/elf.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"
#include "tools/runnable.h"

namespace keratin {
namespace {

DType dtype_of(uint32_t dtype, const std::string& path) {
  constexpr DType kByNumber[] = {DType::boolean, DType::i8,  DType::i16, DType::i32, DType::i64,
                                 DType::u8,      DType::u16, DType::u32, DType::u64, DType::f16,
                                 DType::bf16,    DType::f32, DType::f64};
  if (dtype >= std::size(kByNumber)) throw Error(ErrorKind::data, "an array has an unknown dtype", path);
  return kByNumber[dtype];
}

/// The symbols that dimensions refer to by number.
std::vector<Dim> symbols_of(const keratin_info& info) {
  std::vector<Dim> symbols{Dim::batch()};
  for (const char* name : std::span(info.length_names, info.length_count))
    symbols.push_back(Dim(1, Symbol(name)));
  for (const keratin_quotient& q : std::span(info.quotients, info.quotient_count)) {
    const Dim of = symbols.at(q.of);
    const Dim whole = quotient(Dim(of.coef * q.times, of.symbol), q.plus, q.over);
    symbols.push_back(q.most > 0 ? at_most(whole, q.most) : whole);
  }
  return symbols;
}

std::vector<Port> ports_of(const keratin_info& info, const keratin_array* arrays, uint32_t count,
                           const std::string& path) {
  const std::vector<Dim> symbols = symbols_of(info);
  std::vector<Port> ports;
  for (const keratin_array& array : std::span(arrays, count)) {
    Type type(dtype_of(array.dtype, path), {});
    for (const keratin_dim& dim : std::span(array.shape, array.rank)) {
      const Dim symbol = dim.symbol < 0 ? Dim(1) : symbols.at(static_cast<size_t>(dim.symbol));
      type.shape.push_back(Dim(dim.size * symbol.coef, symbol.symbol));
    }
    ports.push_back({array.name, type});
  }
  return ports;
}

/// 64-byte aligned memory.
class Block {
 public:
  explicit Block(size_t bytes)
      : memory_(std::aligned_alloc(KRT_ALIGNMENT, (bytes / KRT_ALIGNMENT + 1) * KRT_ALIGNMENT)) {
    if (memory_ == nullptr) throw std::bad_alloc();
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { std::free(memory_); }
  void* get() { return memory_; }

 private:
  void* memory_;
};

class Library {
 public:
  Library(const std::string& path, unsigned threads) : path_(path) {
    // dlopen looks for a name without a slash in the system's folders.
    const std::string name = path.find('/') == std::string::npos ? "./" + path : path;
    const char* hint = "models are compiled with `keratin compile MODEL -o FILE.so`";
    expect_whole_elf(name, hint);
    void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw Error(ErrorKind::no_input, dlerror(), path);
    const auto describe = reinterpret_cast<const keratin_info* (*)()>(dlsym(handle, "keratin_info"));
    if (describe == nullptr)
      throw Error(ErrorKind::data, "this shared object is no compiled model", path, hint);
    info_ = describe();
    if (info_->size < sizeof(keratin_info) || info_->abi_version != KRT_ABI_VERSION)
      throw Error(ErrorKind::data, "this model was compiled by another version of Keratin", path,
                  "compile it again");
    if (threads > 1 && (pool_ = info_->pool_create(threads)) == nullptr)
      throw Error(ErrorKind::io, cat(threads, " threads cannot be started"), path);
    state_ = std::make_unique<Block>(info_->state_bytes);
    if (info_->state_init != nullptr) check(info_->state_init(state_->get()));
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() {
    if (pool_ != nullptr) info_->pool_destroy(pool_);
  }

  std::vector<Port> inputs() const {
    std::vector<Port> ports = ports_of(*info_, info_->inputs, info_->input_count, path_);
    if (info_->encode == nullptr) return ports;
    for (uint32_t i = 0; i < info_->input_count; ++i) ports[i].strings = string_reader(i);
    return ports;
  }
  std::vector<Port> outputs() const { return ports_of(*info_, info_->outputs, info_->output_count, path_); }

  std::vector<Tensor> call(std::span<const Tensor> inputs) {
    const Bindings bindings = bind(inputs);
    std::vector<size_t> lengths;
    for (const char* name : std::span(info_->length_names, info_->length_count))
      lengths.push_back(static_cast<size_t>(value_of(Symbol(name), bindings)));
    std::vector<const void*> from;
    for (const Tensor& tensor : inputs) from.push_back(tensor.data());
    std::vector<Tensor> results;
    for (const Port& port : outputs()) {
      std::vector<int64_t> shape;
      for (const Dim dim : port.type.shape) shape.push_back(std::max<int64_t>(dim.value(bindings), 0));
      results.emplace_back(port.type.dtype, shape);
    }
    std::vector<void*> to;
    for (Tensor& tensor : results) to.push_back(tensor.data());
    const auto count = static_cast<size_t>(value_of(Dim::batch().symbol, bindings));
    const size_t bytes = info_->workspace_size(count, lengths.data(), pool_ != nullptr ? pool_->threads : 1);
    Block workspace(bytes == SIZE_MAX ? 0 : bytes);  // then the call says why
    check(info_->call(from.data(), to.data(), info_->state_bytes > 0 ? state_->get() : nullptr, count,
                      lengths.data(), workspace.get(), pool_));
    return results;
  }

 private:
  std::optional<StringReader> string_reader(uint32_t input) const {
    if (info_->encoded_length(input, nullptr, nullptr, 0) == 0) return {};
    const keratin_info* info = info_;
    // Where a string becomes one integer, there is no room for two.
    const char* const empty[] = {""};
    int64_t two[2];
    const bool makes_rows = info->encode(input, empty, nullptr, 1, 2, two) != KRT_BAD_LENGTH;
    return StringReader{[=](const char* const* strings, const size_t* sizes, size_t count) {
                          return info->encoded_length(input, strings, sizes, count);
                        },
                        [=](const char* const* strings, const size_t* sizes, size_t count, size_t length,
                            int64_t* to) { return info->encode(input, strings, sizes, count, length, to); },
                        info->explain, makes_rows};
  }
  /// What the inputs' shapes tell of n and of the lengths.
  Bindings bind(std::span<const Tensor> inputs) const {
    Bindings bindings;
    if (info_->batch > 0) bindings[Dim::batch().symbol] = static_cast<int64_t>(info_->batch);
    const std::vector<Port> ports = this->inputs();
    for (size_t i = 0; i < ports.size(); ++i)
      for (size_t axis = 0; axis < ports[i].type.shape.size(); ++axis)
        learn(bindings, ports[i].type.shape[axis], inputs[i].shape()[axis]);
    bindings.emplace(Dim::batch().symbol, 1);
    return bindings;
  }
  void check(int status) const {
    if (status != KRT_OK) throw Error(ErrorKind::data, info_->explain(status), path_);
  }

  std::string path_;
  const keratin_info* info_ = nullptr;
  keratin_pool* pool_ = nullptr;
  std::unique_ptr<Block> state_;
};

}  // namespace

Runnable open_library(const std::string& path, unsigned threads) {
  const auto library = std::make_shared<Library>(path, threads);
  return {library->inputs(), library->outputs(),
          [library](std::span<const Tensor> inputs) { return library->call(inputs); }};
}

}  // namespace keratin
