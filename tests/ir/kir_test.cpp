// Each .kir file below tests/kir is a test. Its command says what is done with the module:
//
//   parse   it is in canonical form: printing what was parsed gives its text again
//   fail    parsing it gives the error below the line
//   run     the interpreter does what the notes say (tests/kir_run.h); results of calls and the variables that they update
//           come out
#include <cstdio>

#include "ir/error.h"
#include "ir/executor.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "ir/text_rules.h"
#include "ir/verify.h"
#include "tests/kir_file.h"
#include "tests/kir_run.h"

namespace keratin {
namespace {

class Kir : public testing::TestWithParam<std::string> {};

void expect_round_trip(const Module& module) {
  const std::string text = print(module);
  const Module again = parse_module(text, "printed");
  EXPECT_TRUE(equal(module, again)) << text;
  EXPECT_EQ(print(again), text);
}

void test_parse(const KirFile& file) {
  const Module module = parse_module(file.input_in_place(), file.name());
  expect_input(file, print(module));
  expect_round_trip(module);
}

void test_fail(const KirFile& file) {
  try {
    parse_module(file.input_in_place(), file.name());
    ADD_FAILURE() << file.path << " was parsed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    expect_output(file, cat(error.what(), "\n"));
  }
}

/// Six digits: what does not depend on the C library's last bit.
std::string array_text(const Tensor& tensor) {
  std::vector<std::string> elements;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.6g", tensor.get(i));
    elements.push_back(is_float(tensor.dtype()) ? digits : element_text(scalar_at(tensor, i)));
  }
  return cat(tensor.type(), " [", join(elements, ", "), "]");
}

void test_run(const KirFile& file) {
  const Module module = parse_module(file.input_in_place(), file.name());
  expect_round_trip(module);
  std::string out;
  for (const KirCall& call : run_notes(file, module, *make_interpreter())) {
    const Function& function = module.function(call.function);
    out += cat("call ", function.name, "\n");
    for (size_t i = 0; i < call.results.size(); ++i)
      out += cat("  %", function.results[i].name, " = ", array_text(call.results[i]), "\n");
    for (size_t i = 0; i < call.updated.size(); ++i)
      out += cat("  @", function.updates[i].variable, " = ", array_text(call.updated[i]), "\n");
  }
  expect_output(file, out);
}

TEST_P(Kir, File) {
  const KirFile file = read_kir_file(GetParam());
  if (file.command == "parse") return test_parse(file);
  if (file.command == "fail") return test_fail(file);
  if (file.command == "run") return test_run(file);
  FAIL() << file.path << ": no command is called " << quoted(file.command);
}

INSTANTIATE_TEST_SUITE_P(Graph, Kir, testing::ValuesIn(kir_files(KERATIN_SOURCE_DIR "/tests/kir/graph")),
                         kir_test_name);
INSTANTIATE_TEST_SUITE_P(Errors, Kir, testing::ValuesIn(kir_files(KERATIN_SOURCE_DIR "/tests/kir/errors")),
                         kir_test_name);

}  // namespace
}  // namespace keratin
