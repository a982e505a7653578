#include "runtime/trainer/csv.h"

#include "tests/mutation.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

Table read(const std::string& text) {
  const Folder folder;
  return read_csv(folder.file("t.csv", text));
}

void expect_refused(const std::string& text, const std::vector<std::string>& parts) {
  expect_error(ErrorKind::data, parts, [&] { read(text); });
}

TEST(Csv, NumbersAndNames) {
  const Table table = read("a, b,c\n1,-2.5,+3\n 4e1 ,5,6\n");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(table.values, (std::vector<double>{1, -2.5, 3, 40, 5, 6}));
  EXPECT_EQ(table.lines, (std::vector<int64_t>{2, 3}));
}

TEST(Csv, QuotesLineEndsAndMarks) {
  const Table table = read("\xef\xbb\xbf\"a,\"\"1\"\"\n\",b\r\n\"1\",2\r\n3,\"4\"");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a,\"1\"\n", "b"}));
  EXPECT_EQ(table.values, (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(table.lines, (std::vector<int64_t>{3, 4}));
}

TEST(Csv, HeaderAlone) { EXPECT_EQ(read("a,b\n").rows(), 0); }

TEST(Csv, SmallNumbersAreNumbers) { EXPECT_EQ(read("a\n1e-400\n").values[0], 0); }

TEST(Csv, Refused) {
  expect_refused("", {"is empty"});
  expect_refused("\n\n", {"is empty"});
  expect_refused("a,b\n1,2\n3\n", {"t.csv: line 3", "has 1 field, the header line has 2"});
  expect_refused("a,b\n1,2\n\n3,4\n", {"line 3", "has 1 field"});
  expect_refused("a,b\n1,2,3\n", {"line 2", "has 3 fields"});
  expect_refused("a,b\n1,2\n3,tall\n", {"line 3, column \"b\"", "\"tall\" is no finite number"});
  expect_refused("a,b\n,2\n", {"line 2, column \"a\"", "is empty"});
  expect_refused("a\n1.5x\n", {"no finite number"});
  expect_refused("a\nnan\n", {"no finite number"});
  expect_refused("a\n1e400\n", {"no finite number"});
  expect_refused("a\n+-1\n", {"no finite number"});
  expect_refused("a\n\"1", {"line 2", "a quoted field does not end"});
  expect_refused("a\n\"1\"2\n", {"line 2", "text behind a quoted field"});
  expect_error(ErrorKind::no_input, {"/nonexistent.csv"}, [] { read_csv("/nonexistent.csv"); });
}

TEST(Csv, Mutants) {
  const std::string good = "\"first, one\",b\r\n1,\"2\"\n-3e2,4.5\n";
  const auto survive = [](const std::string& text) {
    try {
      const Table table = read(text);
      EXPECT_EQ(table.values.size(), table.columns.size() * table.lines.size());
    } catch (const Error&) {}
  };
  for (size_t length = 0; length < good.size(); ++length) survive(good.substr(0, length));
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    testing::Mutator mutator(seed);
    survive(seed % 2 == 0 ? mutator.bytes(good) : mutator.text(good, {",", "\"", "\n"}));
  }
}

}  // namespace
}  // namespace keratin::trainer
