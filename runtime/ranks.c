/* What run functions call to reduce over ranks: the caller's krt_ranks, if there are any. */
#include "runtime/internal.h"

void krt_reduce_start(const struct krt_call* call, uint32_t reduction, uint32_t dtype, void* elements,
                      int64_t count) {
  if (call->ranks && count > 0) call->ranks->start(call->ranks, reduction, dtype, elements, count);
}

void krt_reduce_finish(const struct krt_call* call, void* elements) {
  if (call->ranks) call->ranks->finish(call->ranks, elements);
}
