/* What libkeratin_mpi.so gives to a trainer: the processes that an MPI launcher has started, as one group of ranks.
 *
 * The trainer knows nothing of MPI, and finds the library when it runs (runtime/trainer/ranks.cpp); it takes the one whose version is its
 * own. All functions are called by one thread, by every rank in the same order.
 */
#ifndef KERATIN_RUNTIME_MPI_GROUP_H
#define KERATIN_RUNTIME_MPI_GROUP_H

#include "runtime/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KERATIN_GROUP_VERSION 1u
#define KERATIN_GROUP_OPEN "keratin_group_open"

struct keratin_group {
  struct krt_ranks
      ranks; /* what a step reduces with; sums are made in the order of the ranks, whatever arrives first */
  uint32_t rank, count;
  /* Gives all ranks the bytes that the first one has. */
  void (*broadcast)(struct keratin_group* group, void* bytes, size_t size);
  /* Ends the processes of all ranks, with this exit status. */
  void (*abort)(struct keratin_group* group, int status);
  /* Waits for the other ranks, and leaves them. */
  void (*close)(struct keratin_group* group);
};

/* Joins the group. NULL: `error` says why not. Called once in a process. */
typedef struct keratin_group* keratin_group_open_fn(uint32_t version, const char** error);

#ifdef __cplusplus
}
#endif
#endif
