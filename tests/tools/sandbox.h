// Attempts that may crash, hang or eat all memory: made one after the other in a child process, which has limits. A child
// that dies takes only the attempt with it that killed it; the next child goes on behind it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace keratin::testing {

struct Verdict {
  enum Kind : char { accepted = 'a', refused = 'r', wrong = 'w' } kind = wrong;
  std::string text;  ///< what was said: the error message, or what went wrong
};

/// What standard error has been given since the last call; only in a child of try_all.
std::string taken_from_stderr();

/// One verdict per attempt: what `attempt(i)` returned, or `wrong` with the cause of death.
std::vector<Verdict> try_all(int count, const std::function<Verdict(int)>& attempt);

}  // namespace keratin::testing
