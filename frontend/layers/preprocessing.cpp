#include "frontend/layers/tables.h"
namespace keratin {
std::span<const LayerDef> preprocessing_layers() { return {}; }
}  // namespace keratin
