// Arrays by name: those of a .npz and the like, or of the C++ API.
#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "runtime/trainer/convert.h"
#include "runtime/trainer/csv.h"
#include "runtime/trainer/dataset.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/hdf5.h"
#include "runtime/trainer/npy.h"
#include "runtime/trainer/npz.h"
#include "runtime/trainer/safetensors.h"
#include "runtime/trainer/sample_checks.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

/// Takes arrays from a set by the names that they may have.
class Taker {
 public:
  Taker(const std::map<std::string, Array>& arrays, const std::string& where)
      : arrays_(arrays), where_(where) {
    for (const auto& [name, array] : arrays) left_.insert(name);
  }

  /// The arrays for all of `signatures`: "x" or "x:NAME".
  std::vector<Array> take(const std::string& letter, const std::vector<Signature>& signatures,
                          bool is_target) {
    std::vector<Array> taken;
    for (const Signature& wanted : signatures) {
      std::string name = cat(letter, ":", wanted.name);
      names_.push_back(name);
      if (signatures.size() == 1) {
        names_.push_back(letter);
        if (left_.count(name) == 0) name = letter;
      }
      if (left_.erase(name) == 0) missing(name, signatures.size() == 1 ? "" : wanted.name, is_target);
      const std::string where = array_where(name);
      taken.push_back(fitted(as_numbers(arrays_.at(name), wanted, where), wanted, where, is_target));
      check_values(taken.back(), wanted, rows_of(where));
      count(name, taken.back().shape()[0]);
    }
    return taken;
  }

  /// "sample_weight" or "sample_weight:NAME", which may be absent.
  std::vector<float> take_weights(const Signature& wanted, bool is_only_one) {
    constexpr std::string_view kAll = "sample_weight";
    std::string name = wanted.name.empty() ? std::string(kAll) : cat(kAll, ":", wanted.name);
    names_.push_back(name);
    if (is_only_one && left_.count(name) == 0) name = kAll;
    if (left_.erase(name) == 0) return {};
    const std::string where = array_where(name);
    const Array& given = arrays_.at(name);
    if (wanted.shape.empty() && given.shape().size() > 1 && given.shape().back() != 1)
      fail_data(cat("has the shape ", shape_text(given.shape()), ", wanted is (N,)"), where,
                "weights of steps need a model that was compiled for them: --sample-weight-mode temporal");
    const Array array = fitted(given, wanted, where, false);
    check_values(array, wanted, rows_of(where));
    count(name, array.shape()[0]);
    std::vector<float> weights(static_cast<size_t>(array.elements()));
    convert(array.dtype(), array.data(), DType::f32, weights.data(), array.elements());
    return weights;
  }

  void ignore(const std::string& letter) {
    std::erase_if(left_,
                  [&](const std::string& name) { return name == letter || name.starts_with(letter + ":"); });
  }

  /// How many samples all arrays have, if nothing is left over.
  int64_t finish() const {
    if (!left_.empty()) {
      const std::string similar = most_similar(*left_.begin(), names_);
      fail_data(cat("has an array ", quoted(*left_.begin()), ", which the model has no use for"), where_,
                cat(similar.empty() ? "arrays are " : cat("did you mean ", similar, "? arrays are "),
                    join(names_, ", ")));
    }
    if (samples_ == 0) fail_data("has no samples", where_);
    return samples_;
  }

 private:
  static std::function<std::string(int64_t)> rows_of(const std::string& where) {
    return [where](int64_t row) { return cat(where, ", row ", row); };
  }
  std::string array_where(const std::string& name) const { return cat(where_, ": array ", quoted(name)); }

  [[noreturn]] void missing(const std::string& name, const std::string& of, bool is_target) const {
    std::vector<std::string> found;
    for (const auto& [present, array] : arrays_) found.push_back(present);
    fail_data(cat("has no array ", quoted(name), " for the ", is_target ? "target" : "input",
                  of.empty() ? "" : cat(" ", quoted(of))),
              where_, found.empty() ? "the file holds no arrays" : cat("it holds ", join(found, ", ")));
  }

  void count(const std::string& name, int64_t samples) {
    if (first_.empty()) {
      first_ = name;
      samples_ = samples;
    } else if (samples != samples_) {
      fail_data(cat("has ", counted(samples, "sample"), ", ", quoted(first_), " has ", samples_),
                array_where(name));
    }
  }

  const std::map<std::string, Array>& arrays_;
  const std::string& where_;
  std::set<std::string> left_;      // not taken yet
  std::vector<std::string> names_;  // that arrays may have
  std::string first_;               // the first taken
  int64_t samples_ = 0;
};

/// How an array file is read, known by its name's end.
struct ArrayFormat {
  std::string_view end;
  std::map<std::string, Array> (*read)(const std::string& path, Strings strings);
};
constexpr ArrayFormat kArrayFormats[] = {
    {".npz", read_npz},
    {".h5", read_hdf5},
    {".hdf5", read_hdf5},
    {".safetensors", [](const std::string& path, Strings) { return read_safetensors(path); }},
};

/// By name, from a file of several, or NAME=PATH of a .npy.
std::map<std::string, Array> read_arrays(const std::string& file, Strings strings) {
  for (const ArrayFormat& format : kArrayFormats)
    if (file.ends_with(format.end)) return format.read(file, strings);
  if (is_table(file)) throw Error(ErrorKind::usage, "a table holds all of the data, and stands alone", file);
  if (!file.ends_with(".npy"))
    throw Error(
        ErrorKind::usage, "is no folder, and by its name's end no file of data", file,
        "data are read from .npz, .npy, .h5, .safetensors, .csv and .tsv files, and folders of images");
  const size_t equals = file.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error(ErrorKind::usage, "a .npy holds one array without a name", file,
                cat("say which it is, as in x=", file.substr(equals + 1)));
  const std::string path = file.substr(equals + 1);
  const MappedFile mapped = map_file(path);
  return {{file.substr(0, equals), parse_npy(mapped.bytes, mapped.owner, path, strings)}};
}

}  // namespace

Dataset read_array_dataset(const std::vector<std::string>& files, const TrainableInfo& model, Needs needs) {
  const bool takes_strings = std::any_of(model.inputs.begin(), model.inputs.end(),
                                         [](const Signature& input) { return input.strings != nullptr; });
  const Strings strings = takes_strings ? Strings::as_bytes : Strings::refuse;
  std::map<std::string, Array> arrays;
  for (const std::string& file : files)
    for (auto& [name, array] : read_arrays(file, strings))
      if (!arrays.emplace(name, std::move(array)).second)
        throw Error(ErrorKind::usage, cat("array ", quoted(name), " is in a file before it too"), file);
  return make_dataset(arrays, join(files, " "), model, needs);
}

Dataset make_dataset(const std::map<std::string, Array>& arrays, const std::string& where,
                     const TrainableInfo& model, Needs needs) {
  Taker taker(arrays, where);
  Dataset data;
  data.where = where;
  for (Array& array : taker.take("x", model.inputs, false)) data.inputs.emplace_back(std::move(array));
  if (needs == Needs::inputs_and_targets) {
    data.targets = taker.take("y", model.targets, true);
    for (const Signature& wanted : model.weights)
      data.weights.push_back(taker.take_weights(wanted, model.weights.size() == 1));
  } else {
    taker.ignore("y");
    taker.ignore("sample_weight");
  }
  data.samples = taker.finish();
  return data;
}

}  // namespace keratin::trainer
