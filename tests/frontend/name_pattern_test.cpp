// Patterns for names of variables against what Python's re makes of them.
#include "frontend/training/name_pattern.h"

#include <gtest/gtest.h>

#include "tests/frontend/files.h"

namespace keratin {
namespace {

TEST(NamePattern, MatchesAsInPython) {
  struct Case {
    std::string_view pattern, name;
    bool search, fullmatch;
  };
  constexpr Case kCases[] = {
      {"dense", "my_dense_1/kernel", true, false},
      {"dense/.*", "dense/kernel", true, true},
      {"dense/.*", "a/dense/kernel", true, false},
      {"^dense", "a/dense", false, false},
      {"kernel$", "dense/kernel", true, false},
      {"", "x", true, false},
      {"", "", true, true},
      {"(dense|conv)_[0-9]+/\\w+", "conv_12/kernel", true, true},
      {"(?:a|ab)(c|bcd)", "abcd", true, true},
      {"a{2,3}", "aaaa", true, false},
      {"a{2}", "aa", true, true},
      {"a{,2}", "a{,2}", true, true},
      {"(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false, false},
      {"[^/]*/bias", "x/bias", true, true},
      {"[]x-z]", "y", true, true},
      {"[a\\d]+?", "a1", true, true},
      {"\\.", "a.b", true, false},
      {"\\.", "ab", false, false},
      {"x?y", "y", true, true},
      {"(ab){0,2}", "abab", true, true},
  };
  for (const Case& c : kCases) {
    const NamePattern pattern(c.pattern, "test");
    EXPECT_EQ(pattern.is_in(c.name), c.search) << c.pattern << " in " << c.name;
    EXPECT_EQ(pattern.is_all_of(c.name), c.fullmatch) << c.pattern << " all of " << c.name;
  }
}

TEST(NamePattern, WhatIsMalformedOrUnknownIsRefused) {
  const auto refuses = [](ErrorKind kind, std::string_view pattern, std::string_view problem) {
    expect_error(kind, std::string(problem), [&] { const NamePattern made(pattern, "test"); });
  };
  refuses(ErrorKind::data, "(a", "a ) is missing");
  refuses(ErrorKind::data, "a)", "unbalanced )");
  refuses(ErrorKind::data, "*a", "nothing to repeat");
  refuses(ErrorKind::data, "[a", "it ends too soon");
  refuses(ErrorKind::unsupported, "(?=a)", "only (?: is supported");
  refuses(ErrorKind::unsupported, "\\b", "\\b is not supported");
  refuses(ErrorKind::unsupported, "a**", "repetition of a repetition");
  refuses(ErrorKind::unsupported, "a{2000}", "too many repetitions");
  refuses(ErrorKind::data, std::string(200, '('), "too many groups");
}

}  // namespace
}  // namespace keratin
