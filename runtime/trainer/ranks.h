// Training by many processes together, each on its part of every batch: the ranks of an MPI job.
//
// All ranks do the same, on data of their own; what a step computes of them is the same for all (passes/partition.cpp). Only the first
// prints and writes. MPI itself is in libkeratin_mpi.so, which is loaded when a launcher has started the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

struct krt_ranks;
struct keratin_group;

namespace keratin::trainer {

/// This process among the others. Every rank calls the functions in the same order.
class Ranks {
 public:
  /// Keeps `group`, and closes it in the end.
  explicit Ranks(keratin_group& group) : group_(group) {}
  Ranks(const Ranks&) = delete;
  ~Ranks();

  int64_t rank() const;
  int64_t count() const;
  /// Whether this one prints and writes.
  bool is_first() const { return rank() == 0; }
  /// Which of `samples` the rank takes: from the first number on, to before the second.
  std::pair<int64_t, int64_t> share(int64_t samples) const {
    return {samples * rank() / count(), samples * (rank() + 1) / count()};
  }

  /// What steps reduce with.
  krt_ranks* reducer() const;
  /// The greatest of what the ranks say.
  int64_t greatest(int64_t own);
  /// All get what the first one has.
  void broadcast(std::span<std::byte> bytes);
  /// Ends all of them: for errors that the others do not see.
  void abort(int status);

 private:
  keratin_group& group_;
};

/// How the process learns whether it is one of many: by --mpi, --no-mpi, or from what launchers leave in the environment.
enum class Launch { by_environment, asked, alone };

/// Null: the process is alone. Throws Error where it should not be, and the library or the others cannot be reached.
std::unique_ptr<Ranks> join_ranks(Launch launch);

/// How many threads a process should have beside the others that a launcher has started on the machine, which may have given all of them
/// the same cores; 0: it is alone there, and all of its cores are its own.
unsigned threads_of_rank();

}  // namespace keratin::trainer
