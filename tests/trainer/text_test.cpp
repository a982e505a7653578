#include "runtime/trainer/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace keratin::trainer {
namespace {

TEST(Text, NumbersAsPythonWritesThem) {
  const std::pair<double, std::string> cases[] = {
      {0, "0.0"},
      {-0.0, "-0.0"},
      {1, "1.0"},
      {0.1, "0.1"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {0.00001, "1e-05"},
      {1.5e-7, "1.5e-07"},
      {100000, "100000.0"},
      {-1e15, "-1000000000000000.0"},
      {9007199254740993, "9007199254740992.0"},
      {1e16, "1e+16"},
      {123456789012345680, "1.2345678901234568e+17"},
      {static_cast<double>(0.8210F), "0.8209999799728394"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
      {std::numeric_limits<double>::denorm_min(), "5e-324"},
      {NAN, "NaN"},
      {-INFINITY, "-Infinity"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(json_number(value), text);
}

TEST(Text, NumbersAreTheWholeOfAText) {
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_EQ(parse_integer("9223372036854775807"), INT64_MAX);
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.5", "1e3", "0x10", "9223372036854775808"})
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  EXPECT_EQ(parse_double("-1.5e3"), -1500);
  EXPECT_EQ(parse_double("inf"), INFINITY);
  EXPECT_TRUE(std::isnan(parse_double("nan").value()));
  for (const char* text : {"", ".", "+1", " 1", "1 ", "1,5", "1e", "0x10", "1e999"})
    EXPECT_EQ(parse_double(text), std::nullopt) << text;
}

}  // namespace
}  // namespace keratin::trainer
