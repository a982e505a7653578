// How code is made: `--exact` and `--fast-conv`, and what they and `--precision` (tools/precision.h) say together.
#pragma once

#include "passes/pipeline.h"
#include "tools/command.h"

namespace keratin {

inline constexpr Option kExactOption{"--exact", "",
                                     "no Winograd convolutions, whose errors may be up to 4 times\n"
                                     "those of direct ones"};
inline constexpr Option kFastConvOption{"--fast-conv", "",
                                        "also larger Winograd convolutions, whose errors may be up to\n"
                                        "16 times those of direct ones"};

/// How the pipeline is to run. Throws Error(usage) if what the options say is no precision, or both others are given.
PipelineOptions pipeline_options(const Arguments& arguments);

}  // namespace keratin
