// Patterns for names of variables, as Python's module re writes them: what a file says of which variables an optimizer is for.
//
// Supported are characters, ".", classes, "\d \w \s" and their opposites, groups, "|", repetition and the anchors "^" and "$".
// Matching takes time in proportion to the pattern's length and the name's, whatever the pattern.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace keratin {

class NamePattern {
 public:
  /// Throws Error(data) for a malformed pattern and Error(unsupported) for what is not listed above, with `where`.
  NamePattern(std::string_view pattern, const std::string& where);

  bool is_in(std::string_view name) const;      ///< re.search
  bool is_all_of(std::string_view name) const;  ///< re.fullmatch

  struct Part;

 private:
  std::shared_ptr<const Part> root_;
};

}  // namespace keratin
