#include "passes/pass.h"

#include "ir/differentiate.h"
#include "ir/error.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace keratin {

std::span<const Pass> all_passes() {
  static constexpr Pass kPasses[] = {
      {"differentiate", "requests for gradients become the nodes that compute them", differentiate},
      {"wide_sums", "sums scattered into elements of 16 bits are made in f32", wide_sums},
      {"partition",
       "steps of one rank of many, which see samples of their own: for trainers with --distributed",
       partition},
      {"simplify", "algebra that needs context: batch normalisation folded into weights, broadcasts joined",
       simplify},
      {"free_windows", "convolutions along axes of unknown length become products of rows", free_windows},
      {"channels_last", "convolutions with channels first get them last, and transposes at the borders",
       channels_last},
      {"matrices", "weights of products get one axis of sums and one of columns", weights_to_matrices},
      {"hoist", "contractions that do not depend on the carry leave their scan", hoist_from_scans},
      {"sink", "sums over the steps, and products that no step reads, leave their scan", sink_from_scans},
      {"lookups", "products of rows looked up in a small table become rows of a table of products",
       look_up_products},
      {"fast_conv", "3x3 convolutions become Winograd's, in tiles of 4x4: with --fast-conv", fast_conv},
      {"winograd", "3x3 convolutions become Winograd's, in tiles of 2x2: not with --exact", winograd},
      {"bf16", "operands of contractions are rounded to bf16, if that precision is asked for",
       round_operands},
      {"pack", "weights of contractions are laid out in panels", pack_weights},
      {"constants", "arrays of constants become variables", constants_to_variables},
      {"prepare", "what depends on weights alone moves into the function `prepare`", prepare},
      {"fuse", "functions are cut into kernels", fuse},
      {"bf16_storage", "what kernels leave for others is rounded to bf16, if that precision is asked for",
       round_storage},
      {"stages", "kernels that hand on large values become one, whose pieces go through all", join_stages},
  };
  return kPasses;
}

const Pass& find_pass(std::string_view name) {
  std::string known;
  for (const Pass& pass : all_passes()) {
    if (pass.name == name) return pass;
    known += cat(known.empty() ? "" : ", ", pass.name);
  }
  throw Error(ErrorKind::usage, cat("no pass is called '", name, "'"), {}, cat("passes are: ", known));
}

Module run_pass(const Pass& pass, const Module& module, Decisions* decisions) {
  const auto* silent = std::get_if<Pass::Silent>(&pass.run);
  Module out = silent ? (*silent)(module) : std::get<Pass::Telling>(pass.run)(module, decisions);
  verify(out);
  return out;
}

Module map_functions(const Module& module, const std::function<Function(const Function&)>& rebuild) {
  Module out;
  out.name = module.name;
  out.variables = module.variables;
  for (const Function& function : module.functions) out.functions.push_back(rebuild(function));
  return out;
}

}  // namespace keratin
