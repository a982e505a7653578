// `--cpu` and `--target`, as all subcommands take them.
#pragma once

#include "codegen/target.h"
#include "tools/command.h"

namespace keratin {

/// What `--cpu` and `--target` say; this machine without them. Throws Error(usage).
Target target_of(const Arguments& arguments);

}  // namespace keratin
