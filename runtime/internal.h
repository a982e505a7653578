/* What the runtime's files share. */
#ifndef KERATIN_RUNTIME_INTERNAL_H
#define KERATIN_RUNTIME_INTERNAL_H

#include "runtime/abi.h"

/* Every KRT_CPU_* that this processor and its operating system offer. */
uint32_t krt_cpu_features(void);

/* Bytes of one element; 0 for what is no krt_dtype. */
size_t krt_element_bytes(uint32_t dtype);
/* Bytes of an array for n samples; 0 on success, else KRT_BAD_COUNT. */
int krt_array_bytes(const struct krt_array* array, uint64_t n, size_t* bytes);
/* The only n that the program accepts, or 0 if it accepts any. */
uint64_t krt_fixed_batch(const struct krt_program* program);

/* Lets the processor rest while it waits for another one. */
static inline void krt_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* krt_launch of several rounds on the call's pool: rounds.c. */
void krt_run_rounds(const struct krt_call* call, krt_kernel* kernel, void* const* args, int64_t pieces,
                    int64_t rounds);

/* Memory aligned to KRT_ALIGNMENT, for free(); NULL if there is none. */
void* krt_allocate(size_t bytes);

#endif
