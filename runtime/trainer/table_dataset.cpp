// A table's columns, dealt out: labels, the weights of samples, and features, which are numbers, words that become numbers, or text.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string_view>
#include <utility>

#include "runtime/trainer/convert.h"
#include "runtime/trainer/csv.h"
#include "runtime/trainer/dataset.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/label_targets.h"
#include "runtime/trainer/sample_checks.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

using Kind = FeatureColumn::Kind;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Which of a table's columns are what, before its rows are read.
class Columns {
 public:
  Columns(const std::string& path, const std::vector<std::string>& names) : path_(path), names_(names) {}

  size_t find(const std::string& name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) {
      const std::string similar = most_similar(name, names_);
      fail_data(cat("has no column ", quoted(name)), path_,
                similar.empty() ? hint() : cat("did you mean ", similar, "?"));
    }
    if (std::find(found + 1, names_.end(), name) != names_.end())
      fail_data(cat("has two columns ", quoted(name)), path_);
    return static_cast<size_t>(found - names_.begin());
  }
  bool has(const std::string& name) const { return contains(names_, name); }
  const std::vector<std::string>& names() const { return names_; }

  std::string hint() const {
    constexpr size_t kShown = 12;
    std::vector<std::string> some(
        names_.begin(), names_.begin() + static_cast<std::ptrdiff_t>(std::min(names_.size(), kShown)));
    return cat("columns are ", join(some, ", "), some.size() < names_.size() ? ", …" : "");
  }

 private:
  const std::string& path_;
  const std::vector<std::string>& names_;
};

class TableReader {
 public:
  TableReader(const std::string& path, const TrainableInfo& model, Needs needs, const TableOptions& options,
              const Encoding& known)
      : path_(path),
        model_(model),
        with_targets_(needs == Needs::inputs_and_targets),
        options_(options),
        file_(path),
        columns_(path, file_.columns()),
        known_(!known.features.empty()),
        encoding_(known_ ? known : Encoding()) {}

  Dataset read() {
    check_inputs();
    check_uses();
    if (known_)
      check_known();
    else
      choose_columns();
    read_rows();
    if (!known_) learn();
    drop_rows();
    if (table_.rows() == 0) fail_data("has no samples", path_);
    Dataset data{.where = path_, .samples = table_.rows()};
    if (with_targets_) {
      make_targets(data);
      make_weights(data);
    }
    make_inputs(data);
    data.encoding = std::move(encoding_);
    return data;
  }

 private:
  std::string place(int64_t row) const { return cat(path_, ": line ", table_.line(row)); }
  std::string place(int64_t row, const std::string& column) const {
    return cat(place(row), ", column ", quoted(column));
  }

  std::string column_where(const std::string& column) const {
    return cat(path_, ": column ", quoted(column));
  }

  // ---- Which columns are what ----

  /// A column has one use; features may be words.
  void check_uses() const {
    std::vector<std::string> weights;
    if (!options_.sample_weight.empty()) weights.push_back(options_.sample_weight);
    const std::pair<std::string_view, const std::vector<std::string>*> lists[] = {
        {"--label", &options_.labels},    {"--sample-weight", &weights},
        {"--ignore", &options_.ignored},  {"--features", &options_.features},
        {"--one-hot", &options_.one_hot}, {"--categorical", &options_.categorical}};
    std::map<std::string, std::string_view> uses;
    for (const auto& [option, names] : lists)
      for (const std::string& name : *names) {
        const auto [use, is_new] = uses.emplace(name, option);
        if (is_new) continue;
        if (use->second == option)
          throw Error(ErrorKind::usage, cat("names ", quoted(name), " twice"), std::string(option));
        if (use->second != "--features")
          throw Error(ErrorKind::usage, cat("names ", quoted(name), ", which ", use->second, " names, too"),
                      std::string(option), "a column has one use");
        use->second = option;
      }
  }

  [[noreturn]] static void refuse_unlearned(std::string_view option, const std::string& learned) {
    throw Error(ErrorKind::usage, "is not what the weights were trained with", cat("--", option),
                cat("they were trained with ", learned, "; without the option that is taken"));
  }

