#include "runtime/trainer/checkpoint.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/json.h"
#include "runtime/trainer/progress.h"
#include "runtime/trainer/safetensors.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr const char kState[] = "keratin_checkpoint_1", kStateChecksum[] = "keratin_checkpoint_crc32";
constexpr std::string_view kCallback = "callback:";  // no variable is called so

/// zlib's CRC-32 of bytes behind others, whose CRC is `before`.
uint32_t crc(std::string_view bytes, uint32_t before = 0) {
  return static_cast<uint32_t>(crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// Of the type, too: another one makes other numbers of the same bytes.
uint32_t checksum(const Array& array) {
  const std::string type = cat(to_text(array.dtype()), shape_text(array.shape()));
  return crc({reinterpret_cast<const char*>(array.data()), static_cast<size_t>(array.bytes())}, crc(type));
}

/// Variables and callbacks' arrays, by the names that they have in the file.
std::map<std::string, Array> arrays_of(const Snapshot& snapshot) {
  std::map<std::string, Array> arrays = snapshot.variables;
  for (const auto& [callback, state] : snapshot.callbacks)
    for (const auto& [name, array] : state.arrays) arrays.emplace(cat(kCallback, callback, ":", name), array);
  return arrays;
}

/// The reverse, for one of them.
void put_array(Snapshot& snapshot, const std::string& name, const Array& array) {
  if (!name.starts_with(kCallback)) {
    snapshot.variables.emplace(name, array);
    return;
  }
  const size_t begin = kCallback.size(), colon = name.find(':', begin);
  if (colon == std::string::npos) return;
  snapshot.callbacks[name.substr(begin, colon - begin)].arrays.emplace(name.substr(colon + 1), array);
}

std::string previous_of(const std::string& path) { return path + ".previous"; }
std::string lock_of(const std::string& path) { return path + ".lock"; }

bool exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

/// A file that no other process has locked; it vanishes with a process that ends well, and may stay after one that did not.
int locked_file(const std::string& path) {
  const std::string lock = lock_of(path);
  for (;;) {
    const int file = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) throw Error(ErrorKind::cannot_create, cat("cannot create: ", std::strerror(errno)), lock);
    char owner[300] = {};
    if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
      const bool is_taken = errno == EWOULDBLOCK;
      const std::string why = std::strerror(errno);
      const ssize_t n = ::pread(file, owner, sizeof owner - 1, 0);
      ::close(file);
      if (!is_taken) throw Error(ErrorKind::cannot_create, cat("cannot be locked: ", why), lock);
      throw Error(ErrorKind::usage,
                  cat("is in use by another training", n > 0 ? cat(", ", std::string(owner)) : std::string()),
                  path, "wait for its end, or give another --checkpoint");
    }
    // Whoever had it may have removed it in between.
    struct stat mine, there;
    if (::fstat(file, &mine) == 0 && ::stat(lock.c_str(), &there) == 0 && mine.st_ino == there.st_ino) {
      const std::string text = cat("process ", ::getpid(), " on ", host_name());
      if (::ftruncate(file, 0) != 0 || ::pwrite(file, text.data(), text.size(), 0) < 0) {
        // Who has it is said as far as it is known; a full disk is no reason not to read what is there.
      }
      return file;
    }
    ::close(file);
  }
}

/// The one before one of which `error` tells.
Snapshot read_instead(const std::string& previous, const Error& error) try {
  return read_checkpoint(previous);
} catch (const Error&) {
  throw Error(error.kind(), cat(error.message(), ", and so is ", previous), error.where(),
              "another --checkpoint begins anew");
}

}  // namespace

Snapshot read_checkpoint(const std::string& path) {
  Metadata metadata;
  const std::map<std::string, Array> arrays = read_safetensors(path, &metadata);
  const auto fail = [&](const std::string& problem) { throw Error(ErrorKind::data, problem, path); };
  if (metadata.count(kState) == 0 || metadata.count(kStateChecksum) == 0)
    fail("is no checkpoint: it has no state of training");
  const std::string& state = metadata.at(kState);
  if (metadata.at(kStateChecksum) != to_text(crc(state)))
    fail("is damaged: the checksum of its state is wrong");
  std::map<std::string, uint32_t> checksums;
  Snapshot snapshot = parse_snapshot(state, path, checksums);
  for (const auto& [name, expected] : checksums) {
    const auto found = arrays.find(name);
    if (found == arrays.end()) fail(cat("is damaged: it lacks the array ", quoted(name)));
    if (checksum(found->second) != expected)
      fail(cat("is damaged: the checksum of the array ", quoted(name), " is wrong"));
  }
  if (arrays.size() != checksums.size()) fail("is damaged: it has more arrays than its state names");
  for (const auto& [name, array] : arrays) put_array(snapshot, name, array);
  return snapshot;
}

Checkpoints::Checkpoints(const std::string& path, CheckpointInterval interval, bool writes)
    : path_(behind_links(path)),
      interval_(interval),
      lock_(writes ? locked_file(path_) : -1),
      last_(monotonic_seconds()) {}

Checkpoints::~Checkpoints() {
  if (lock_ < 0) return;
  ::unlink(lock_of(path_).c_str());
  ::close(lock_);
}

std::optional<Snapshot> Checkpoints::load(const std::function<void(const std::string&)>& warn) const {
  const std::string previous = previous_of(path_);
  if (!exists(path_) && !exists(previous)) return {};
  if (!exists(path_)) return read_checkpoint(previous);  // a save ended between two renames
  try {
    return read_checkpoint(path_);
  } catch (const Error& error) {
    if (!exists(previous)) throw;
    Snapshot snapshot = read_instead(previous, error);
    const std::string aside =
        path_ + ".damaged";  // else the next one would push it into the good one's place
    const bool writes = lock_ >= 0;
    if (writes && ::rename(path_.c_str(), aside.c_str()) != 0)
      throw Error(ErrorKind::io, cat("is damaged and cannot be renamed: ", std::strerror(errno)), path_);
    warn(cat(path_, ": ", error.message(), "; it is kept as ", aside, ", and training goes on from ",
             previous));
    return snapshot;
  }
}

void Checkpoints::save(const Snapshot& snapshot) {
  if (lock_ < 0) return;
  const std::map<std::string, Array> arrays = arrays_of(snapshot);
  std::map<std::string, uint32_t> checksums;
  for (const auto& [name, array] : arrays) checksums.emplace(name, checksum(array));
  const std::string state = format_snapshot(snapshot, checksums);
  StagedFile file(path_, path_ + ".tmp");
  write_safetensors(file, arrays, {{kState, state}, {kStateChecksum, to_text(crc(state))}});
  file.commit(previous_of(path_));
  steps_ = 0;
  last_ = monotonic_seconds();
}

void Checkpoints::remove() {
  ::unlink(path_.c_str());
  ::unlink(previous_of(path_).c_str());
}

bool Checkpoints::is_due() {
  ++steps_;
  return std::exchange(requested_, false) || (interval_.steps > 0 && steps_ >= interval_.steps) ||
         (interval_.seconds > 0 && monotonic_seconds() - last_ >= interval_.seconds);
}

}  // namespace keratin::trainer
