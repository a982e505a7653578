// Layers that look integers up in a vocabulary: IntegerLookup.
#include "frontend/layers/lookup.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "frontend/layers/categories.h"
#include "frontend/layers/hashing.h"
#include "frontend/layers/tables.h"
#include "frontend/model_file.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

Expr look_up(const Expr& x, LookupEntries entries, const Expr& otherwise) {
  std::sort(entries.begin(), entries.end());
  size_t steps = 0;
  while (size_t{1} << steps < entries.size()) ++steps;
  entries.resize(size_t{1} << steps, entries.back());
  const auto size = static_cast<int64_t>(entries.size());
  auto keys = std::make_shared<Tensor>(DType::i64, std::vector<int64_t>{size});
  auto values = std::make_shared<Tensor>(DType::i64, std::vector<int64_t>{size});
  for (int64_t i = 0; i < size; ++i) {
    keys->set_integer(i, entries[i].first);
    values->set_integer(i, entries[i].second);
  }
  Builder& b = x.builder();
  const Value key_table = b.constant(std::move(keys)), value_table = b.constant(std::move(values));
  const auto read = [&](Value table, const Expr& place) {
    return Expr(b, b.make(Op::gather, {table, place.value()}, GatherAttrs{.axis = 0}));
  };
  Expr place(b, b.constant(DType::i32, 0, x.shape()));
  for (size_t step = steps; step-- > 0;) {
    const Expr further = place + number(place, static_cast<double>(int64_t{1} << step));
    place = where(less_equal(read(key_table, further), x), further, place);
  }
  return where(equal(read(key_table, place), x), read(value_table, place), otherwise);
}

namespace {

/// Bytes of the end of a line at `at`, as Python's splitlines() sees them; 0 if there is none.
size_t end_of_line(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("\r\n")) return 2;
  const char c = rest[0];
  if ((c >= '\n' && c <= '\r') || (c >= '\x1c' && c <= '\x1e')) return 1;
  if (rest.starts_with("\xc2\x85")) return 2;
  return rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9") ? 3 : 0;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = end_of_line(text, at);
    at += std::max<size_t>(end, 1);
    if (end == 0) continue;
    lines.emplace_back(text.substr(begin, at - end - begin));
    begin = at;
  }
  if (begin < text.size()) lines.emplace_back(text.substr(begin));
  return lines;
}

}  // namespace