  /// What is said again has to be what the weights were trained with.
  void check_known() const {
    std::vector<std::string> features, labels, categorical, one_hot;
    for (const FeatureColumn& column : encoding_.features) {
      features.push_back(column.name);
      if (column.kind == Kind::categorical) categorical.push_back(column.name);
      if (column.kind == Kind::one_hot) one_hot.push_back(column.name);
    }
    for (const LabelColumn& label : encoding_.labels) labels.push_back(label.name);
    const auto text = [](const std::vector<std::string>& names) {
      return names.empty() ? std::string("none") : join(names, " ");
    };
    if (!options_.labels.empty() && options_.labels != labels) refuse_unlearned("label", text(labels));
    if (!options_.features.empty() && options_.features != features)
      refuse_unlearned("features", text(features));
    for (const std::string& name : options_.categorical)
      if (!contains(categorical, name)) refuse_unlearned("categorical", text(categorical));
    for (const std::string& name : options_.one_hot)
      if (!contains(one_hot, name)) refuse_unlearned("one-hot", text(one_hot));
    const auto refuse_learned = [&](std::string_view option, const std::string& name) {
      const bool is_feature = contains(features, name);
      if (is_feature || contains(labels, name))
        throw Error(ErrorKind::usage,
                    cat("names ", quoted(name), ", which is a ", is_feature ? "feature" : "label",
                        " of what the weights were trained with"),
                    cat("--", option));
    };
    for (const std::string& name : options_.ignored) refuse_learned("ignore", name);
    if (!options_.sample_weight.empty()) refuse_learned("sample-weight", options_.sample_weight);
    check_known_fill();
  }

  void check_known_fill() const {
    const std::string& missing = options_.missing;
    if (missing.empty() || missing == "mean" || missing == "median" || missing == "drop") return;
    for (const FeatureColumn& column : encoding_.features)
      if (column.fill && *column.fill != std::stod(missing))
        refuse_unlearned("missing", cat(*column.fill, " in ", quoted(column.name)));
  }

  void choose_columns() {
    for (const std::string& name : options_.labels) encoding_.labels.push_back({name, {}});
    if (encoding_.labels.empty() && with_targets_)
      throw Error(ErrorKind::usage, "a table needs --label NAME, the column to learn", path_,
                  columns_.hint());
    for (const auto* list : {&options_.features, &options_.ignored, &options_.categorical, &options_.one_hot})
      for (const std::string& name : *list) columns_.find(name);
    std::vector<std::string> names = options_.features;
    if (names.empty()) names = model_.inputs.size() == 1 ? unused_columns() : input_names();
    for (const std::string& name : names) {
      if (name.empty())
        fail_data("has a column without a name", path_,
                  "pandas writes one of row numbers; to_csv(…, index=False) does not");
      columns_.find(name);
      if (is_used(name) || contains(options_.ignored, name))
        throw Error(ErrorKind::usage,
                    cat(quoted(name), " is an input of the model, and an option gives it another use"),
                    path_);
      encoding_.features.push_back({.name = name, .kind = kind_of(name)});
    }
    check_words(names);
  }

  /// Columns of words are features, and no text.
  void check_words(const std::vector<std::string>& features) const {
    for (const auto& [option, names] :
         {std::pair("--categorical", &options_.categorical), {"--one-hot", &options_.one_hot}})
      for (const std::string& name : *names) {
        if (!contains(features, name))
          throw Error(ErrorKind::usage, cat("names ", quoted(name), ", which is no feature"), option,
                      cat("features are ", join(features, ", ")));
        if (is_text(name))
          throw Error(ErrorKind::usage, cat("names ", quoted(name), ", which the model takes as text"),
                      option);
      }
  }

  /// As a label or as the samples' weights.
  bool is_used(const std::string& name) const {
    return contains(options_.labels, name) ||
           (!options_.sample_weight.empty() && name == options_.sample_weight);
  }

  std::vector<std::string> unused_columns() const {
    std::vector<std::string> names;
    for (const std::string& name : columns_.names())
      if (!is_used(name) && !contains(options_.ignored, name)) names.push_back(name);
    return names;
  }

  std::vector<std::string> input_names() const {
    std::vector<std::string> names;
    for (const Signature& input : model_.inputs) names.push_back(input.name);
    return names;
  }

  Kind kind_of(const std::string& name) const {
    if (contains(options_.one_hot, name)) return Kind::one_hot;
    if (contains(options_.categorical, name)) return Kind::categorical;
    return is_text(name) ? Kind::text : Kind::number;
  }

  /// Whether the input that has the column is made of strings.
  bool is_text(const std::string& name) const {
    if (model_.inputs.size() == 1) return model_.inputs[0].strings != nullptr;
    return std::any_of(model_.inputs.begin(), model_.inputs.end(), [&](const Signature& input) {
      return input.name == name && input.strings != nullptr;
    });
  }

