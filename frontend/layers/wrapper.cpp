#include "frontend/layers/tables.h"
namespace keratin {
std::span<const LayerDef> wrapper_layers() { return {}; }
}  // namespace keratin
