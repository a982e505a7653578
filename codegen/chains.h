// Chains of instructions, each of which waits for the one before, are written side by side.
#pragma once

namespace llvm {
class AAResults;
class Function;
}  // namespace llvm

namespace keratin {

/// Elementary functions are chains of some twenty instructions; kernels have one such chain behind the other, and no processor looks
/// ahead over more than a few of them. Instructions of blocks with long chains are put into the order in which they could be carried
/// out by a processor that has all of the block in view.
void interleave_chains(llvm::Function& function, llvm::AAResults& aliases);

}  // namespace keratin
