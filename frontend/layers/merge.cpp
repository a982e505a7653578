#include "frontend/layers/tables.h"
namespace keratin {
std::span<const LayerDef> merge_layers() { return {}; }
}  // namespace keratin