  /// Several inputs take a column each.
  void check_inputs() const {
    if (model_.inputs.size() == 1) return;
    for (const Signature& input : model_.inputs)
      if (input.strings == nullptr && element_count(input.shape) != 1)
        throw Error(ErrorKind::usage,
                    cat("a table gives each of several inputs one column, and ", quoted(input.name),
                        " takes ", batch_shape_text(input.shape)),
                    path_, "write a .npz with an array x:NAME for each input and y:NAME for each target");
    if (!options_.features.empty())
      throw Error(ErrorKind::usage, "the model's inputs tell which columns are features", "--features");
  }

  // ---- Rows ----

  void read_rows() {
    std::vector<FieldKind> kinds(columns_.names().size(), FieldKind::ignored);
    for (const FeatureColumn& column : encoding_.features)
      kinds[columns_.find(column.name)] = column.kind == Kind::number ? FieldKind::number : FieldKind::words;
    if (with_targets_) {
      for (const LabelColumn& label : encoding_.labels)
        kinds[columns_.find(label.name)] = !known_                 ? FieldKind::label
                                           : label.classes.empty() ? FieldKind::number
                                                                   : FieldKind::classes;
      if (!options_.sample_weight.empty()) kinds[columns_.find(options_.sample_weight)] = FieldKind::number;
    }
    table_ = file_.read(
        kinds, with_targets_
                   ? "--one-hot and --categorical make numbers of words, --ignore leaves a column out"
                   : "--weights FILE says how training read words, --ignore leaves a column out");
  }

  /// The place of a column among those that were read.
  size_t at(const std::string& name) const {
    return static_cast<size_t>(std::find(table_.columns.begin(), table_.columns.end(), name) -
                               table_.columns.begin());
  }
  double value(int64_t row, size_t column) const {
    return reinterpret_cast<const double*>(
        table_.values.data())[static_cast<size_t>(row) * table_.columns.size() + column];
  }

  /// What the first data decide: words, classes, what fills gaps.
  void learn() {
    encoding_.gaps_are_words = !options_.missing.empty() && options_.missing != "drop";
    for (FeatureColumn& column : encoding_.features) {
      const size_t place = at(column.name);
      if (column.kind == Kind::categorical || column.kind == Kind::one_hot)
        column.words = table_.words[place];
      if (column.kind == Kind::number && encoding_.gaps_are_words) column.fill = fill_of(place);
    }
    if (!with_targets_) return;
    for (LabelColumn& label : encoding_.labels) label.classes = table_.words[at(label.name)];
  }

  double fill_of(size_t column) const {
    if (options_.missing != "mean" && options_.missing != "median") return std::stod(options_.missing);
    std::vector<double> values;
    for (int64_t row = 0; row < table_.rows(); ++row)
      if (const double each = value(row, column); !std::isnan(each)) values.push_back(each);
    if (values.empty())
      fail_data(cat("has no number, so there is no ", options_.missing),
                column_where(table_.columns[column]));
    if (options_.missing == "mean") {
      double sum = 0;
      for (const double each : values) sum += each;
      return sum / static_cast<double>(values.size());
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*std::max_element(values.begin(), middle) + *middle) / 2;
  }

  void drop_rows() {
    if (options_.missing != "drop" || !with_targets_) return;
    const auto width = static_cast<int64_t>(table_.columns.size());
    auto* values = reinterpret_cast<double*>(table_.values.mutable_data());
    auto* lines = reinterpret_cast<int64_t*>(table_.lines.mutable_data());
    int64_t kept = 0;
    for (int64_t row = 0; row < table_.rows(); ++row) {
      const double* from = values + row * width;
      if (std::any_of(from, from + width, [](double each) { return std::isnan(each); })) continue;
      std::copy(from, from + width, values + kept * width);
      lines[kept++] = lines[row];
    }
    table_.values = table_.values.rows(0, kept);
    table_.lines = table_.lines.rows(0, kept);
  }

  [[noreturn]] void refuse_gap(int64_t row, const std::string& column) const {
    fail_data("is empty", place(row, column),
              with_targets_
                  ? "--missing mean, median or a number fills gaps, --missing drop leaves such lines out"
                  : "--missing with a number fills gaps");
  }

  // ---- Inputs ----

  /// How many numbers a column becomes.
  static int64_t width_of(const FeatureColumn& column) {
    return column.kind == Kind::one_hot ? static_cast<int64_t>(column.words.size()) : 1;
  }

  void make_inputs(Dataset& data) const {
    if (model_.inputs.size() == 1) {
      data.inputs.emplace_back(make_input(model_.inputs[0], encoding_.features));
      return;
    }
    for (const Signature& input : model_.inputs)
      for (const FeatureColumn& column : encoding_.features)
        if (column.name == input.name) data.inputs.emplace_back(make_input(input, {column}));
  }

