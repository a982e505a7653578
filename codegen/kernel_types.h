// The typing rules of kernel IR, stated once: the makers abort on them, the parser reports them, the verifier repeats them.
#pragma once

#include <string>

#include "codegen/kernel.h"

namespace keratin {

/// What is wrong with the node (its arguments are taken to be right); empty if nothing is.
std::string type_problem(const Kernel& kernel, const Expr& expr);
/// The same for nodes that name nothing of a kernel: all but load, acc and let.
std::string type_problem(const Expr& expr);
/// The statement itself: neither its expressions nor its blocks.
std::string type_problem(const Kernel& kernel, const Stmt& stmt);

/// Names that variables and accumulators may have: a small letter or _, then letters, digits, _; no keyword.
bool is_kernel_name(std::string_view name);

}  // namespace keratin
