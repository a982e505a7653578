// `--tune`: schedules by measurement, remembered in a folder.
#pragma once

#include "codegen/native.h"
#include "codegen/tune.h"
#include "tools/command.h"

namespace keratin {

inline constexpr Option kTuneOption{
    "--tune", "",
    "measure on this machine how loops are best cut, and keep that for the\nnext time; results are the same to the bit"};
inline constexpr Option kTuneCacheOption{
    "--tune-cache", "FOLDER", "where that is kept; otherwise $XDG_CACHE_HOME/keratin or ~/.cache/keratin"};

/// What `--tune` asks for; nothing if it is not given. The tuner says on standard error what it did.
/// Throws Error(usage) if --tune-cache is given alone; the tuner does for a target that this machine is not.
Tuner tuner_of(const Arguments& arguments, TuneOptions options);

}  // namespace keratin