  Array make_input(const Signature& input, const std::vector<FeatureColumn>& features) const {
    if (input.strings != nullptr) return make_text(input, features);
    int64_t width = 0;
    for (const FeatureColumn& column : features) width += width_of(column);
    if (width != element_count(input.shape))
      fail_data(cat("has ", counted(width, "column"), " of features, the model's input ",
                    batch_shape_text(input.shape), " takes ", element_count(input.shape)),
                path_,
                encoding_.labels.empty() ? "with --label NAME one column is left out"
                                         : "--ignore and --features choose among them");
    Array x(DType::f64, {table_.rows(), width});
    auto* out = reinterpret_cast<double*>(x.mutable_data());
    for (const FeatureColumn& column : features) {
      const size_t from = at(column.name);
      const std::vector<double> places = places_of(column);
      for (int64_t row = 0; row < table_.rows(); ++row)
        put(column, row, value(row, from), places, out + row * width);
      out += width_of(column);
    }
    Shape shape = {table_.rows()};
    shape.insert(shape.end(), input.shape.begin(), input.shape.end());
    x = x.reshaped(std::move(shape));
    check_values(x, input, [this](int64_t row) { return place(row); });
    return x;
  }

  /// By a word's number in this table, its number among those that were learned; that of no word if it is new.
  std::vector<double> places_of(const FeatureColumn& column) const {
    std::vector<double> places;
    for (const std::string& word : table_.words[at(column.name)]) {
      const auto found = std::lower_bound(column.words.begin(), column.words.end(), word);
      const bool is_known = found != column.words.end() && *found == word;
      places.push_back(is_known ? static_cast<double>(found - column.words.begin()) : std::nan(""));
    }
    return places;
  }

  void put(const FeatureColumn& column, int64_t row, double value, const std::vector<double>& places,
           double* out) const {
    if (column.kind == Kind::number) {
      if (std::isnan(value)) value = column.fill ? *column.fill : given_fill(row, column.name);
      *out = value;
      return;
    }
    const bool is_gap = std::isnan(value);
    const double number = is_gap ? value : places[static_cast<size_t>(value)];
    const auto words = static_cast<double>(column.words.size());
    if (std::isnan(number) && !encoding_.gaps_are_words) {
      if (is_gap) refuse_gap(row, column.name);
      fail_data(cat(quoted(table_.words[at(column.name)][static_cast<size_t>(value)]),
                    " is a word that training did not have"),
                place(row, column.name), "training with --missing VALUE allows new words");
    }
    if (column.kind == Kind::categorical)
      *out = std::isnan(number) ? words : number;
    else if (!std::isnan(number))
      out[static_cast<size_t>(number)] = 1;
  }

  /// Of data that weights meet which were trained without gaps.
  double given_fill(int64_t row, const std::string& column) const {
    const std::string& missing = options_.missing;
    if (missing.empty() || missing == "drop" || missing == "mean" || missing == "median")
      refuse_gap(row, column);
    return std::stod(missing);
  }

  Array make_text(const Signature& input, const std::vector<FeatureColumn>& features) const {
    if (features.size() != 1)
      fail_data(cat("has ", counted(static_cast<int64_t>(features.size()), "column"),
                    " of features, and the model takes one of text"),
                path_, "--features NAME says which");
    const FeatureColumn& column = features[0];
    const size_t from = at(column.name);
    StringRows rows;
    for (int64_t row = 0; row < table_.rows(); ++row) {
      const double number = value(row, from);
      const bool is_gap = std::isnan(number);
      if (is_gap && !encoding_.gaps_are_words) refuse_gap(row, column.name);
      const std::string_view text =
          is_gap ? std::string_view("") : table_.words[from][static_cast<size_t>(number)];
      rows.starts.push_back(text.data());
      rows.sizes.push_back(text.size());
    }
    return fitted(encoded(rows, input, column_where(column.name)), input, path_, false);
  }

  // ---- Targets ----

