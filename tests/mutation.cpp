#include "tests/mutation.h"

#include <algorithm>
#include <cctype>

namespace keratin::testing {
namespace {

struct Token {
  enum Kind { word, value, integer, real, quoted, other } kind;
  std::string space, text;  // what stands before it, and itself
};

bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/' || c == '%' ||
         c == '@';
}

/// Where the token that begins at `at` ends.
size_t end_of_token(const std::string& text, size_t at) {
  size_t end = at + 1;
  if (text[at] == '"' || text[at] == '\'') {
    while (end < text.size() && text[end] != text[at]) end += text[end] == '\\' ? 2 : 1;
    return std::min(end + 1, text.size());
  }
  if (is_word_character(text[at]) || text[at] == '-')
    while (end < text.size() && is_word_character(text[end])) ++end;
  return end;
}

Token::Kind kind_of(const std::string& token) {
  const char first = token[token[0] == '-' && token.size() > 1 ? 1 : 0];
  if (std::isdigit(static_cast<unsigned char>(first)) != 0)
    return token.find('.') == std::string::npos ? Token::integer : Token::real;
  if (first == '%' || first == '@') return Token::value;
  if (first == '"' || first == '\'') return Token::quoted;
  return is_word_character(first) ? Token::word : Token::other;
}

bool is_number(const Token& token) { return token.kind == Token::integer || token.kind == Token::real; }

std::vector<Token> tokens_of(const std::string& text) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    while (begin < text.size() && std::isspace(static_cast<unsigned char>(text[begin])) != 0) ++begin;
    if (begin == text.size()) break;
    const size_t end = end_of_token(text, begin);
    const std::string token = text.substr(begin, end - begin);
    tokens.push_back({kind_of(token), text.substr(at, begin - at), token});
    at = end;
  }
  return tokens;
}

/// One behind the bracket that closes the one at `at`, or one behind `at`.
size_t end_of_group(const std::vector<Token>& tokens, size_t at) {
  constexpr std::string_view kOpening = "([{", kClosing = ")]}";
  int64_t depth = 0;
  for (size_t end = at; end < tokens.size(); ++end) {
    const char c = tokens[end].text[0];
    if (tokens[end].kind == Token::other && kOpening.find(c) != std::string_view::npos) ++depth;
    if (tokens[end].kind == Token::other && kClosing.find(c) != std::string_view::npos) --depth;
    if (depth <= 0) return end + 1;
  }
  return at + 1;
}

const char* const kIntegers[] = {"0",
                                 "1",
                                 "2",
                                 "3",
                                 "5",
                                 "64",
                                 "100",
                                 "65536",
                                 "1000000000",
                                 "2147483648",
                                 "4294967296",
                                 "-1",
                                 "281474976710656",
                                 "9223372036854775807",
                                 "9223372036854775808"};
const char* const kReals[] = {"0.0",     "-0.0",  "0.5", "-1.5", "1e9",      "1e308",
                              "-1e-300", "1e400", "NaN", "nan",  "Infinity", "inf"};
const char* const kValues[] = {"null", "true", "false", "\"\"", "{}", "[]", "[[]]", "\"\\u0000\"", "7", "x"};

}  // namespace

size_t Mutator::position(const std::string& bytes, const Landmarks& landmarks) {
  const size_t anywhere = below(bytes.size());
  if (landmarks.empty() || one_in(2)) return anywhere;
  const size_t found = bytes.find(one_of(landmarks), anywhere);
  return found == std::string::npos ? anywhere : std::min(found + below(64), bytes.size() - 1);
}

void Mutator::edit_stretch(std::string& bytes) {
  const size_t begin = below(bytes.size()), length = 1 + below(std::min<size_t>(bytes.size() - begin, 512));
  const std::string stretch = bytes.substr(begin, length);
  switch (below(4)) {
    case 0: bytes.replace(begin, length, length, static_cast<char>(one_in(2) ? 0 : below(256))); break;
    case 1: bytes.erase(begin, length); break;
    case 2: bytes.insert(begin, stretch); break;
    default: bytes.replace(std::min(below(bytes.size()), bytes.size() - length), length, stretch);
  }
}

