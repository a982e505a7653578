#include "tools/runnable.h"

namespace keratin {

Runnable make_runnable(const Function& function, std::shared_ptr<Executable> executable) {
  Runnable result;
  for (const Node* param : function.params)
    result.inputs.push_back({param->as<NameAttrs>().name, param->type()});
  for (const Result& output : function.results) result.outputs.push_back({output.name, output.value.type()});
  result.call = [name = function.name, executable = std::move(executable)](std::span<const Tensor> inputs) {
    return executable->call(name, inputs);
  };
  return result;
}

}  // namespace keratin
