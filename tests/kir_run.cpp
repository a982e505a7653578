#include "tests/kir_run.h"

#include <map>

#include "ir/scanner.h"
#include "ir/text_rules.h"

namespace keratin {

namespace {

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

KirCall call(Executable& executable, const Function& function, const std::map<std::string, Tensor>& values) {
  std::vector<Tensor> inputs;
  for (const Node* param : function.params) inputs.push_back(values.at(param->as<NameAttrs>().name));
  KirCall call{function.name, executable.call(function.name, inputs), {}};
  for (const Update& update : function.updates)
    call.updated.push_back(executable.get_variable(update.variable));
  return call;
}

}  // namespace

std::vector<KirCall> run_notes(const KirFile& file, const Module& module, Executor& executor, int times) {
  Module started = clone(module);
  for (const std::string& note : file.notes) {
    Scanner in(note, file.name());
    if (!in.accept_word("set")) continue;
    in.expect('@');
    const std::string name = in.name();
    in.expect('=');
    for (Variable& variable : started.variables)
      if (variable.name == name) variable.data = std::make_shared<const Tensor>(parse_array(in));
  }
  const auto executable = executor.compile(started);
  std::map<std::string, Tensor> values;
  std::vector<KirCall> calls;
  for (int time = 0; time < times; ++time) {
    for (const std::string& note : file.notes) {
      Scanner in(note, file.name());
      if (in.accept_word("set")) continue;
      if (in.accept_word("call")) {
        calls.push_back(call(*executable, module.function(in.word()), values));
      } else if (in.accept_word("input")) {
        const std::string name(in.word());
        in.expect('=');
        values.insert_or_assign(name, parse_array(in));
      } else {
        in.fail("expected input, set or call");
      }
    }
  }
  return calls;
}

}  // namespace keratin
