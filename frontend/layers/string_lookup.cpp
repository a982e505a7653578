// Layers that read strings: StringLookup, TextVectorization. Their vocabulary becomes a table by which the runtime turns strings into
// indices before the model is called (runtime/strings.h); what is made of indices is computed like everything else.
#include "frontend/layers/categories.h"
#include "frontend/layers/hashing.h"
#include "frontend/layers/lookup.h"
#include "frontend/layers/tables.h"
#include "frontend/string_table.h"
#include "ir/text.h"

namespace keratin {
namespace {

// How adapt() reads bytes. Vocabularies in files are UTF-8.
constexpr Arg kEncodingArg{"encoding", ArgKind::any, "null"};
constexpr Arg kModeArg{"output_mode", ArgKind::choice, "int", "int|one_hot|multi_hot|count|tf_idf"};

constexpr Arg kStringLookupArgs[] = {
    {"max_tokens", ArgKind::any, "null"},
    {"num_oov_indices", ArgKind::integer, "1"},
    {"mask_token", ArgKind::any, "null"},
    {"oov_token", ArgKind::any, "\"[UNK]\""},
    {"vocabulary", ArgKind::any, "null"},
    {"vocabulary_dtype", ArgKind::fixed, "\"string\""},
    {"vocabulary_size", ArgKind::any, "null"},  // follows from the others
    {"idf_weights", ArgKind::any, "null"},
    {"invert", ArgKind::boolean, "false"},
    kModeArg,
    kDenseCategoriesArg,
    {"pad_to_max_tokens", ArgKind::boolean, "false"},
    {"oov_method", ArgKind::any, "null"},  // of integers
    kSaltArg,
    kEncodingArg,
};

/// An argument that may be null, which is not its default.
const Json& nullable(const Args& args, std::string_view argument) {
  return args.config().has(argument) ? args.config()[argument] : args.json(argument);
}

/// What stands for null among tokens: no bytes of UTF-8.
constexpr std::string_view kNoToken = "\xff";

std::string token_of(const Json& token) {
  return token.is_null() ? std::string(kNoToken) : token.as_string();
}

/// The tokens with their indices, and the masked one.
std::vector<std::pair<std::string, int64_t>> indices_of(const Call& call, const Vocabulary& vocabulary,
                                                        const SpecialIndices& special, const Json& mask) {
  std::vector<std::pair<std::string, int64_t>> indices;
  for (const std::string& token : vocabulary.tokens) {
    if (!mask.is_null() && token == mask.as_string())
      call.fail(cat("its vocabulary has the masked token, ", quoted(token)), {}, ErrorKind::data);
    indices.emplace_back(token, special.count() + static_cast<int64_t>(indices.size()));
  }
  if (!mask.is_null()) indices.emplace_back(mask.as_string(), special.masks == 1 ? 0 : kNoColumn);
  return indices;
}

struct Words {
  SpecialIndices special;
  Vocabulary vocabulary;
};

Words read_words(const Call& call, const SpecialIndices& special, const Json& mask, const Json& unknown) {
  Words words{special, read_vocabulary(call, special, token_of(mask), token_of(unknown))};
  check_vocabulary(call, words.vocabulary, words.special);
  return words;
}

const Shape& shape_of_strings(const Call& call) { return call.input().shape(); }

Outputs string_lookup(Call& call) {
  const Args& args = call.args();
  if (args.boolean("invert"))
    args.reject("invert", "strings would come out, and a compiled model gives numbers",
                "end the model with the indices, and look them up in the vocabulary");
  const Json& mask = args.json("mask_token");
  const Words words = read_words(call, special_indices(args), mask, nullable(args, "oov_token"));
  const auto table = string_table(
      {.first_unknown = words.special.masks, .unknown_count = words.special.unknown, .key = salt_of(call)},
      indices_of(call, words.vocabulary, words.special, mask));
  const Expr index = call.encode(table, shape_of_strings(call));
  return args.choice("output_mode") == "int" ? index
                                             : encode_indices(call, index, words.vocabulary, words.special);
}

constexpr Arg kTextVectorizationArgs[] = {
    {"max_tokens", ArgKind::any, "null"},
    {"standardize", ArgKind::any, "\"lower_and_strip_punctuation\""},
    {"split", ArgKind::any, "\"whitespace\""},
    {"ngrams", ArgKind::any, "null"},
    kModeArg,
    {"output_sequence_length", ArgKind::any, "null"},
    {"pad_to_max_tokens", ArgKind::boolean, "false"},
    {"vocabulary", ArgKind::any, "null"},
    {"vocabulary_size", ArgKind::any, "null"},  // follows from the others
    {"idf_weights", ArgKind::any, "null"},
    kDenseCategoriesArg,
    {"ragged", ArgKind::fixed, "false"},
    kEncodingArg,
};

struct NamedRule {
  std::string_view name;
  uint32_t rules;
};

/// The rules that an argument names; none if it is null. Python functions are no names.
uint32_t rules_of(const Args& args, std::string_view argument, std::initializer_list<NamedRule> known) {
  const Json& given = nullable(args, argument);
  if (given.is_null()) return 0;
  std::vector<std::string_view> names;
  for (const NamedRule& each : known) {
    if (given.is_string() && given.as_string() == each.name) return each.rules;
    names.push_back(each.name);
  }
  args.reject(argument, "Python functions are never run", cat("known are null, ", join(names, ", ")));
}

/// As many tokens as each n-gram has: up to a number, or those of a list.
std::vector<uint32_t> widths_of(const Args& args) {
  const Json& given = args.json("ngrams");
  std::vector<uint32_t> widths;
  if (given.is_null()) return widths;
  const Ints numbers = to_ints(given);
  const auto add = [&](int64_t width) {
    constexpr int64_t kMost = 1000;
    if (width < 1 || width > kMost)
      args.reject("ngrams", cat("expected numbers from 1 to ", kMost), {}, ErrorKind::data);
    widths.push_back(static_cast<uint32_t>(width));
  };
  if (given.is_array())
    for (const int64_t width : numbers) add(width);
  else
    for (int64_t width = 1; width <= numbers[0]; ++width) add(width);
  if (widths.empty()) args.reject("ngrams", "expected numbers of at least 1", {}, ErrorKind::data);
  return widths;
}

/// The last axis cut to `length` or filled up with zeros.
Expr with_length(const Expr& index, int64_t length) {
  const int64_t last = index.rank() - 1, extent = index.extent(last);
  if (extent >= length) return slice(index, last, 0, length);
  Ints low(index.rank(), 0), high(index.rank(), 0);
  high[last] = length - extent;
  return pad(index, low, high);
}

/// A string becomes a row of tokens, or, unsplit, one token.
Outputs text_vectorization(Call& call) {
  const Args& args = call.args();
  const std::string& mode = args.choice("output_mode");
  const bool is_index = mode == "int";
  StringRules rules{.widths = widths_of(args), .unknown_count = 1};
  rules.rules = rules_of(args, "standardize",
                         {{"lower", KRT_LOWER},
                          {"strip_punctuation", KRT_STRIP_PUNCTUATION},
                          {"lower_and_strip_punctuation", KRT_LOWER | KRT_STRIP_PUNCTUATION}});
  const uint32_t split =
      rules_of(args, "split", {{"whitespace", KRT_SPLIT_SPACES}, {"character", KRT_SPLIT_CHARACTERS}});
  rules.rules |= split;
  const Json& given_length = args.json("output_sequence_length");
  const int64_t length = given_length.is_null() ? 0 : given_length.as_int();  // 0: none is given
  if (!given_length.is_null() && (length < 1 || !is_index))
    args.reject("output_sequence_length", "expected at least 1, and output_mode \"int\"", {},
                ErrorKind::data);

  const Json mask = Json::of(std::string());
  const Words words = read_words(call, {is_index ? 1 : 0, 1}, mask, Json::of(std::string("[UNK]")));
  rules.first_unknown = words.special.masks;
  rules.padding = is_index ? 0 : kNoColumn;
  const auto table = string_table(rules, indices_of(call, words.vocabulary, words.special, mask));
  const auto finish = [&](const Expr& index) {
    return is_index ? index : encode_indices(call, index, words.vocabulary, words.special);
  };
  Shape shape = shape_of_strings(call);
  if (split == 0) {
    if (!rules.widths.empty())
      args.reject("ngrams", "strings that are not split are no rows of tokens",
                  "give split, or leave ngrams out");
    const Expr index = call.encode(table, shape);
    if (length == 0) return finish(index);
    if (index.rank() < 2)
      args.reject("output_sequence_length", "the input has no axis behind the batch", "keras.Input((1,), …)");
    return with_length(index, length);
  }
  if (mode == "one_hot")
    args.reject("output_mode", "texts of different lengths would become ragged rows",
                "use multi_hot or count");
  // Of a layer that has told what the input becomes, the input is rows already.
  const StringInput* from = call.traced_input().strings.get();
  if (from != nullptr) shape = from->shape;
  if (shape.size() == 2 && shape[1].is(1)) shape.pop_back();
  if (shape.size() != 1)
    call.fail(cat("its input is strings of shape ", to_text(shape), ", expected one string per sample"),
              "keras.Input((1,), dtype=\"string\")", ErrorKind::data);
  shape.push_back(length > 0 ? Dim(length) : from != nullptr ? from->length : Dim(1));
  return finish(call.encode(table, shape));
}

constexpr LayerDef kLayers[] = {
    {.class_name = "StringLookup",
     .args = kStringLookupArgs,
     .masks = Masks::drop,
     .trace = string_lookup,
     .takes_strings = true},
    {.class_name = "TextVectorization",
     .args = kTextVectorizationArgs,
     .masks = Masks::drop,
     .trace = text_vectorization,
     .takes_strings = true},
};

}  // namespace

std::span<const LayerDef> string_lookup_layers() { return kLayers; }

}  // namespace keratin
