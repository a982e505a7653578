// `--cpu` and `--target`, as all subcommands take them.
#pragma once

#include <vector>

#include "codegen/target.h"
#include "tools/command.h"

namespace keratin {

/// What `--cpu` and `--target` say; this machine without them. Throws Error(usage).
Target target_of(const Arguments& arguments);
/// The same where `--cpu` may name several levels: make_levels().
std::vector<Target> levels_of(const Arguments& arguments);

}  // namespace keratin
