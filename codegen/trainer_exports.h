// What a trainer carries to write the model that it has trained, as a .keras file and as a shared object, without the compiler.
#pragma once

#include <string>

#include "codegen/artefact.h"
#include "codegen/native.h"

namespace keratin {

struct ExportOptions {
  std::string name;  ///< of the library's functions
  EmitOptions emit;
  PipelineOptions pipeline;
  Tuner tuner;
};

/// `trained`: the module that the trainer is made of; `merging` may have a function that makes of its variables what `keras` holds.
/// The library is what write_artefact() writes of `predict` alone, with weights that the trainer fills in.
ExportsSpec make_exports(const Module& trained, const Module& merging, FileTemplate keras,
                         std::string why_not_keras, std::vector<Target> levels, const ExportOptions& options);

}  // namespace keratin
