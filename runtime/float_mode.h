/* How a thread's floating-point unit rounds, and whether denormals count for it. */
#ifndef KERATIN_RUNTIME_FLOAT_MODE_H
#define KERATIN_RUNTIME_FLOAT_MODE_H

#include <stdint.h>

#if defined(__x86_64__)
#define KRT_DENORMALS_ARE_ZEROS 0x8040u /* in the mode: as operands and as results */
static inline uint64_t krt_float_mode(void) {
  const unsigned happened = 0x3f; /* exceptions, which are no mode */
  return __builtin_ia32_stmxcsr() & ~happened;
}
static inline void krt_set_float_mode(uint64_t mode) { __builtin_ia32_ldmxcsr((unsigned)mode); }
#elif defined(__aarch64__)
#define KRT_DENORMALS_ARE_ZEROS (1u << 24)
static inline uint64_t krt_float_mode(void) {
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
static inline void krt_set_float_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
#define KRT_DENORMALS_ARE_ZEROS 0u
static inline uint64_t krt_float_mode(void) { return 0; }
static inline void krt_set_float_mode(uint64_t mode) { (void)mode; }
#endif

#endif
