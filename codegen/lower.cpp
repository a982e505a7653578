// Modules to kernel modules: one kernel per fusion, one program per function.
//
// A fusion's result is computed straight into where it is wanted: an output, a variable that it updates (if nothing after
// it reads the old value, and it reads it element by element itself), or else the workspace. What is wanted in two places,
// or is no fusion's result, is copied by a kernel of its own at the end.
#include "codegen/lower.h"

#include <algorithm>
#include <map>
#include <set>

#include "codegen/elementwise.h"
#include "codegen/group.h"
#include "codegen/plan_program.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text.h"
#include "ir/text_format.h"

namespace keratin {

namespace {

bool before(const Value& a, const Value& b) {
  return std::pair(a.node->index, a.result) < std::pair(b.node->index, b.result);
}

/// A value without the views around it: what the memory belongs to.
Value storage_of(Value value) {
  while (value.node->op == Op::reshape) value = value.node->operands[0];
  return value;
}

/// What launches of a function's fusions may do.
MayOverwrite may_overwrite_in(const Function& function) {
  return [&function](const Launch& launch, size_t operand, size_t result) {
    if (!launch.fusion) return false;
    const Function& region = *function.nodes[*launch.fusion]->body;
    const size_t inputs = region.params.size();
    if (result >= inputs + region.results.size()) return false;
    return is_elementwise(region, operand) || rows_may_overwrite(region, operand, result - inputs);
  };
}

class ProgramWriter {
 public:
  ProgramWriter(KernelModule& out, const Function& function, const Target& target, const Schedules& schedules)
      : out_(out), function_(function), target_(target), schedules_(schedules) {}

  void run() {
    program_.name = function_.name;
    for (const Node* param : function_.params) {
      const uint32_t id = add_buffer(param->as<NameAttrs>().name, param->type(), Storage::input);
      program_.inputs.push_back(id);
      buffers_[param->value()] = id;
    }
    for (const Result& result : function_.results)
      program_.outputs.push_back(add_buffer(result.name, result.value.type(), Storage::output));
    choose_places();
    for (const auto& node : function_.nodes)
      if (node->op == Op::fusion) launch_fusion(*node);
    for (size_t i = 0; i < function_.results.size(); ++i)
      if (!placed_results_.contains(i))
        copy(function_.results[i].value, program_.outputs[i],
             "a result in its second place, or not computed");
    copy_updates();  // last: a result may be a variable's old value
    plan_program(out_, program_, may_overwrite_in(function_));
    out_.programs.push_back(std::move(program_));
  }

 private:
  uint32_t add_buffer(const std::string& name, const Type& type, Storage storage) {
    program_.buffers.push_back({name, type.dtype, type.physical_shape(), storage, {}});
    return static_cast<uint32_t>(program_.buffers.size()) - 1;
  }

  uint32_t variable_buffer(const std::string& name, const Type& type) {
    auto [found, added] = variables_.try_emplace(name, 0);
    if (added) found->second = add_buffer(name, type, Storage::variable);
    return found->second;
  }

  uint32_t workspace_buffer(const Type& type) {
    return add_buffer(cat("t", temporaries_++), type, Storage::workspace);
  }

  /// Gives results and updated variables their buffers as early as that is right.
  void choose_places() {
    for (size_t i = 0; i < function_.results.size(); ++i) {
      const Value value = storage_of(function_.results[i].value);
      if (value.node->op != Op::fusion || buffers_.contains(value)) continue;
      buffers_[value] = program_.outputs[i];
      placed_results_.insert(i);
    }
    for (const Update& update : function_.updates) {
      const Value value = storage_of(update.value);
      if (value.node->op != Op::fusion || buffers_.contains(value) ||
          !may_overwrite(update.variable, *value.node))
        continue;
      buffers_[value] = variable_buffer(update.variable, update.value.type());
      placed_updates_.insert(update.variable);
    }
  }

  /// True if the fusion may store into the variable while it still holds its old value.
  bool may_overwrite(const std::string& variable, const Node& fusion) const {
    auto reads = [&](Value value) {
      const Value source = storage_of(value);
      return source.node->op == Op::var && source.node->as<NameAttrs>().name == variable;
    };
    for (const auto& node : function_.nodes) {
      if (node->op != Op::fusion) continue;
      for (size_t i = 0; i < node->operands.size(); ++i) {
        if (!reads(node->operands[i]) || node->index < fusion.index) continue;
        if (node.get() != &fusion || !is_elementwise(*fusion.body, i)) return false;
      }
    }
    for (const Result& result : function_.results)
      if (reads(result.value)) return false;
    for (const Update& update : function_.updates)
      if (update.variable != variable && reads(update.value)) return false;
    return true;
  }

