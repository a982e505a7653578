#include "runtime/trainer/csv.h"

#include <algorithm>
#include <cmath>

#include "tests/mutation.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

/// A table, all of whose columns are of one kind.
Table read(const std::string& text, FieldKind kind = FieldKind::number, const std::string& name = "t.csv") {
  const Folder folder;
  const TableFile file(folder.file(name, text));
  return file.read(std::vector<FieldKind>(file.columns().size(), kind));
}

std::vector<double> numbers(const Array& array) {
  std::vector<double> values;
  for (int64_t i = 0; i < array.elements(); ++i) values.push_back(array.number(i));
  return values;
}

void expect_refused(const std::string& text, const std::vector<std::string>& parts) {
  expect_error(ErrorKind::data, parts, [&] { read(text); });
}

TEST(Csv, NumbersAndNames) {
  const Table table = read("a, b,c\n1,-2.5,+3\n 4e1 ,5,6\n");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(numbers(table.values), (std::vector<double>{1, -2.5, 3, 40, 5, 6}));
  EXPECT_EQ(numbers(table.lines), (std::vector<double>{2, 3}));
}

TEST(Csv, QuotesLineEndsAndMarks) {
  const Table table = read("\xef\xbb\xbf\"a,\"\"1\"\"\n\",b\r\n\"1\",2\r\n3,\"4\"");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a,\"1\"\n", "b"}));
  EXPECT_EQ(numbers(table.values), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(numbers(table.lines), (std::vector<double>{3, 4}));
}

TEST(Csv, Tabs) {
  EXPECT_EQ(numbers(read("a\tb, c\n1\t2\n", FieldKind::number, "t.tsv").values), (std::vector<double>{1, 2}));
}

TEST(Csv, HeaderAlone) { EXPECT_EQ(read("a,b\n").rows(), 0); }

TEST(Csv, SmallNumbersAreNumbers) { EXPECT_EQ(read("a\n1e-400\n").values.number(0), 0); }

TEST(Csv, ColumnsThatAreLeftOut) {
  const Folder folder;
  const TableFile file(folder.file("t.csv", "a,b,c\n1,tall,3\n4,\"x\ny\",6\n"));
  const Table table = file.read({FieldKind::number, FieldKind::ignored, FieldKind::number});
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(numbers(table.values), (std::vector<double>{1, 3, 4, 6}));
}

/// Whatever comes first: NA among the labels is a gap, and text is UTF-8.
TEST(Csv, WordsOfLabels) {
  for (const char* text : {"y\nNA\na\nb\na\n", "y\na\nNA\nb\na\n"}) {
    const Table table = read(text, FieldKind::label);
    EXPECT_EQ(table.words[0], (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(std::count_if(table.values.shape().begin(), table.values.shape().end(),
                            [](int64_t n) { return n == 4; }),
              1);
  }
  EXPECT_EQ(read("y\nK\xc3\xb6ln\n", FieldKind::words).words[0], std::vector<std::string>{"K\xc3\xb6ln"});
  for (const char* text :
       {"y\nK\xf6ln\n", "K\xf6ln\na\n", "y\n\xed\xa0\x80\n", "y\n\xc0\x80\n", "y\n\xe2\x82\n"})
    expect_error(ErrorKind::data, {"no UTF-8"}, [&] { read(text, FieldKind::words); });
}

TEST(Csv, GapsAreNoNumbers) {
  const Table table = read("a,b\n1,\nNA, nan\n,null\n");
  const std::vector<double> values = numbers(table.values);
  ASSERT_EQ(values.size(), 6U);
  EXPECT_EQ(values[0], 1);
  EXPECT_EQ(std::count_if(values.begin(), values.end(), [](double value) { return std::isnan(value); }), 5);
}

TEST(Csv, WordsAreNumberedInSortedOrder) {
  const Table table = read("a\nred\n\"blue\"\n\n red \nNA\n10\n", FieldKind::words);
  EXPECT_EQ(table.words[0], (std::vector<std::string>{"10", "NA", "blue", "red"}));
  const std::vector<double> values = numbers(table.values);
  EXPECT_EQ(values[0], 3);
  EXPECT_EQ(values[1], 2);
  EXPECT_TRUE(std::isnan(values[2]));  // nothing is a gap
  EXPECT_EQ(values[3], 3);
  EXPECT_EQ(values[4], 1);  // a country, a name
  EXPECT_EQ(values[5], 0);
}

TEST(Csv, LabelsAreNumbersIfTheFirstIs) {
  EXPECT_EQ(numbers(read("a\n7\n8\n", FieldKind::label).values), (std::vector<double>{7, 8}));
  EXPECT_EQ(numbers(read("a\nx\n8\n", FieldKind::label).values), (std::vector<double>{1, 0}));
  expect_error(ErrorKind::data, {"line 3, column \"a\"", "\"8O\" is no finite number"},
               [] { read("a\n7\n8O\n", FieldKind::label); });
}

TEST(Csv, Refused) {
  expect_refused("", {"is empty"});
  expect_refused("\n\n", {"is empty"});
  expect_refused("a,b\n1,2\n3\n", {"t.csv: line 3", "has 1 field, the header line has 2"});
  expect_refused("a,b\n1,2\n\n3,4\n", {"line 3", "has 1 field"});
  expect_refused("a,b\n1,2,3\n", {"line 2", "has 3 fields"});
  expect_refused("a,b\n1,2\n3,tall\n", {"line 3, column \"b\"", "\"tall\" is no finite number"});
  expect_refused("a\n1.5x\n", {"no finite number"});
  expect_refused("a\ninf\n", {"no finite number"});
  expect_refused("a\n1e400\n", {"no finite number"});
  expect_refused("a\n+-1\n", {"no finite number"});
  expect_refused("a\n\"1", {"line 2", "a quoted field does not end"});
  expect_refused("a\n\"1\"2\n", {"line 2", "text behind a quoted field"});
  expect_error(ErrorKind::no_input, {"/nonexistent.csv"}, [] { TableFile("/nonexistent.csv"); });
}

TEST(Csv, NamesAreNeeded) {
  expect_refused("5.1,3.5,0\n4.9,3,1\n", {"t.csv", "begins with numbers", "a,b,label"});
  EXPECT_EQ(read("0,1,2\n4.9,3,1\n").rows(), 1);  // as pandas calls columns without names
}

TEST(Csv, Mutants) {
  const std::string good = "\"first, one\",b\r\n1,\"2\"\n-3e2,4.5\n";
  const auto survive = [](const std::string& text) {
    for (const FieldKind kind : {FieldKind::number, FieldKind::words, FieldKind::label}) try {
        const Table table = read(text, kind);
        EXPECT_EQ(table.values.elements(), static_cast<int64_t>(table.columns.size()) * table.rows());
      } catch (const Error&) {}
  };
  for (size_t length = 0; length < good.size(); ++length) survive(good.substr(0, length));
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    testing::Mutator mutator(seed);
    survive(seed % 2 == 0 ? mutator.bytes(good) : mutator.text(good, {",", "\"", "\n"}));
  }
}

}  // namespace
}  // namespace keratin::trainer
