// The group of an MPI job.
//
// What a step begins to reduce is packed into buckets (bucket.h), each of which is sent when it is full, or when somebody waits for
// something in it: at the same places on all ranks. Buckets are on their way side by side, while the step computes; the messages of
// both phases have communicators of their own, so that all ranks begin them in the same order. MPI moves messages only while it is
// called: a thread does that every now and then as long as nobody waits, and otherwise the one that waits does.
#include <mpi.h>
#include <sched.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/mpi/bucket.h"
#include "runtime/mpi/group.h"

namespace keratin::mpi {
namespace {

constexpr size_t kBucketBytes = 2 << 20;
constexpr std::chrono::microseconds kBetweenCalls(50), kPatience(200);

int size_of(size_t bytes) {
  return static_cast<int>(bytes / 64);
}  // in units of 64 bytes: messages may be large

class MpiGroup : public keratin_group {
 public:
  MpiGroup() : keratin_group{} {
    int rank_of_world = 0, size = 1;
    MPI_Comm_dup(MPI_COMM_WORLD, &outward_);
    MPI_Comm_dup(MPI_COMM_WORLD, &homeward_);
    MPI_Comm_rank(outward_, &rank_of_world);
    MPI_Comm_size(outward_, &size);
    MPI_Type_contiguous(64, MPI_BYTE, &line_);
    MPI_Type_commit(&line_);
    ranks.start = [](krt_ranks* self, uint32_t reduction, uint32_t dtype, void* elements, int64_t count) {
      of(self).start(reduction, dtype, elements, static_cast<size_t>(count));
    };
    ranks.finish = [](krt_ranks* self, void* elements) { of(self).finish(elements); };
    rank = static_cast<uint32_t>(rank_of_world);
    count = static_cast<uint32_t>(size);
    broadcast = [](keratin_group* self, void* bytes, size_t size_of_all) {
      static_cast<MpiGroup*>(self)->send_to_all(static_cast<std::byte*>(bytes), size_of_all);
    };
    abort = [](keratin_group*, int status) { MPI_Abort(MPI_COMM_WORLD, status); };
    close = [](keratin_group* self) { delete static_cast<MpiGroup*>(self); };
    mover_ = std::thread([this] { move_now_and_then(); });
  }

  ~MpiGroup() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    mover_.join();
    MPI_Type_free(&line_);
    MPI_Comm_free(&homeward_);
    MPI_Comm_free(&outward_);
    MPI_Finalize();
  }

 private:
  struct Underway {
    Bucket bucket;
    enum { outward, joined, homeward, done } state = outward;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  static MpiGroup& of(krt_ranks* self) { return *reinterpret_cast<MpiGroup*>(self); }

  void start(uint32_t reduction, uint32_t dtype, void* elements, size_t number) {
    const std::lock_guard lock(mutex_);
    if (!open_) open_ = std::make_unique<Underway>(Underway{Bucket(count)});
    open_->bucket.add(reduction, dtype, elements, number);
    if (open_->bucket.bytes() >= kBucketBytes) send();
  }

  void finish(void* elements) {
    std::unique_lock lock(mutex_);
    if (open_ && open_->bucket.has(elements)) send();
    for (auto& each : underway_) {
      if (!each->bucket.has(elements)) continue;
      wait_for(*each);
      each->bucket.take(elements);
      break;
    }
    while (!underway_.empty() && underway_.front()->bucket.is_empty()) underway_.pop_front();
  }

  /// Whoever waits moves messages all the time, and lets other processes run only if it takes long: they may not give the processor
  /// back so soon.
  void wait_for(const Underway& bucket) {
    using Clock = std::chrono::steady_clock;
    for (auto begin = Clock::now(); bucket.state != Underway::done; move()) {
      if (Clock::now() - begin < kPatience) continue;
      sched_yield();
      begin = Clock::now();
    }
  }

  /// Begins the way of the open bucket.
  void send() {
    Underway& sent = *underway_.emplace_back(std::move(open_));
    Bucket& bucket = sent.bucket;
    bucket.close();
    const int chunk = size_of(bucket.chunk_bytes());
    if (bucket.is_sent_whole())
      MPI_Iallgather(bucket.packed(), chunk, line_, bucket.received(), chunk, line_, outward_, &sent.request);
    else
      MPI_Ialltoall(bucket.packed(), chunk, line_, bucket.received(), chunk, line_, outward_, &sent.request);
    move();
    changed_.notify_one();
  }

  /// Moves what is under way. Buckets turn homeward in their order.
  void move() {
    bool may_turn = true;
    for (auto& each : underway_) {
      if (each->state == Underway::outward && has_arrived(*each)) {
        each->bucket.join(rank);
        each->state = each->bucket.is_sent_whole() ? Underway::done : Underway::joined;
      }
      if (each->state == Underway::joined && may_turn) turn(*each);
      if (each->state == Underway::homeward && has_arrived(*each)) each->state = Underway::done;
      may_turn &= each->state == Underway::homeward || each->state == Underway::done;
    }
  }

  void turn(Underway& each) {
    Bucket& bucket = each.bucket;
    const int chunk = size_of(bucket.chunk_bytes());
    MPI_Iallgather(MPI_IN_PLACE, 0, line_, bucket.packed(), chunk, line_, homeward_, &each.request);
    each.state = Underway::homeward;
  }

  static bool has_arrived(Underway& each) {
    int arrived = 0;
    MPI_Test(&each.request, &arrived, MPI_STATUS_IGNORE);
    return arrived != 0;
  }

  bool is_moving() const {
    for (const auto& each : underway_)
      if (each->state != Underway::done) return true;
    return false;
  }

  void move_now_and_then() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ends_ || is_moving(); });
      if (ends_) return;
      move();
      lock.unlock();
      std::this_thread::sleep_for(kBetweenCalls);
      lock.lock();
    }
  }

  void send_to_all(std::byte* bytes, size_t size) {
    constexpr size_t kMost = 1 << 30;
    const std::lock_guard lock(mutex_);
    for (size_t sent = 0; sent < size; sent += kMost)
      MPI_Bcast(bytes + sent, static_cast<int>(std::min(kMost, size - sent)), MPI_BYTE, 0, outward_);
  }

  MPI_Comm outward_ = MPI_COMM_NULL, homeward_ = MPI_COMM_NULL;
  MPI_Datatype line_ = MPI_DATATYPE_NULL;
  std::mutex mutex_;  // of all that follows, and of MPI
  std::condition_variable changed_;
  std::unique_ptr<Underway> open_;
  std::deque<std::unique_ptr<Underway>> underway_;
  bool ends_ = false;
  std::thread mover_;
};

keratin_group* open_group(uint32_t version, const char** error) {
  if (version != KERATIN_GROUP_VERSION) return *error = "it is of another version of Keratin", nullptr;
  int given = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &given) != MPI_SUCCESS)
    return *error = "MPI_Init_thread failed", nullptr;
  if (given < MPI_THREAD_SERIALIZED)
    return *error = "this MPI cannot be called by several threads (MPI_THREAD_SERIALIZED)", nullptr;
  return new MpiGroup;
}

}  // namespace
}  // namespace keratin::mpi

extern "C" __attribute__((visibility("default"))) keratin_group* keratin_group_open(uint32_t version,
                                                                                    const char** error) {
  return keratin::mpi::open_group(version, error);
}
