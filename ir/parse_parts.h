// The parts of a statement that the text form's parser reads whatever the op: types and attributes.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/scanner.h"

namespace keratin {

Type parse_type(Scanner& in);
std::vector<Type> parse_types(Scanner& in);  ///< one or more, with commas
/// What a variable is for, and whether it is trained: the words behind its type.
void parse_role(Scanner& in, Variable& variable);

/// The attributes in braces, if there are any.
class AttrsParser {
 public:
  AttrsParser(Scanner& in, Op op);

  /// With what the text does not say taken from the type of the result.
  Attrs with_told(const Type& result) const;

 private:
  Attrs attrs_;
  std::set<std::string, std::less<>> names_;  // of those that the text says
};

}  // namespace keratin
