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

/// Where code is made, not measured.
inline constexpr Option kTuneThreadsOption{"--tune-threads", "K",
                                           "how many threads compute when --tune measures (1)"};

/// What `--tune` asks for; nothing if it is not given. The tuner says on standard error what it did.
/// `decisions`: where it says what it found, if somebody asks.
/// Throws Error(usage) if another option for --tune is given alone; the tuner does for a target that this machine is not.
Tuner tuner_of(const Arguments& arguments, const TuneOptions& options, Decisions* decisions = nullptr);
/// The same where code is made: for --batch samples, or as many as Keras takes at a time, and --tune-threads.
Tuner tuner_of(const Arguments& arguments, Decisions* decisions = nullptr);

}  // namespace keratin