  void make_targets(Dataset& data) const {
    const std::vector<LabelColumn>& labels = encoding_.labels;
    const size_t targets = model_.targets.size();
    std::vector<size_t> each;  // labels of each target
    for (const Signature& target : model_.targets)
      each.push_back(static_cast<size_t>(element_count(target.shape)));
    const size_t all = std::accumulate(each.begin(), each.end(), size_t{0});
    if (labels.size() == targets)
      each.assign(targets, 1);
    else if (labels.size() != all)
      throw Error(ErrorKind::usage,
                  cat(labels.size(), " of them, and the model takes ",
                      targets == all ? "" : cat(targets, " or "), all),
                  "--label");
    auto next = labels.begin();
    for (size_t i = 0; i < targets; ++i) {
      const auto end = next + static_cast<std::ptrdiff_t>(each[i]);
      data.targets.push_back(make_target(model_.targets[i], {next, end}));
      next = end;
    }
  }

  Array make_target(const Signature& target, const std::vector<LabelColumn>& labels) const {
    const auto width = static_cast<int64_t>(labels.size());
    Array y(DType::f64, {table_.rows(), width});
    auto* out = reinterpret_cast<double*>(y.mutable_data());
    for (const LabelColumn& label : labels) {
      if (!label.classes.empty() && width > 1)
        fail_data("holds words, and labels that are a target together are numbers", column_where(label.name));
      put_labels(label, target, out++, width);
    }
    const auto line = [this](int64_t row) { return place(row); };
    if (width == element_count(target.shape)) {
      Shape shape = {table_.rows()};
      shape.insert(shape.end(), target.shape.begin(), target.shape.end());
      y = y.reshaped(std::move(shape));
      check_values(y, target, line);
      return y;
    }
    if (class_count(target) == 0)
      fail_data(cat("one column cannot be a target ", batch_shape_text(target.shape)),
                column_where(labels[0].name));
    Signature number = target;
    number.shape = {};
    number.classes = class_count(target);
    y = y.reshaped({table_.rows()});
    check_values(y, number, line);
    return class_targets(y, target);
  }

  void put_labels(const LabelColumn& label, const Signature& target, double* out, int64_t width) const {
    const size_t from = at(label.name);
    const std::vector<double> classes = classes_of(label, table_.words[from], target);
    for (int64_t row = 0; row < table_.rows(); ++row) {
      const double found = value(row, from);
      if (std::isnan(found))
        fail_data("is empty", place(row, label.name), "--missing drop leaves such lines out");
      double& number = out[row * width];
      number = classes.empty() ? found : classes[static_cast<size_t>(found)];
      if (std::isnan(number))
        fail_data(cat("the label ", quoted(table_.words[from][static_cast<size_t>(found)]),
                      " is none that was learned"),
                  place(row, label.name), cat("labels are ", join(label.classes, ", ")));
    }
  }

  /// By a word's number in this table, that of the class; empty for labels that are numbers.
  std::vector<double> classes_of(const LabelColumn& label, const std::vector<std::string>& words,
                                 const Signature& target) const {
    const auto most = static_cast<size_t>(class_count(target));
    if (label.classes.size() > most)
      fail_data(most == 0 ? std::string("holds words, and the target has no classes")
                          : cat("has ", label.classes.size(), " different labels, and the model has ", most,
                                " classes"),
                column_where(label.name), cat("labels are ", join(label.classes, ", ")));
    std::vector<double> numbers;
    for (const std::string& word : words) {
      const auto found = std::find(label.classes.begin(), label.classes.end(), word);
      numbers.push_back(found == label.classes.end() ? std::nan("")
                                                     : static_cast<double>(found - label.classes.begin()));
    }
    return numbers;
  }

  void make_weights(Dataset& data) const {
    data.weights.resize(model_.weights.size());
    if (options_.sample_weight.empty()) return;
    if (model_.weights.size() != 1 || !model_.weights[0].shape.empty())
      throw Error(ErrorKind::usage, "a column is one weight a sample, and the model takes others",
                  "--sample-weight");
    const size_t from = at(options_.sample_weight);
    for (int64_t row = 0; row < table_.rows(); ++row) {
      const double weight = value(row, from);
      if (std::isnan(weight)) refuse_gap(row, options_.sample_weight);
      if (!std::isfinite(static_cast<float>(weight)))
        fail_data(cat("holds ", weight, ", which is no value of type f32"),
                  place(row, options_.sample_weight));
      data.weights[0].push_back(static_cast<float>(weight));
    }
  }

  const std::string& path_;
  const TrainableInfo& model_;
  bool with_targets_;
  const TableOptions& options_;
  TableFile file_;
  Columns columns_;
  bool known_;
  Encoding encoding_;
  Table table_;
};

}  // namespace

Dataset read_table_dataset(const std::string& path, const TrainableInfo& model, Needs needs,
                           const TableOptions& options, const Encoding& known) {
  return TableReader(path, model, needs, options, known).read();
}

}  // namespace keratin::trainer
