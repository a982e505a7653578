// Ranks that are threads of this process, for trainers: what libkeratin_mpi.so does between processes.
#pragma once

#include <barrier>
#include <cstring>
#include <memory>
#include <vector>

#include "runtime/mpi/bucket.h"
#include "runtime/mpi/group.h"
#include "runtime/trainer/ranks.h"

namespace keratin::testing {

class ThreadGroups {
 public:
  explicit ThreadGroups(size_t ranks) : barrier_(static_cast<std::ptrdiff_t>(ranks)), sent_(ranks) {
    for (size_t rank = 0; rank < ranks; ++rank) members_.push_back(std::make_unique<Member>(*this, rank));
  }

  /// The rank's, for the thread that is this rank.
  std::unique_ptr<trainer::Ranks> ranks(size_t rank) const {
    return std::make_unique<trainer::Ranks>(*members_[rank]);
  }

 private:
  struct Member : keratin_group {
    Member(ThreadGroups& all, size_t number)
        : keratin_group{}, all(all), bucket(std::make_unique<mpi::Bucket>(all.sent_.size())) {
      rank = static_cast<uint32_t>(number);
      count = static_cast<uint32_t>(all.sent_.size());
      ranks.start = [](krt_ranks* self, uint32_t reduction, uint32_t dtype, void* elements, int64_t count) {
        of(self).bucket->add(reduction, dtype, elements, static_cast<size_t>(count));
      };
      ranks.finish = [](krt_ranks* self, void* elements) { of(self).finish(elements); };
      broadcast = [](keratin_group* self, void* bytes, size_t size) {
        static_cast<Member*>(self)->take_from_first(bytes, size);
      };
      abort = [](keratin_group*, int) { std::abort(); };
      close = [](keratin_group*) {};
    }

    static Member& of(krt_ranks* self) { return *reinterpret_cast<Member*>(self); }

    /// Buckets are sent when something of them is waited for. Of a bucket that is cut, each rank joins the chunk of its number.
    void finish(void* elements) {
      if (bucket->has(elements)) {
        bucket->close();
        exchange([&](mpi::Bucket& other, size_t number) {
          const size_t chunk = bucket->chunk_bytes(), own = bucket->is_sent_whole() ? 0 : rank * chunk;
          std::memcpy(bucket->received() + number * chunk, other.packed() + own, chunk);
        });
        bucket->join(rank);
        if (!bucket->is_sent_whole())
          exchange([&](mpi::Bucket& other, size_t number) {
            const size_t chunk = bucket->chunk_bytes();
            if (number != rank)
              std::memcpy(bucket->packed() + number * chunk, other.packed() + number * chunk, chunk);
          });
        arrived.push_back(std::move(bucket));
        bucket = std::make_unique<mpi::Bucket>(all.sent_.size());
      }
      for (auto& each : arrived)
        if (each->has(elements)) each->take(elements);
      std::erase_if(arrived, [](const auto& each) { return each->is_empty(); });
    }

    template <typename Take>
    void exchange(Take take) {
      all.sent_[rank] = bucket.get();
      all.barrier_.arrive_and_wait();
      for (size_t number = 0; number < all.sent_.size(); ++number)
        take(*static_cast<mpi::Bucket*>(all.sent_[number]), number);
      all.barrier_.arrive_and_wait();
    }

    void take_from_first(void* bytes, size_t size) {
      all.sent_[rank] = bytes;
      all.barrier_.arrive_and_wait();
      if (rank > 0) std::memcpy(bytes, all.sent_[0], size);
      all.barrier_.arrive_and_wait();
    }

    ThreadGroups& all;
    std::unique_ptr<mpi::Bucket> bucket;                // to be sent next
    std::vector<std::unique_ptr<mpi::Bucket>> arrived;  // not all of which was taken
  };

  std::barrier<> barrier_;
  std::vector<void*> sent_;  // by rank: what the others may read between two meetings
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace keratin::testing
