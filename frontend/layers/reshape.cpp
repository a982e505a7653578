#include "frontend/layers/tables.h"
namespace keratin {
std::span<const LayerDef> reshape_layers() { return {}; }
}  // namespace keratin
