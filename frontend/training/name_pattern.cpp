#include "frontend/training/name_pattern.h"

#include <algorithm>
#include <bitset>
#include <cctype>
#include <vector>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

using Characters = std::bitset<256>;
/// Element i: whether a match of what came before can end at character i.
using Places = std::vector<bool>;

struct NamePattern::Part {
  enum class Kind : uint8_t { one, begin, end, sequence, choice, repeat };
  Kind kind;
  Characters characters = {};  ///< of one
  std::vector<Part> parts = {};
  int64_t least = 0, most = 0;  ///< of repeat; most < 0: any number
};

namespace {

using Part = NamePattern::Part;

constexpr int64_t kMostRepeats = 1000, kMostDepth = 100;

class PatternParser {
 public:
  PatternParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Part parse() {
    Part whole = choice();
    if (!at_end()) fail("unbalanced )");
    return whole;
  }

 private:
  bool at_end() const { return next_ == text_.size(); }
  bool sees(char c) const { return !at_end() && text_[next_] == c; }
  bool take(char c) {
    if (!sees(c)) return false;
    ++next_;
    return true;
  }
  char take_any() {
    if (at_end()) fail("it ends too soon");
    return text_[next_++];
  }

  [[noreturn]] void fail(std::string_view problem, ErrorKind kind = ErrorKind::data) const {
    throw Error(kind, cat("the pattern ", quoted(text_), " for names of variables: ", problem), where_);
  }

  Part choice() {
    Part out{.kind = Part::Kind::choice};
    do out.parts.push_back(sequence());
    while (take('|'));
    return out;
  }

  Part sequence() {
    Part out{.kind = Part::Kind::sequence};
    while (!at_end() && !sees('|') && !sees(')')) out.parts.push_back(repeated(single()));
    return out;
  }

  Part single() {
    const char c = take_any();
    switch (c) {
      case '^': return {.kind = Part::Kind::begin};
      case '$': return {.kind = Part::Kind::end};
      case '(': return group();
      case '[': return {.kind = Part::Kind::one, .characters = char_class()};
      case '.': return {.kind = Part::Kind::one, .characters = Characters().set().reset('\n')};
      case '\\': return {.kind = Part::Kind::one, .characters = escaped()};
      case '*':
      case '+':
      case '?': fail("nothing to repeat");
      default: return {.kind = Part::Kind::one, .characters = just(c)};
    }
  }

  Part group() {
    if (++depth_ > kMostDepth) fail("too many groups in each other");
    if (take('?') && !take(':'))
      fail("of groups that begin with (? only (?: is supported", ErrorKind::unsupported);
    Part inside = choice();
    if (!take(')')) fail("a ) is missing");
    --depth_;
    return inside;
  }

  Part repeated(Part what) {
    int64_t least = 0, most = -1;
    if (take('+')) {
      least = 1;
    } else if (take('?')) {
      most = 1;
    } else if (sees('{') && next_ + 1 < text_.size() &&
               std::isdigit(static_cast<unsigned char>(text_[next_ + 1]))) {
      take('{');
      least = most = count();
      if (take(',')) most = sees('}') ? -1 : count();
      if (!take('}')) fail("a } is missing");
    } else if (!take('*')) {
      return what;
    }
    take('?');  // a lazy one matches the same names
    if (sees('*') || sees('+') || sees('?')) fail("repetition of a repetition", ErrorKind::unsupported);
    Part out{.kind = Part::Kind::repeat, .least = least, .most = most};
    out.parts.push_back(std::move(what));
    return out;
  }

  int64_t count() {
    int64_t n = 0;
    while (!at_end() && std::isdigit(static_cast<unsigned char>(text_[next_])))
      n = std::min(n * 10 + (take_any() - '0'), kMostRepeats + 1);
    if (n > kMostRepeats) fail("too many repetitions", ErrorKind::unsupported);
    return n;
  }

  static Characters just(char c) { return Characters().set(static_cast<unsigned char>(c)); }

  static Characters all(int (*belongs)(int)) {
    Characters set;
    for (int c = 0; c < 128; ++c) set[static_cast<size_t>(c)] = belongs(c) != 0;
    return set;
  }

  Characters escaped() {
    const char c = take_any();
    switch (c) {
      case 'd': return all(std::isdigit);
      case 'D': return ~all(std::isdigit);
      case 's': return all(std::isspace);
      case 'S': return ~all(std::isspace);
      case 'w': return all(std::isalnum) | just('_');
      case 'W': return ~(all(std::isalnum) | just('_'));
      default:
        if (std::isalnum(static_cast<unsigned char>(c)))
          fail(cat("\\", c, " is not supported"), ErrorKind::unsupported);
        return just(c);
    }
  }

  Characters char_class() {
    const bool others = take('^');
    Characters set;
    do {  // a ] that comes first is a character
      const char first = take_any();
      if (first == '\\') {
        set |= escaped();
      } else if (sees('-') && next_ + 1 < text_.size() && text_[next_ + 1] != ']') {
        take('-');
        const char last = take_any();
        if (last < first || last == '\\') fail("bad range of characters");
        for (int c = static_cast<unsigned char>(first); c <= static_cast<unsigned char>(last); ++c)
          set.set(static_cast<size_t>(c));
      } else {
        set |= just(first);
      }
    } while (!take(']'));
    return others ? ~set : set;
  }

  std::string_view text_;
  const std::string& where_;
  size_t next_ = 0;
  int64_t depth_ = 0;
};

/// Where matches of `part` that begin at one of `from` end.
Places ends(const Part& part, std::string_view name, const Places& from) {
  Places out(from.size());
  switch (part.kind) {
    case Part::Kind::begin: out[0] = from[0]; break;
    case Part::Kind::end: out.back() = from.back(); break;
    case Part::Kind::one:
      for (size_t i = 0; i < name.size(); ++i)
        out[i + 1] = from[i] && part.characters[static_cast<unsigned char>(name[i])];
      break;
    case Part::Kind::sequence:
      out = from;
      for (const Part& each : part.parts) out = ends(each, name, out);
      break;
    case Part::Kind::choice:
      for (const Part& each : part.parts) {
        const Places one = ends(each, name, from);
        for (size_t i = 0; i < out.size(); ++i) out[i] = out[i] || one[i];
      }
      break;
    case Part::Kind::repeat: {
      Places now = from;
      if (part.least == 0) out = from;
      for (int64_t times = 1; part.most < 0 || times <= part.most; ++times) {
        now = ends(part.parts[0], name, now);
        const Places before = out;
        if (times >= part.least)
          for (size_t i = 0; i < out.size(); ++i) out[i] = out[i] || now[i];
        if (times > part.least && out == before) break;
      }
      break;
    }
  }
  return out;
}

}  // namespace

NamePattern::NamePattern(std::string_view pattern, const std::string& where)
    : root_(std::make_shared<Part>(PatternParser(pattern, where).parse())) {}

bool NamePattern::is_in(std::string_view name) const {
  const Places found = ends(*root_, name, Places(name.size() + 1, true));
  return std::find(found.begin(), found.end(), true) != found.end();
}

bool NamePattern::is_all_of(std::string_view name) const {
  Places start(name.size() + 1);
  start[0] = true;
  return ends(*root_, name, start).back();
}

}  // namespace keratin
