/* What the runtime's files share. */
#ifndef KERATIN_RUNTIME_INTERNAL_H
#define KERATIN_RUNTIME_INTERNAL_H

#include "runtime/abi.h"

/* Every KRT_CPU_* that this processor and its operating system offer. */
uint32_t krt_cpu_features(void);

/* Bytes of one element; 0 for what is no krt_dtype. */
size_t krt_element_bytes(uint32_t dtype);
/* The values of a program's symbols, KRT_MOST_SYMBOLS at most; 0 on success, else KRT_BAD_LENGTH, KRT_BAD_COUNT or, without lengths
 * that it needs, KRT_NULL_ARGUMENT. */
int krt_bind(const struct krt_program* program, uint64_t n, const uint64_t* lengths, int64_t* symbols);
/* Bytes of an array; 0 on success, else KRT_BAD_COUNT. */
int krt_array_bytes(const struct krt_array* array, const int64_t* symbols, size_t* bytes);
/* The only n that the program accepts, or 0 if it accepts any. */
uint64_t krt_fixed_batch(const struct krt_program* program);

/* The most samples of a call that is not cut, of code that makes slices of any number of samples. */
uint64_t krt_most_uncut(const struct krt_code* code, unsigned threads);

/* Bytes between what different threads write: processors fetch the lines of a cache in pairs. */
#define KRT_APART 128

/* Lets the processor rest while it waits for another one. */
static inline void krt_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* parallel_for on the call's pool, in the caller's floating-point mode. */
void krt_share_out(const struct krt_call* call, size_t n, void (*fn)(void* arg, size_t i), void* arg);

/* krt_launch of several rounds on the call's pool: rounds.c. */
void krt_run_rounds(const struct krt_call* call, krt_kernel* kernel, void* const* args, int64_t pieces,
                    int64_t rounds);

/* Where the share of number `share` begins, of so many that are as long as each other, or one longer. */
static inline size_t krt_share_begin(size_t items, size_t shares, size_t share) {
  const size_t longer = items % shares;
  return share * (items / shares) + (share < longer ? share : longer);
}

/* Memory aligned to KRT_APART, which is more than KRT_ALIGNMENT, for free(); NULL if there is none. */
void* krt_allocate(size_t bytes);

#endif
