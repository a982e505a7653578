// Each .kir file below tests/kir is a test. Its command says what is done with the module:
//
//   parse   it is in canonical form: printing what was parsed gives its text again
//   fail    parsing it gives the error below the line
//   run     the interpreter runs the notes one after the other and prints what the calls give:
//             input x = f32[2] [1.0, 2.0]      the value of a parameter from now on; one number fills the array
//             set @dense/kernel = f32[2,2] 0.5 the value of a variable
//             call train_step                  prints results and the variables that it updates
#include <cstdio>
#include <map>

#include "ir/error.h"
#include "ir/executor.h"
#include "ir/scanner.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "ir/text_rules.h"
#include "ir/verify.h"
#include "tests/kir_file.h"

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

/// "f32[2,2] [1.0, 2.0, 3.0, 4.0]" or "f32[2,2] 0.5".
Tensor parse_array(Scanner& in) {
  const std::optional<DType> dtype = parse_dtype(in.word());
  if (!dtype) in.fail("expected a type");
  std::vector<int64_t> shape;
  in.expect('[');
  if (!in.accept(']')) {
    do shape.push_back(in.integer());
    while (in.accept(','));
    in.expect(']');
  }
  Tensor tensor(*dtype, std::move(shape));
  const bool is_list = in.accept('[');
  std::optional<Scalar> element;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (is_list || i == 0) element = parse_element(in.number_text(), *dtype);
    if (!element) in.fail("no number of the dtype");
    set_scalar(tensor, i, *element);
    if (is_list && i + 1 < tensor.elements()) in.expect(',');
  }
  if (is_list) in.expect(']');
  return tensor;
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

std::string call(Executable& executable, const Function& function,
                 const std::map<std::string, Tensor>& values) {
  std::vector<Tensor> inputs;
  for (const Node* param : function.params) inputs.push_back(values.at(param->as<NameAttrs>().name));
  const std::vector<Tensor> results = executable.call(function.name, inputs);
  std::string out = cat("call ", function.name, "\n");
  for (size_t i = 0; i < results.size(); ++i)
    out += cat("  %", function.results[i].name, " = ", array_text(results[i]), "\n");
  for (const Update& update : function.updates) {
    out += cat("  @", update.variable, " = ", array_text(executable.get_variable(update.variable)), "\n");
  }
  return out;
}

void test_run(const KirFile& file) {
  const Module module = parse_module(file.input_in_place(), file.name());
  expect_round_trip(module);
  const auto executable = make_interpreter()->compile(module);
  std::map<std::string, Tensor> values;
  std::string out;
  for (const std::string& note : file.notes) {
    Scanner in(note, file.name());
    if (in.accept_word("call")) {
      out += call(*executable, module.function(in.word()), values);
    } else if (in.accept_word("set")) {
      in.expect('@');
      const std::string name = in.name();
      in.expect('=');
      executable->set_variable(name, parse_array(in));
    } else {
      ASSERT_TRUE(in.accept_word("input")) << note;
      const std::string name(in.word());
      in.expect('=');
      values.insert_or_assign(name, parse_array(in));
    }
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