std::optional<std::vector<std::string>> stored_vocabulary(const Layer& layer) {
  const ModelFile* file = layer.context().stored;
  const std::string* text = file ? file->asset(cat(layer.group(), "/vocabulary.txt")) : nullptr;
  if (text == nullptr) return {};
  std::vector<std::string> lines = lines_of(*text);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::optional<Tensor> idf_weights_to_store(const Layer& layer) {
  const Json& config = layer.args().config();
  const Json &mode = config["output_mode"], &given = config["idf_weights"], &tokens = config["vocabulary"];
  if (!mode.is_string() || mode.as_string() != "tf_idf" || !given.is_array() || !tokens.is_array()) return {};
  const size_t unknown =
      config.has("num_oov_indices") ? static_cast<size_t>(config["num_oov_indices"].as_int()) : 1;
  const Json token = config.has("oov_token") ? config["oov_token"] : Json::of(std::string("[UNK]"));
  size_t ahead = 0;
  while (ahead < std::min(unknown, tokens.size()) && tokens.at(ahead).dump() == token.dump()) ++ahead;
  double total = 0;
  for (const Json& weight : given.items()) total += weight.as_double();
  // As read_idf_weights() does it.
  std::vector<double> weights(ahead == unknown ? 0 : unknown, total / static_cast<double>(given.size()));
  for (const Json& weight : given.items()) weights.push_back(weight.as_double());
  const Json& pads = config["pad_to_max_tokens"];
  if (!pads.is_null() && pads.as_bool()) weights.resize(static_cast<size_t>(config["max_tokens"].as_int()));
  Tensor table(DType::f32, {static_cast<int64_t>(weights.size())});
  for (size_t i = 0; i < weights.size(); ++i) table.set(static_cast<int64_t>(i), weights[i]);
  return table;
}

SpecialIndices special_indices(const Args& args) {
  const int64_t unknown = args.integer("num_oov_indices");
  if (unknown < 0) args.reject("num_oov_indices", "expected at least 0", {}, ErrorKind::data);
  const bool masks = !args.json("mask_token").is_null() && args.choice("output_mode") == "int";
  return {masks ? 1 : 0, unknown};
}

Vocabulary read_vocabulary(const Call& call, const SpecialIndices& special, std::string_view mask,
                           std::string_view unknown) {
  const Json& given = call.args().json("vocabulary");
  Vocabulary out;
  if (given.is_array()) {
    for (const Json& token : given.items())
      out.tokens.push_back(token.is_string() ? token.as_string() : to_text(token.as_int()));
  } else if (!given.is_null()) {
    call.args().reject("vocabulary", "expected a list", "tokens that are in another file are not read");
  } else {
    std::optional<std::vector<std::string>> stored = stored_vocabulary(call.layer());
    if (!stored)
      call.fail("has no vocabulary", "adapt it to data before the model is saved, or give it one",
                ErrorKind::data);
    out.tokens = std::move(*stored);
  }
  // NumPy, through which Keras has them go, drops zeros at the end.
  for (std::string& token : out.tokens)
    while (!token.empty() && token.back() == '\0') token.pop_back();
  // There may be more special tokens than memory.
  const auto are = [&](int64_t from, int64_t to, std::string_view token) {
    return std::all_of(out.tokens.begin() + from, out.tokens.begin() + to,
                       [&](const std::string& each) { return each == token; });
  };
  out.had_special_tokens = static_cast<int64_t>(out.tokens.size()) >= special.count() &&
                           are(0, special.masks, mask) && are(special.masks, special.count(), unknown);
  if (out.had_special_tokens) out.tokens.erase(out.tokens.begin(), out.tokens.begin() + special.count());
  if (std::set<std::string>(out.tokens.begin(), out.tokens.end()).size() != out.tokens.size())
    call.fail("its vocabulary has a token twice", {}, ErrorKind::data);
  return out;
}

namespace {

int64_t size_of(const Vocabulary& vocabulary, const SpecialIndices& special) {
  return special.count() + static_cast<int64_t>(vocabulary.tokens.size());
}

/// The weights of output mode "tf_idf", one for each of `depth` indices: from the argument idf_weights, or from the file. Padding has none.
Expr read_idf_weights(const Call& call, const Vocabulary& vocabulary, const SpecialIndices& special,
                      int64_t depth) {
  const Json& given = call.args().json("idf_weights");
  const ModelFile* file = call.layer().context().stored;
  Builder& b = call.input().builder();
  const auto constant = [&](const std::vector<double>& numbers) {
    auto table = std::make_shared<Tensor>(DType::f32, std::vector{static_cast<int64_t>(numbers.size())});
    for (size_t i = 0; i < numbers.size(); ++i) table->set(static_cast<int64_t>(i), numbers[i]);
    return Expr(b, b.constant(std::move(table)));
  };
  const int64_t size = size_of(vocabulary, special);
  Expr weights;
  if (given.is_array()) {
    std::vector<double> numbers;
    double total = 0;
    for (const Json& weight : given.items()) total += numbers.emplace_back(weight.as_double());
    const int64_t ahead = vocabulary.had_special_tokens ? 0 : special.count();
    if (static_cast<int64_t>(numbers.size()) != size - ahead)
      call.args().reject("idf_weights",
                         cat("expected ", size - ahead, " numbers, one for each token of the vocabulary"), {},
                         ErrorKind::data);
    weights = constant(numbers);
    // What is unknown weighs as much as the vocabulary does on average.
    if (ahead > 0) {
      const double mean = total / static_cast<double>(numbers.size());
      weights = concat({Expr(b, b.constant(DType::f32, mean, {Dim(ahead)})), weights}, 0);
    }
  } else if (const Tensor* stored =
                 file ? file->dataset(cat(call.layer().group(), "/vars/idf_weights")) : nullptr) {
    if (const int64_t count = stored->elements(); count != size && count != depth)
      call.fail(cat("has ", count, " weights for ", size, " tokens"), {}, ErrorKind::data);
    std::vector<double> numbers;
    for (int64_t i = 0; i < stored->elements(); ++i) numbers.push_back(stored->get(i));
    weights = constant(numbers);
  } else {
    call.fail("has no weights for output_mode \"tf_idf\"", "adapt it to data before the model is saved",
              ErrorKind::data);
  }
  return pad(weights, {0}, {depth - weights.extent(0)});
}

}  // namespace

void check_vocabulary(const Call& call, const Vocabulary& vocabulary, const SpecialIndices& special) {
  if (vocabulary.tokens.empty()) call.fail("its vocabulary is empty", {}, ErrorKind::data);
  const Json& most = call.args().json("max_tokens");
  if (const int64_t size = size_of(vocabulary, special); !most.is_null() && most.as_int() < size)
    call.args().reject("max_tokens", cat("the vocabulary has ", size, " tokens"), {}, ErrorKind::data);
}

Expr encode_indices(const Call& call, const Expr& index, const Vocabulary& vocabulary,
                    const SpecialIndices& special) {
  const Args& args = call.args();
  const std::string& mode = args.choice("output_mode");
  const Json& most = args.json("max_tokens");
  if (most.is_null() && args.boolean("pad_to_max_tokens"))
    args.reject("max_tokens", "pad_to_max_tokens needs a number", {}, ErrorKind::data);
  const int64_t depth = args.boolean("pad_to_max_tokens") ? most.as_int() : size_of(vocabulary, special);
  if (mode != "tf_idf") return encode_categories(index, depth, mode, DType::i64);
  return encode_categories(index, depth, "count", DType::f32) *
         read_idf_weights(call, vocabulary, special, depth);
}

namespace {

constexpr Arg kIntegerLookupArgs[] = {
    {"max_tokens", ArgKind::any, "null"},
    {"num_oov_indices", ArgKind::integer, "1"},
    {"mask_token", ArgKind::any, "null"},
    {"oov_token", ArgKind::any, "-1"},
    {"vocabulary", ArgKind::any, "null"},
    {"vocabulary_dtype", ArgKind::fixed, "\"int64\""},
    {"vocabulary_size", ArgKind::any, "null"},  // follows from the others
    {"idf_weights", ArgKind::any, "null"},
    {"invert", ArgKind::boolean, "false"},
    {"output_mode", ArgKind::choice, "int", "int|one_hot|multi_hot|count|tf_idf"},
    kDenseCategoriesArg,
    {"pad_to_max_tokens", ArgKind::boolean, "false"},
    {"oov_method", ArgKind::choice, "floormod", "floormod|farmhash"},
    kSaltArg,
};

std::vector<int64_t> integers_of(const Call& call, const std::vector<std::string>& tokens) {
  std::vector<int64_t> out;
  for (const std::string& token : tokens) {
    int64_t value = 0;
    const char* end = token.data() + token.size();
    if (const auto read = std::from_chars(token.data(), end, value);
        read.ec != std::errc() || read.ptr != end)
      call.fail(cat("its vocabulary has ", quoted(token), ", which is no integer"), {}, ErrorKind::data);
    out.push_back(value);
  }
  return out;
}

/// Integers that are not in the vocabulary, numbered from `first` on.
Expr unknown_indices(const Call& call, const Expr& x, const SpecialIndices& special) {
  // Keras stops there. Nothing stops a compiled model; -1 is no index.
  if (special.unknown == 0) return number(x, -1);
  const Expr first = number(x, static_cast<double>(special.masks));
  if (special.unknown == 1) return broadcast_to(first, x.shape());
  if (call.args().choice("oov_method") == "farmhash")
    return hash_bucket(decimal_text(x), special.unknown, salt_of(call)) + first;
  return binary(Op::rem, x, number(x, static_cast<double>(special.unknown))) + first;
}

Outputs integer_lookup(Call& call) {
  const Args& args = call.args();
  const Json &mask = args.json("mask_token"), &unknown = args.json("oov_token");
  const bool masks = !mask.is_null(), is_index = args.choice("output_mode") == "int";
  const SpecialIndices special = special_indices(args);
  const auto text_of = [](const Json& token) { return token.is_null() ? "" : to_text(token.as_int()); };
  const Vocabulary vocabulary = read_vocabulary(call, special, text_of(mask), text_of(unknown));
  const std::vector<int64_t> tokens = integers_of(call, vocabulary.tokens);
  check_vocabulary(call, vocabulary, special);

  const Expr x = cast(call.input(), DType::i64);
  const auto whole = [&](int64_t value) {
    return Expr(x.builder(), x.builder().constant(Scalar::of_integer(DType::i64, value), x.shape()));
  };
  LookupEntries entries;
  const bool inverts = args.boolean("invert");
  for (size_t i = 0; i < tokens.size(); ++i) {
    const int64_t index = special.count() + static_cast<int64_t>(i);
    entries.push_back(inverts ? std::pair(index, tokens[i]) : std::pair(tokens[i], index));
  }
  if (inverts) {
    if (!is_index) args.reject("output_mode", "with invert, expected \"int\"", {}, ErrorKind::data);
    if (unknown.is_null()) args.reject("oov_token", "expected an integer", {}, ErrorKind::data);
    const Expr found = look_up(x, std::move(entries), whole(unknown.as_int()));
    return masks ? where(equal(x, whole(0)), whole(mask.as_int()), found) : found;
  }
  Expr index = look_up(x, std::move(entries), broadcast_to(unknown_indices(call, x, special), x.shape()));
  // Where whole rows come out, a masked integer is in no column.
  if (masks) index = where(equal(x, whole(mask.as_int())), whole(is_index ? 0 : kNoColumn), index);
  return is_index ? index : encode_indices(call, index, vocabulary, special);
}

constexpr LayerDef kLayers[] = {{"IntegerLookup", kIntegerLookupArgs, Masks::drop, integer_lookup}};

}  // namespace

std::span<const LayerDef> lookup_layers() { return kLayers; }

}  // namespace keratin
