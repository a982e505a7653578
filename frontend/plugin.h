// What a plug-in includes: layers, losses, metrics, optimizers and what these are made with, of somebody's own, in a shared object.
//
// A row is what it is in Keratin's own tables (frontend/layers/, frontend/training/); its name is the one that the class is
// registered by in Python: "mine>Scale". The last lines of a plug-in say which tables it has:
//
//     KERATIN_PLUGIN(.layers = kLayers, .losses = kLosses)
//
// Nothing is linked with it: what it calls is in the program that loads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "frontend/activations.h"
#include "frontend/layer.h"
#include "frontend/training/constraints.h"
#include "frontend/training/initializers.h"
#include "frontend/training/loss_values.h"
#include "frontend/training/losses.h"
#include "frontend/training/metrics.h"
#include "frontend/training/regularizers.h"
#include "frontend/training/schedules.h"
#include "frontend/training/update_rules.h"

namespace keratin {

/// Rows, and all that they point to, live as long as the program.
struct PluginTables {
  std::span<const LayerDef> layers = {};
  std::span<const LossDef> losses = {};
  std::span<const MetricDef> metrics = {};
  std::span<const OptimizerDef> optimizers = {};
  std::span<const ScheduleDef> schedules = {};
  std::span<const ActivationDef> activations = {};
  std::span<const InitializerDef> initializers = {};
  std::span<const RegularizerDef> regularizers = {};
  std::span<const ConstraintDef> constraints = {};
};

/// Tells versions of what plug-ins see of Keratin apart: by a number, for changes of meaning, and by the sizes of what is handed to and fro.
/// A function that has changed is not found by its name.
constexpr uint64_t plugin_abi() {
  uint64_t abi = 1;
  for (const size_t size :
       {sizeof(PluginTables), sizeof(LayerDef),      sizeof(LossDef),        sizeof(MetricDef),
        sizeof(OptimizerDef), sizeof(ActivationDef), sizeof(InitializerDef), sizeof(InitializerCall),
        sizeof(Arg),          sizeof(Call),          sizeof(Layer),          sizeof(Tracer),
        sizeof(VariableSpec), sizeof(Traced),        sizeof(Expr),           sizeof(Builder),
        sizeof(Node),         sizeof(Type),          sizeof(Json),           sizeof(Args),
        sizeof(Error),        sizeof(LossCall),      sizeof(MetricCall),     sizeof(VariableUpdate),
        sizeof(Slot),         sizeof(std::string)})
    abi = abi * 1099511628211U + size;
  return abi;
}

}  // namespace keratin

/// Defines what the loader asks a plug-in for.
#define KERATIN_PLUGIN(...)                                                         \
  extern "C" __attribute__((visibility("default"))) uint64_t keratin_plugin_abi() { \
    return keratin::plugin_abi();                                                   \
  }                                                                                 \
  extern "C" __attribute__((visibility("default"))) void keratin_plugin_register(   \
      keratin::PluginTables& tables) {                                              \
    tables = {__VA_ARGS__};                                                         \
  }
