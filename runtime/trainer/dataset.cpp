#include "runtime/trainer/dataset.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "runtime/abi.h"
#include "runtime/strings.h"
#include "runtime/trainer/convert.h"
#include "runtime/trainer/csv.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/hdf5.h"
#include "runtime/trainer/npy.h"
#include "runtime/trainer/npz.h"
#include "runtime/trainer/safetensors.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

[[noreturn]] void fail(const std::string& message, const std::string& where, const std::string& hint = {}) {
  throw Error(ErrorKind::data, message, where, hint);
}

/// Adds one for each sample: "(N, 28, 28)".
std::string batch_shape_text(const Shape& shape) {
  std::string text = "(N";
  for (const int64_t n : shape) text += cat(", ", n);
  return text + (shape.empty() ? ",)" : ")");
}

int64_t element_count(const Shape& shape) {
  int64_t n = 1;
  for (const int64_t dimension : shape) n *= dimension;
  return n;
}

/// What would work in the place of an array of a wrong shape, where that can be told.
std::string shape_hint(const Shape& found, const Signature& wanted, bool is_target) {
  if (!is_target || found.empty()) return {};
  const bool one_per_sample = found.size() == 1 || (found.size() == 2 && found[1] == 1);
  const bool column = !wanted.shape.empty() && wanted.shape.back() == 1;
  if (wanted.classes > 0 && found.back() == wanted.classes &&
      found.size() == wanted.shape.size() + (column ? 1 : 2))
    return "the model wants the classes' numbers: y.argmax(axis=-1)";
  if (one_per_sample && !wanted.shape.empty() && wanted.shape.back() > 1)
    return cat("the model wants one number per class: numpy.eye(", wanted.shape.back(), ")[y]");
  return {};
}

/// The array in the shape that the model wants. [N] and [N,1] are the same thing.
Array fitted(const Array& array, const Signature& wanted, const std::string& where, bool is_target) {
  const Shape& found = array.shape();
  if (!found.empty()) {
    Shape shape = {found[0]};
    shape.insert(shape.end(), wanted.shape.begin(), wanted.shape.end());
    if (found == shape) return array;
    const auto is_column = [](const Shape& s, size_t rank) {
      return s.size() == rank || (s.size() == rank + 1 && s[rank] == 1);
    };
    if (is_column(found, 1) && is_column(wanted.shape, 0)) return array.reshaped(shape);
  }
  fail(cat("has the shape ", shape_text(found), ", wanted is ", batch_shape_text(wanted.shape)), where,
       shape_hint(found, wanted, is_target));
}

/// Strings, rows of bytes, as the integers that an input is made of; other arrays as they are.
Array as_numbers(const Array& array, const Signature& wanted, const std::string& where) {
  if (wanted.strings == nullptr || array.dtype() != DType::i8 || array.shape().size() < 2) return array;
  const size_t width = static_cast<size_t>(array.shape().back());
  const bool makes_rows = krt_strings_makes_rows(wanted.strings) != 0;
  Shape shape(array.shape().begin(), array.shape().end() - 1);
  const auto count = static_cast<size_t>(element_count(shape));
  if (makes_rows && count != static_cast<size_t>(shape[0]))
    fail("has several strings per sample, the model takes one", where);
  const StringRows rows(array.data(), count, width);
  const size_t length = makes_rows ? static_cast<size_t>(wanted.shape.back()) : 1;
  if (makes_rows) shape = {shape[0], wanted.shape.back()};
  Array out(DType::i64, std::move(shape));
  const int status = krt_strings_encode(wanted.strings, rows.starts.data(), rows.sizes.data(), count, length,
                                        reinterpret_cast<int64_t*>(out.mutable_data()));
  if (status != KRT_OK) fail(cat("cannot be read: ", krt_strerror(status)), where);
  return out;
}

