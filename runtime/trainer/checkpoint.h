// Checkpoints: all that training which is under way consists of, in one safetensors file.
//
// Variables are arrays by their names, what callbacks remember beside them; counters, the history and the settings of the run are JSON
// in the file's metadata, with a checksum of each array and one of the header. A checkpoint is written beside its place, made durable, and renamed; the one before
// it is kept, and is what is gone back to if the newest is damaged.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "runtime/trainer/array.h"
#include "runtime/trainer/callback.h"
#include "runtime/trainer/history.h"

namespace keratin::trainer {

struct Snapshot {
  /// What must be the same for training to go on to the same end, by the names of options: "batch-size".
  std::map<std::string, std::string> settings;
  /// Of the "training" and "validation" samples (data_checksum.h), which must be the same, too.
  std::map<std::string, uint32_t> data_checksums;
  int64_t epochs = INT64_MAX;   ///< that were wanted; older checkpoints do not tell
  int64_t epoch = 0, step = 0;  ///< the next one
  bool stopped = false;         ///< a callback has ended training
  Logs training_logs;  ///< if all steps of the epoch are done, but not its validation: what they gave
  History history;
  std::map<std::string, Array> variables;
  std::map<std::string, CallbackState> callbacks;

  /// Whether nothing was left to do.
  bool is_over() const { return epoch >= epochs || (stopped && step == 0); }
};

/// The file is complete and what was written, or Error(data) says what is wrong. Throws Error(no_input) if there is none.
Snapshot read_checkpoint(const std::string& path);

/// How often training is saved, beside at the end of each epoch.
struct CheckpointInterval {
  int64_t steps = 0;   ///< 0: not by steps
  double seconds = 0;  ///< 0: not by time
};

/// The checkpoint of a run and the one before it, `path` and `path`.previous. While this object lives, no other process has them.
class Checkpoints {
 public:
  /// Throws Error(usage) if another process has them, naming it, and Error(cannot_create) if none can be made there. `writes` false: they
  /// are those of another rank, and only loaded here.
  Checkpoints(const std::string& path, CheckpointInterval interval, bool writes = true);
  Checkpoints(const Checkpoints&) = delete;
  ~Checkpoints();

  const std::string& path() const { return path_; }  ///< behind symbolic links

  /// The newest that is whole; nothing if there is none yet. What is wrong with one that is passed over is told to `warn`.
  /// Throws Error(data) if there are only damaged ones.
  std::optional<Snapshot> load(const std::function<void(const std::string&)>& warn) const;
  /// Throws Error(io) or Error(cannot_create); what was there is there still.
  void save(const Snapshot& snapshot);
  /// Removes both.
  void remove();
  /// Whether one should be saved now, after a step.
  bool is_due();
  /// Has is_due() say yes once, whatever the interval.
  void request() { requested_ = true; }

 private:
  std::string path_;
  CheckpointInterval interval_;
  int lock_ = -1;      // -1: of another rank
  int64_t steps_ = 0;  // since the last one
  double last_ = 0;    // when it was saved
  bool requested_ = false;
};

}  // namespace keratin::trainer