  uint32_t buffer_of(Value value) {
    value = storage_of(value);
    if (auto found = buffers_.find(value); found != buffers_.end()) return found->second;
    if (value.node->op == Op::var) return variable_buffer(value.node->as<NameAttrs>().name, value.type());
    KERATIN_CHECK(value.node->op == Op::constant, "every other value has its buffer");
    const uint32_t id = buffers_[value] = workspace_buffer(value.type());
    copy(value, id, "a constant that is read as memory");
    return id;
  }

  void launch_fusion(const Node& fusion) {
    std::vector<uint32_t> args;
    for (Value operand : fusion.operands) args.push_back(buffer_of(operand));
    for (uint32_t i = 0; i < fusion.types.size(); ++i) {
      const Value value = fusion.value(i);
      if (!buffers_.contains(value)) buffers_[value] = workspace_buffer(fusion.types[i]);
      args.push_back(buffers_[value]);
    }
    Launch& launched = launch(*fusion.body, std::move(args));
    launched.fusion = fusion.index;
    const Node& last = *fusion.body->results[0].value.node;
    if (last.op == Op::all_reduce) launched.reduced_by = last.as<AllReduceAttrs>().by;
  }

  Schedule schedule_of(const Function& region) const {
    if (schedules_.empty()) return {};
    const auto found = schedules_.find(schedule_key(region));
    return found == schedules_.end() ? Schedule() : found->second;
  }

  Launch& launch(const Function& region, std::vector<uint32_t> args) {
    Kernel kernel = lower_region(region, cat(function_.name, ".", program_.launches.size()), target_, false,
                                 Accuracy::full, schedule_of(region));
    kernel.work = work_of(region);
    // What the kernel needs beyond its parameters and results is workspace.
    for (const KernelBuffer& buffer : kernel.buffers)
      if (buffer.mode != Mode::tile && &buffer - kernel.buffers.data() >= static_cast<ptrdiff_t>(args.size()))
        args.push_back(workspace_buffer(Type(buffer.dtype, buffer.shape)));
    out_.kernels.push_back(std::move(kernel));
    return program_.launches.emplace_back(
        Launch{static_cast<uint32_t>(out_.kernels.size()) - 1, std::move(args)});
  }

  /// A kernel that stores a value, of which there is a buffer or which is a constant, in another buffer.
  void copy(Value value, uint32_t to, std::string_view why) {
    Builder builder;
    const Value source = storage_of(value);
    std::vector<uint32_t> args;
    if (source.node->op == Op::constant) {
      builder.result("to", builder.constant(source.node->as<ConstantAttrs>().splat, value.shape()));
    } else {
      builder.result("to", builder.param("from", value.type()));
      args.push_back(buffer_of(value));
    }
    args.push_back(to);
    launch(builder.finish(), std::move(args)).copied_because = why;
  }

  /// Updates that no fusion could store in place. Those that read variables are set aside first.
  void copy_updates() {
    std::vector<std::pair<const Update*, Value>> late;
    std::map<std::string, uint32_t> aside;
    for (const Update& update : function_.updates) {
      if (placed_updates_.contains(update.variable)) continue;
      const Value source = storage_of(update.value);
      if (source.node->op != Op::var) continue;
      const uint32_t id = workspace_buffer(update.value.type());
      copy(update.value, id, "a variable's old value, which becomes another's new one");
      aside[update.variable] = id;
    }
    for (const Update& update : function_.updates) {
      if (placed_updates_.contains(update.variable)) continue;
      const uint32_t to = variable_buffer(update.variable, update.value.type());
      if (!aside.contains(update.variable)) {
        copy(update.value, to, "the variable's old value was still read when the new one was computed");
        continue;
      }
      Builder builder;
      builder.result("to", builder.param("from", update.value.type()));
      launch(builder.finish(), {aside[update.variable], to}).copied_because =
          "a variable's old value, which becomes another's new one";
    }
  }

  KernelModule& out_;
  const Function& function_;
  const Target& target_;
  const Schedules& schedules_;
  Program program_;
  int64_t temporaries_ = 0;
  std::map<Value, uint32_t, decltype(&before)> buffers_{before};  // by storage_of
  std::map<std::string, uint32_t> variables_;
  std::set<size_t> placed_results_;
  std::set<std::string> placed_updates_;
};

}  // namespace

std::string schedule_key(const Function& region) { return print(region); }

KernelModule lower(const Module& module, const Target& target, const Schedules& schedules,
                   const std::optional<WorkspaceLimit>& limit) {
  KernelModule out;
  out.name = module.name;
  out.variables = module.variables;
  for (const Function& function : module.functions) ProgramWriter(out, function, target, schedules).run();
  if (limit)
    for (size_t i = 0; i < out.programs.size(); ++i)
      keep_within(*limit, out, out.programs[i], may_overwrite_in(module.functions[i]));
  return out;
}

}  // namespace keratin