std::string Mutator::bytes(std::string good, const Landmarks& landmarks) {
  if (one_in(8)) {
    edit_stretch(good);
    return good;
  }
  for (uint64_t edits = 1 + below(8); edits > 0; --edits) {
    const size_t at = position(good, landmarks);
    switch (below(3)) {
      case 0: good[at] = static_cast<char>(good[at] ^ (1 << below(8))); break;
      case 1: good[at] = static_cast<char>(below(256)); break;
      default: {
        const uint64_t words[] = {0, 1, ~uint64_t{0}, uint64_t{1} << 63, uint64_t{1} << 31, random_()};
        const uint64_t word = one_of(words);
        for (size_t i = at & ~size_t{7}, k = 0; i < good.size() && k < 8; ++i, ++k)
          good[i] = static_cast<char>(word >> 8 * k);
      }
    }
  }
  return good;
}

namespace {

/// One edit of a text in tokens.
class TokenEdit {
 public:
  TokenEdit(Mutator& mutator, std::vector<Token>& tokens, const std::vector<std::string>& words)
      : mutator_(mutator), tokens_(tokens), words_(words) {}

  void run() {
    const bool anything = mutator_.one_in(6);
    const size_t at = pick([&](const Token& token) { return anything || token.kind != Token::other; });
    switch (mutator_.below(10)) {
      case 0:
      case 1:
      case 2: return edit_number(pick(is_number));
      case 3:
      case 4:
      case 5:
      case 6: return edit_alike(at);
      case 7: return edit_group(mutator_.below(tokens_.size()));
      case 8: return edit_group(pick([](const Token& token) { return token.kind == Token::other; }));
      default: return edit_roughly(at);
    }
  }

 private:
  /// The place of one for which `fits` holds, or of any.
  template <typename Fits>
  size_t pick(const Fits& fits) {
    std::vector<size_t> places;
    for (size_t i = 0; i < tokens_.size(); ++i)
      if (fits(tokens_[i])) places.push_back(i);
    return places.empty() ? mutator_.below(tokens_.size()) : mutator_.one_of(places);
  }
  size_t pick_alike(size_t at) {
    return pick([&](const Token& token) { return token.kind == tokens_[at].kind; });
  }
  auto place(size_t at) { return tokens_.begin() + static_cast<std::ptrdiff_t>(at); }

  /// A number becomes another, here or wherever it stands.
  void edit_number(size_t at) {
    const std::string old = tokens_[at].text;
    const bool integer = (tokens_[at].kind == Token::integer) != mutator_.one_in(8),
               everywhere = mutator_.one_in(2);
    const std::string now = integer ? mutator_.one_of(kIntegers) : mutator_.one_of(kReals);
    for (size_t i = 0; i < tokens_.size(); ++i)
      if (i == at || (everywhere && tokens_[i].text == old)) tokens_[i].text = now;
  }

  void edit_alike(size_t at) {
    Token &token = tokens_[at], &other = tokens_[pick_alike(at)];
    if (token.kind == Token::word && !words_.empty() && mutator_.one_in(2))
      token.text = mutator_.one_of(words_);
    else if (mutator_.one_in(4))
      std::swap(token.text, other.text);
    else
      token.text = other.text;
  }

  /// What is between two brackets goes, comes twice, or comes in the place of another.
  void edit_group(size_t at) {
    const size_t end = end_of_group(tokens_, at), other = pick_alike(at);
    const std::vector<Token> same(place(at), place(end)),
        another(place(other), place(end_of_group(tokens_, other)));
    const uint64_t edit = mutator_.below(3);
    if (edit == 0) {
      tokens_.insert(place(at), same.begin(), same.end());
      return;
    }
    tokens_.erase(place(at), place(end));
    if (edit == 1) tokens_.insert(place(at), another.begin(), another.end());
  }

  void edit_roughly(size_t at) {
    constexpr size_t kLengths[] = {1, 3, 70, 300, 5000};
    const size_t length = mutator_.one_of(kLengths);
    std::string& text = tokens_[at].text;
    switch (mutator_.below(4)) {
      case 0: text = std::string(length, '[') + text + std::string(length, ']'); break;
      case 1: text = '"' + std::string(length, 'x') + '"'; break;
      case 2: text = mutator_.one_of(kValues); break;
      default: text.clear();
    }
  }

  Mutator& mutator_;
  std::vector<Token>& tokens_;
  const std::vector<std::string>& words_;
};

}  // namespace

std::string Mutator::text(const std::string& good, const std::vector<std::string>& words) {
  std::vector<Token> tokens = tokens_of(good);
  const uint64_t edits = one_in(3) ? 2 + below(2) : 1;
  for (uint64_t i = 0; i < edits && !tokens.empty(); ++i) TokenEdit(*this, tokens, words).run();
  std::string text;
  for (const Token& token : tokens) text += token.space + token.text;
  return text;
}

}  // namespace keratin::testing
