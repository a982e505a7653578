// Models and their inputs.
#include "frontend/graph_call.h"
#include "frontend/layers/tables.h"

namespace keratin {
namespace {

constexpr Arg kFunctionalArgs[] = {
    {"layers", ArgKind::any},
    {"input_layers", ArgKind::any},
    {"output_layers", ArgKind::any},
};

constexpr Arg kSequentialArgs[] = {
    {"layers", ArgKind::any},
    {"build_input_shape", ArgKind::any, "null"},
};

constexpr Arg kInputArgs[] = {
    {"batch_shape", ArgKind::any, "null"},
    {"sparse", ArgKind::fixed, "false"},
    {"ragged", ArgKind::fixed, "false"},
    {"optional", ArgKind::fixed, "false"},
};

Outputs input_layer(Call& call) { call.fail("is not among the inputs of its model", {}, ErrorKind::data); }

constexpr LayerDef kLayers[] = {
    {.class_name = "Functional",
     .args = kFunctionalArgs,
     .masks = Masks::own,
     .trace = trace_functional,
     .is_model = true,
     .casts_inputs = false,
     .casts_outputs = false},
    {.class_name = "Model",
     .args = kFunctionalArgs,
     .masks = Masks::own,
     .trace = trace_functional,
     .is_model = true,
     .casts_inputs = false,
     .casts_outputs = false},
    {.class_name = "Sequential",
     .args = kSequentialArgs,
     .masks = Masks::own,
     .trace = trace_sequential,
     .is_model = true,
     .casts_inputs = false,
     .casts_outputs = false},
    {.class_name = "InputLayer",
     .args = kInputArgs,
     .masks = Masks::own,
     .trace = input_layer,
     .takes_strings = true},
};

}  // namespace

std::span<const LayerDef> model_layers() { return kLayers; }

}  // namespace keratin
