#include "passes/pipeline.h"

#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/text.h"
#include "passes/feasible.h"
#include "passes/pass.h"

namespace keratin {

Module optimize(const Module& module, const PipelineOptions& options) {
  auto skipped = [&](std::string_view name) {
    // Products of bf16 save as much as Winograd's method does, and its sums would be of rounded numbers.
    const bool is_bf16 = options.precision == Precision::bf16;
    if (name == "partition" && !options.distributed) return true;
    if ((name == "bf16" || name == "bf16_storage") && !is_bf16) return true;
    if (name == "winograd" && (is_bf16 || options.convolutions == Convolutions::exact)) return true;
    if (name == "fast_conv" && (is_bf16 || options.convolutions != Convolutions::fast)) return true;
    return std::find(options.skip.begin(), options.skip.end(), name) != options.skip.end();
  };
  for (const std::string& name : options.skip)
    if (const std::string_view pass = find_pass(name).name; pass == "fuse" || pass == "differentiate")
      throw Error(ErrorKind::usage,
                  cat(pass, " cannot be skipped: code is made of fusions, and has no gradients"));

  // The table is in order; why that order:
  //   differentiate  first: it must see where gradients stop, and what it builds is simplified like the rest
  //   wide_sums  after differentiate, which makes the sums; before simplify, which joins its casts with others
  //   partition  after differentiate and wide_sums: it must see all sums over samples, as they are made; what it adds is optimized
  //              like the rest
  //   simplify   on what the layers traced: it finds a batch normalisation behind its convolution
  //   free_windows   after simplify, which knows what to do with weights of convolutions; before all that take their lengths for known
  //   channels_last  after simplify: it has no transposes to move but its own; before all that lay out weights
  //   matrices   after simplify, which scales weights as the layers have them; before pack, which lays columns out
  //   hoist      the input projections of recurrent layers become plain contractions, and are packed like them
  //   sink       likewise the gradients of their weights; after hoist, which leaves less in the loops to look at
  //   lookups    after hoist, which brings input projections to the lookups before them
  //   fast_conv  after simplify: a weight is scaled before it is transformed; before winograd, which takes what it leaves
  //   winograd   before pack, which lays out the transformed weight
  //   bf16       after simplify, so that what is rounded is what is multiplied; before pack, which lays out what is rounded
  //   pack       after simplify, so that a weight is scaled before it is laid out
  //   constants  before prepare: an array that the model file wrote into the graph is a weight like any other
  //   prepare    last of those that look at weights: packing and folding are computed once, when compiling
  //   fuse       behind all that look at single ops
  //   bf16_storage  behind fuse: only now is it known what lies in memory
  //   stages     last: it joins whole kernels, with what they hand on as it is
  expect_feasible(module);
  Module current = clone(module);
  for (const Pass& pass : all_passes()) {
    if (skipped(pass.name)) continue;
    Module next = pass.name == "partition" && !options.own_layers.empty()
                      ? partition(current, options.own_layers)
                      : run_pass(pass, current, options.decisions);
    if (pass.name == "stages")
      for (size_t i = 0; i < next.functions.size(); ++i)
        if (options.without_stages.contains(next.functions[i].name))
          next.functions[i] = clone(current.functions[i]);
    current = std::move(next);
    if (options.after) options.after(pass.name, current);
  }
  return current;
}

namespace {

void collect_used(const Function& function, std::set<std::string>& used) {
  for (const auto& node : function.nodes)
    if (node->op == Op::var) used.insert(node->as<NameAttrs>().name);
  for (const Update& update : function.updates) used.insert(update.variable);
}

/// Of the functions that `keeps` names, with the variables that they use.
template <typename Keeps>
Module part_of(const Module& module, const Keeps& keeps) {
  Module part;
  part.name = module.name;
  std::set<std::string> used;
  for (const Function& function : module.functions) {
    if (!keeps(function.name)) continue;
    collect_used(function, used);
    part.functions.push_back(clone(function));
  }
  for (const Variable& variable : module.variables)
    if (used.contains(variable.name) || variable.role == Role::strings) part.variables.push_back(variable);
  return part;
}

bool is_preparation(std::string_view function) { return function == "prepare"; }

}  // namespace

Module preparation_of(const Module& module) { return part_of(module, is_preparation); }

Module without_preparation(const Module& module) {
  Module rest = part_of(module, [](std::string_view name) { return !is_preparation(name); });
  for (Variable& variable : rest.variables) {
    if (variable.role != Role::prepared) continue;
    std::vector<int64_t> shape;
    for (const Dim extent : variable.type.shape) shape.push_back(extent.value());
    variable.data = std::make_shared<const Tensor>(variable.type.dtype, shape);
    variable.role = Role::weight;
  }
  return rest;
}

Module bake(const Module& module, Executor& executor) {
  if (module.find_function("prepare") == nullptr) return clone(module);
  auto running = executor.compile(module);
  running->call("prepare", {});
  Module out = part_of(module, [](std::string_view name) { return !is_preparation(name); });
  for (Variable& variable : out.variables) {
    if (variable.role != Role::prepared) continue;
    variable.data = std::make_shared<const Tensor>(running->get_variable(variable.name));
    variable.role = Role::weight;
  }
  return out;
}

}  // namespace keratin
