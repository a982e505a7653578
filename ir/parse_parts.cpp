#include "ir/parse_parts.h"

#include <type_traits>

#include "ir/text.h"
#include "ir/text_rules.h"

namespace keratin {

// Types.

namespace {

Shape parse_shape(Scanner& in) {
  constexpr size_t kHighestRank = 32;
  Shape shape;
  in.expect('[');
  if (in.accept(']')) return shape;
  do shape.push_back(in.dimension());
  while (in.accept(','));
  if (shape.size() > kHighestRank) in.fail(cat("more than ", kHighestRank, " dimensions"));
  in.expect(']');
  return shape;
}

DType parse_dtype_word(Scanner& in) {
  const Scanner::Place start = in.place();
  const std::string_view word = in.word();
  const std::optional<DType> dtype = parse_dtype(word);
  if (!dtype) in.fail_at(start, word.empty() ? "expected a type" : cat("no type is called ", quoted(word)));
  return *dtype;
}

Layout parse_layout(Scanner& in) {
  Layout layout;
  in.expect('{');
  layout.axis = in.integer();
  in.expect(':');
  layout.width = in.integer();
  if (in.accept(',')) {
    layout.pair_axis = in.integer();
    in.expect(':');
    const Scanner::Place start = in.place();
    if (in.integer() != 2) in.fail_at(start, "within panels there are pairs, :2");
  }
  in.expect('}');
  return layout;
}

}  // namespace

Type parse_type(Scanner& in) {
  Type type;
  type.dtype = parse_dtype_word(in);
  type.shape = parse_shape(in);
  if (!in.directly_at('{')) return type;
  const Scanner::Place start = in.place();
  type.layout = parse_layout(in);
  if (!type.layout.fits(type.shape)) in.fail_at(start, "the layout does not fit the shape");
  return type;
}

std::vector<Type> parse_types(Scanner& in) {
  std::vector<Type> types;
  do types.push_back(parse_type(in));
  while (in.accept(','));
  return types;
}

void parse_role(Scanner& in, Variable& variable) {
  for (const Role role : {Role::state, Role::prepared, Role::strings})
    if (in.accept_word(to_text(role))) {
      variable.role = role;
      break;
    }
  variable.trainable = in.accept_word("trainable");
}

// Attributes.

namespace {

void parse_value(Scanner& in, int64_t& value) { value = in.integer(); }
void parse_value(Scanner& in, std::string& value) { value = in.quoted_text(); }
void parse_value(Scanner& in, Dim& value) { value = in.dimension(); }
void parse_value(Scanner& in, Shape& value) { value = parse_shape(in); }
void parse_value(Scanner& in, DType& value) { value = parse_dtype_word(in); }
void parse_value(Scanner& in, Layout& value) { value = in.accept("{}") ? Layout() : parse_layout(in); }

void parse_value(Scanner& in, bool& value) {
  const Scanner::Place start = in.place();
  const std::string_view word = in.word();
  if (word != "true" && word != "false") in.fail_at(start, "expected true or false");
  value = word == "true";
}

void parse_value(Scanner& in, Ints& value) {
  value.clear();
  in.expect('[');
  if (in.accept(']')) return;
  do value.push_back(in.integer());
  while (in.accept(','));
  in.expect(']');
}

void parse_value(Scanner& in, AxisPairs& value) {
  parse_value(in, value.lhs);
  in.expect('x');
  parse_value(in, value.rhs);
}

template <typename Struct>
void parse_field(Scanner& in, Scanner::Place start, const std::string& name, Struct& fields) {
  bool found = false;
  for_each_field<Struct>([&](const auto& field) {
    if (found || name != field.name) return;
    found = true;
    parse_value(in, fields.*field.member);
  });
  if (found) return;
  std::vector<std::string> known;
  for_each_field<Struct>([&](const auto& field) { known.push_back(field.name); });
  in.fail_at(start, cat("there is no attribute ", quoted(name)),
             known.empty() ? "the op has no attributes" : cat("the op has ", join(known, ", ")));
}

}  // namespace

AttrsParser::AttrsParser(Scanner& in, Op op) : attrs_(default_attrs(op)) {
  if (!in.accept('{') || in.accept('}')) return;
  do {
    const Scanner::Place start = in.place();
    const std::string name(in.word());
    if (!names_.insert(name).second) in.fail_at(start, cat("attribute ", quoted(name), " stands twice"));
    in.expect('=');
    std::visit([&](auto& fields) { parse_field(in, start, name, fields); }, attrs_);
  } while (in.accept(','));
  in.expect('}');
}

Attrs AttrsParser::with_told(const Type& result) const {
  Attrs told = attrs_;
  set_told_fields(told, result);
  std::visit(
      [&](auto& to) {
        using Struct = std::decay_t<decltype(to)>;
        for_each_field<Struct>([&](const auto& field) {
          if (names_.contains(field.name)) to.*field.member = std::get<Struct>(attrs_).*field.member;
        });
      },
      told);
  return told;
}

}  // namespace keratin
