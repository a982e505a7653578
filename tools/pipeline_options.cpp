#include "tools/pipeline_options.h"

#include "ir/error.h"
#include "tools/precision.h"

namespace keratin {

PipelineOptions pipeline_options(const Arguments& arguments) {
  PipelineOptions options{.precision = precision_of(arguments), .slices = true};
  const bool exact = arguments.has("exact"), fast = arguments.has("fast-conv");
  if (exact && fast) throw Error(ErrorKind::usage, "--exact and --fast-conv exclude each other");
  if (exact) options.convolutions = Convolutions::exact;
  if (fast) options.convolutions = Convolutions::fast;
  options.distributed = arguments.has("distributed") || arguments.get("func").ends_with(".ranks");
  if (!arguments.has("free-batch")) options.batch = arguments.get_int("batch", 0, 1);
  return options;
}

}  // namespace keratin
