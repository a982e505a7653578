// A pass: modules in, modules out.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "ir/graph.h"
#include "passes/decisions.h"

namespace keratin {

struct Pass {
  using Silent = Module (*)(const Module&);
  using Telling = Module (*)(const Module&, Decisions*);  ///< what it decides; null: nobody asks

  constexpr Pass(std::string_view name, std::string_view doc, Silent run) : name(name), doc(doc), run(run) {}
  constexpr Pass(std::string_view name, std::string_view doc, Telling run) : name(name), doc(doc), run(run) {}

  std::string_view name;
  std::string_view doc;  ///< one line for `keratin opt --list`
  std::variant<Silent, Telling> run;
};

/// All passes, in the order in which the pipeline runs them.
std::span<const Pass> all_passes();
/// Throws Error(usage) that lists the names.
const Pass& find_pass(std::string_view name);

/// Runs a pass and verifies what it leaves; aborts, naming the pass, if that is ill-formed.
Module run_pass(const Pass& pass, const Module& module, Decisions* decisions = nullptr);

/// The same module with every function rebuilt by `rebuild`; variables are kept.
Module map_functions(const Module& module, const std::function<Function(const Function&)>& rebuild);

// The passes; each is described at the head of its file.
Module wide_sums(const Module& module);
Module partition(const Module& module);
/// Layers in which ranks go by their own samples, as nodes name them in their origin.
using OwnLayers = std::set<std::string, std::less<>>;
Module partition(const Module& module, const OwnLayers& own_layers);
Module simplify(const Module& module);
Module free_windows(const Module& module);
Module channels_last(const Module& module, Decisions* decisions = nullptr);
Module weights_to_matrices(const Module& module);
Module hoist_from_scans(const Module& module, Decisions* decisions = nullptr);
Module sink_from_scans(const Module& module, Decisions* decisions = nullptr);
Module look_up_products(const Module& module);
Module winograd(const Module& module, Decisions* decisions = nullptr);
Module fast_conv(const Module& module, Decisions* decisions = nullptr);
Module round_operands(const Module& module);
Module pack_weights(const Module& module, Decisions* decisions = nullptr);
Module constants_to_variables(const Module& module);
Module prepare(const Module& module);
Module fuse(const Module& module, Decisions* decisions = nullptr);
Module round_storage(const Module& module);
Module join_stages(const Module& module, Decisions* decisions = nullptr);

}  // namespace keratin
