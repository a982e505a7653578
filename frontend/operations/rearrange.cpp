// keras.ops.rearrange: axes taken apart, put in another order and together, as a pattern says:
//
//     rearrange(images, "b (h p) (w q) c -> b (h w) (p q c)", p=4, q=4)        patches of 4×4 pixels
#include <algorithm>
#include <map>

#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// The names of one axis: several if it is made of several.
using Group = std::vector<std::string>;

/// "b (h p) c".
std::vector<Group> read_groups(OperationCall& call, std::string_view text) {
  std::vector<Group> groups;
  bool inside = false, goes_on = false;  // within parentheses; within a name
  for (const char c : text) {
    const bool is_name = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (is_name && !goes_on && !inside) groups.emplace_back();
    if (is_name && !goes_on) groups.back().emplace_back();
    if (is_name) groups.back().back() += c;
    goes_on = is_name;
    if (is_name || c == ' ') continue;
    if (inside ? c != ')' : c != '(')
      call.fail(cat("pattern ", quoted(text), " is malformed"), ErrorKind::data);
    inside = !inside;
    if (inside) groups.emplace_back();
  }
  if (inside) call.fail(cat("pattern ", quoted(text), " is malformed"), ErrorKind::data);
  return groups;
}

/// The lengths of all names: those that are given, and in each group one that follows from the axis.
std::map<std::string, Dim> lengths_of(OperationCall& call, const Expr& x, const std::vector<Group>& groups) {
  std::map<std::string, Dim> lengths;
  for (size_t i = 2; i < call.count(); ++i) {
    const Operand& given = call.operand(i);
    if (given.data == nullptr || !given.data->is_number() || given.data->as_int() < 1)
      call.fail(cat("the length ", given.keyword, " is no number of at least 1"), ErrorKind::data);
    lengths[given.keyword] = given.data->as_int();
  }
  for (size_t axis = 0; axis < groups.size(); ++axis) {
    Dim left = x.dim(static_cast<int64_t>(axis));
    std::string unknown;
    for (const std::string& name : groups[axis]) {
      const auto found = lengths.find(name);
      if (found == lengths.end() && unknown.empty()) {
        unknown = name;
      } else if (found == lengths.end() || !found->second.is_static() ||
                 left.coef % found->second.value() != 0) {
        call.fail(cat("axis ", axis, " of ", to_text(x.shape()), " cannot be taken apart into ",
                      join(groups[axis], ", ")),
                  ErrorKind::data);
      } else {
        left.coef /= found->second.value();
      }
    }
    if (!unknown.empty())
      lengths[unknown] = left;
    else if (!left.is(1))
      call.fail(cat("the lengths do not make up axis ", axis, " of ", to_text(x.shape())), ErrorKind::data);
  }
  return lengths;
}

Outputs rearrange(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Json* pattern = call.operand(1).data;
  if (pattern == nullptr || !pattern->is_string()) call.fail("its pattern is no text", ErrorKind::data);
  const std::string& text = pattern->as_string();
  const size_t arrow = text.find("->");
  if (arrow == std::string::npos) call.fail(cat("pattern ", quoted(text), " has no ->"), ErrorKind::data);
  const std::vector<Group> from = read_groups(call, std::string_view(text).substr(0, arrow)),
                           to = read_groups(call, std::string_view(text).substr(arrow + 2));
  if (static_cast<int64_t>(from.size()) != x.rank())
    call.fail(cat("pattern ", quoted(text), " does not fit ", to_text(x.shape())), ErrorKind::data);
  const std::map<std::string, Dim> lengths = lengths_of(call, x, from);

  std::vector<std::string> names;
  Shape apart, together;
  for (const Group& group : from)
    for (const std::string& name : group) {
      names.push_back(name);
      apart.push_back(lengths.at(name));
    }
  Ints order;
  for (const Group& group : to) {
    Size size(1);
    for (const std::string& name : group) {
      const auto place = std::find(names.begin(), names.end(), name);
      if (place == names.end())
        call.fail(cat("pattern ", quoted(text), ": there is no ", name), ErrorKind::data);
      order.push_back(place - names.begin());
      size *= Size(lengths.at(name));
    }
    const std::optional<Dim> dim = as_dim(size);
    if (!dim)
      call.fail(cat("puts two free axes together: ", join(group, ", ")), ErrorKind::unsupported, kFixLength);
    together.push_back(*dim);
  }
  if (order.size() != names.size())
    call.fail(cat("pattern ", quoted(text), " has not the same names on both sides"), ErrorKind::data);
  return reshape(transpose(reshape(x, apart), order), together);
}

constexpr OperationDef kRows[] = {{"Rearrange", "tensor pattern **", rearrange}};

}  // namespace

std::span<const OperationDef> rearrange_operations() { return kRows; }

}  // namespace keratin