/// Every value can be what the model computes with, and every label is a class.
void check_values(const Array& array, const Signature& wanted, const std::string& where) {
  const int64_t each = element_count(wanted.shape);
  const int64_t misfit = first_misfit(array.dtype(), array.data(), wanted.dtype, array.elements());
  if (misfit >= 0) {
    const double value = array.number(misfit);
    const std::string place = cat(where, ", row ", misfit / each);
    if (std::isnan(value)) fail("holds NaN", place, "fill gaps, or leave such samples out, before training");
    if (std::isinf(value)) fail("holds infinity", place);
    fail(cat("holds ", value, ", which is no value of type ", to_text(wanted.dtype)), place);
  }
  if (wanted.classes == 0) return;
  for (int64_t i = 0; i < array.elements(); ++i) {
    const double value = array.number(i);
    if (value >= 0 && value < static_cast<double>(wanted.classes) && value == std::trunc(value)) continue;
    fail(cat("the label ", value, " is no class; classes are whole numbers from 0 to ", wanted.classes - 1),
         cat(where, ", row ", i / each));
  }
}

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
      check_values(taken.back(), wanted, where);
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
      fail(cat("has the shape ", shape_text(given.shape()), ", wanted is (N,)"), where,
           "weights of steps need a model that was compiled for them: --sample-weight-mode temporal");
    const Array array = fitted(given, wanted, where, false);
    check_values(array, wanted, where);
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
      fail(cat("has an array ", quoted(*left_.begin()), ", which the model has no use for"), where_,
           cat(similar.empty() ? "arrays are " : cat("did you mean ", similar, "? arrays are "),
               join(names_, ", ")));
    }
    if (samples_ == 0) fail("has no samples", where_);
    return samples_;
  }

 private:
  std::string array_where(const std::string& name) const { return cat(where_, ": array ", quoted(name)); }

  [[noreturn]] void missing(const std::string& name, const std::string& of, bool is_target) const {
    std::vector<std::string> found;
    for (const auto& [present, array] : arrays_) found.push_back(present);
    fail(cat("has no array ", quoted(name), " for the ", is_target ? "target" : "input",
             of.empty() ? "" : cat(" ", quoted(of))),
         where_, found.empty() ? "the file holds no arrays" : cat("it holds ", join(found, ", ")));
  }

  void count(const std::string& name, int64_t samples) {
    if (first_.empty()) {
      first_ = name;
      samples_ = samples;
    } else if (samples != samples_) {
      fail(cat("has ", counted(samples, "sample"), ", ", quoted(first_), " has ", samples_),
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

bool is_table(const std::string& file) { return file.ends_with(".csv") || file.ends_with(".tsv"); }

std::string columns_hint(const Table& table) {
  std::vector<std::string> some(
      table.columns.begin(),
      table.columns.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(table.columns.size(), 12)));
  return cat("columns are ", join(some, ", "), some.size() < table.columns.size() ? ", …" : "");
}

/// The place of the column `label`; nothing if it is not needed and not there.
std::optional<size_t> label_column(const Table& table, const std::string& path, Needs needs,
                                   const std::string& label) {
  if (label.empty()) {
    if (needs == Needs::inputs) return {};
    throw Error(ErrorKind::usage, "a .csv needs --label NAME, the column to learn", path,
                columns_hint(table));
  }
  const auto found = std::find(table.columns.begin(), table.columns.end(), label);
  if (found == table.columns.end()) {
    if (needs == Needs::inputs) return {};
    const std::string similar = most_similar(label, table.columns);
    fail(cat("has no column ", quoted(label)), path,
         similar.empty() ? columns_hint(table) : cat("did you mean ", similar, "?"));
  }
  if (std::find(found + 1, table.columns.end(), label) != table.columns.end())
    fail(cat("has two columns ", quoted(label)), path);
  return static_cast<size_t>(found - table.columns.begin());
}

/// Row numbers of arrays mean little to who wrote a table: values are checked here, with lines.
void check_table(const Array& array, const Signature& wanted, const Table& table, const std::string& path) {
  for (int64_t row = 0; row < table.rows(); ++row) {
    const std::string where = cat(path, ": line ", table.lines[static_cast<size_t>(row)]);
    check_values(array.rows(row, row + 1), wanted, where);
  }
}

Dataset from_csv(const std::string& path, const TrainableInfo& model, Needs needs, const std::string& label) {
  const bool with_targets = needs == Needs::inputs_and_targets;
  if (model.inputs.size() != 1 || (with_targets && model.targets.size() != 1))
    throw Error(ErrorKind::usage, "a .csv serves models with one input and one target", path,
                "write a .npz with an array x:NAME for each input and y:NAME for each target");
  if (model.inputs[0].strings != nullptr)
    throw Error(ErrorKind::usage, "a .csv holds numbers, and the model takes strings", path,
                "write a .npz with an array x of strings");
  const Table table = read_csv(path);
  const std::optional<size_t> column = label_column(table, path, needs, label);
  const auto width = static_cast<int64_t>(table.columns.size());
  const int64_t features = width - (column ? 1 : 0);
  const Signature& input = model.inputs[0];
  if (features != element_count(input.shape))
    fail(cat("has ", counted(features, "column"), " of features, the model's input ",
             batch_shape_text(input.shape), " takes ", element_count(input.shape)),
         path, column || with_targets ? "" : "with --label NAME one column is left out");
  if (table.rows() == 0) fail("has no samples", path);

  Dataset data{path, table.rows(), {}, {}, {}};
  Shape shape = {table.rows()};
  shape.insert(shape.end(), input.shape.begin(), input.shape.end());
  Array x(DType::f64, shape), y(DType::f64, {table.rows()});
  auto* to_x = reinterpret_cast<double*>(x.mutable_data());
  auto* to_y = reinterpret_cast<double*>(y.mutable_data());
  for (size_t i = 0; i < table.values.size(); ++i)
    *(column && i % table.columns.size() == *column ? to_y : to_x)++ = table.values[i];
  check_table(x, input, table, path);
  data.inputs.push_back(std::move(x));
  if (with_targets) {
    data.targets.push_back(fitted(y, model.targets[0], cat(path, ": column ", quoted(label)), true));
    check_table(data.targets[0], model.targets[0], table, path);
  }
  return data;
}

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
        ErrorKind::usage, "is no file of data, by its name's end", file,
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

Dataset Dataset::rows(int64_t begin, int64_t end) const {
  Dataset part{where, end - begin, {}, {}, {}};
  for (const Column& column : inputs) part.inputs.push_back(column.rows(begin, end));
  for (const Array& array : targets) part.targets.push_back(array.rows(begin, end));
  for (const std::vector<float>& all : weights) {
    const int64_t each = static_cast<int64_t>(all.size()) / samples;
    part.weights.emplace_back(all.begin() + begin * each, all.begin() + end * each);
  }
  return part;
}

Dataset read_dataset(const std::vector<std::string>& files, const TrainableInfo& model, Needs needs,
                     const std::string& label) {
  if (files.size() == 1 && is_table(files[0])) return from_csv(files[0], model, needs, label);
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
