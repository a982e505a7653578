/* Which x86-64 levels this processor fulfils: what CPUID offers and what the operating system saves (XGETBV).
 *
 * Linux gives a process the tiles of AMX when it asks for them (arch_prctl(2), Documentation/arch/x86/xstate.rst): only then,
 * so that a program which calls other models keeps its small signal frames.
 */
#define _GNU_SOURCE /* syscall */
#include <stdatomic.h>

#include "runtime/internal.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

static int all_set(unsigned value, unsigned bits) { return (value & bits) == bits; }

static uint64_t saved_registers(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static uint32_t read_features(void) {
  unsigned a, b, c1, d, b7 = 0, c7, d7 = 0, a71 = 0, c81 = 0;
  if (!__get_cpuid(1, &a, &b, &c1, &d)) return 0;
  if (__get_cpuid_count(7, 0, &a, &b7, &c7, &d7) && a >= 1) __get_cpuid_count(7, 1, &a71, &b, &c7, &d);
  __get_cpuid(0x80000001, &a, &b, &c81, &d);
  const uint64_t saved = all_set(c1, bit_OSXSAVE) ? saved_registers() : 0;

  const unsigned lahf = 1u << 0, lzcnt = 1u << 5, cx16 = 1u << 13, movbe = 1u << 22;
  uint32_t found = 0;
  if (all_set(c1, bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | cx16) && all_set(c81, lahf))
    found |= KRT_CPU_X86_64_V2;
  if ((found & KRT_CPU_X86_64_V2) && all_set(c1, bit_AVX | bit_F16C | bit_FMA | movbe) &&
      all_set(b7, bit_AVX2 | bit_BMI | bit_BMI2) && all_set(c81, lzcnt) && (saved & 0x6) == 0x6)
    found |= KRT_CPU_X86_64_V3;
  if ((found & KRT_CPU_X86_64_V3) && (saved & 0xe6) == 0xe6 &&
      all_set(b7, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL))
    found |= KRT_CPU_X86_64_V4;
  if ((found & KRT_CPU_X86_64_V4) && all_set(a71, 1u << 5)) found |= KRT_CPU_AVX512_BF16;
  if (all_set(d7, 1u << 22 | 1u << 24) && (saved & 0x60000) == 0x60000) found |= KRT_CPU_AMX_BF16;
  return found;
}

/* Whether the operating system lets this process use tiles. It may refuse: an alternate signal stack too small for them, a filter of
 * system calls. */
static int may_use_tiles(void) {
  const int request = 0x1023 /* ARCH_REQ_XCOMP_PERM */, tile_data = 18 /* XFEATURE_XTILE_DATA */;
  return syscall(SYS_arch_prctl, request, tile_data) == 0;
}
#else
static uint32_t read_features(void) { return 0; }
static int may_use_tiles(void) { return 0; }
#endif

uint32_t krt_cpu_features(void) {
  /* Read once, by whoever comes first; two at a time read the same. */
  static atomic_uint known;
  const unsigned is_known = 1u << 31;
  unsigned features = atomic_load_explicit(&known, memory_order_relaxed);
  if (!(features & is_known)) {
    features = read_features() | is_known;
    atomic_store_explicit(&known, features, memory_order_relaxed);
  }
  return features & ~is_known;
}

int krt_cpu_has(uint32_t features) {
  static atomic_int tiles; /* 0: not asked for yet; 1: granted; 2: refused */
  if ((krt_cpu_features() & features) != features) return 0;
  if (!(features & KRT_CPU_AMX_BF16)) return 1;
  int known = atomic_load_explicit(&tiles, memory_order_relaxed);
  if (!known) {
    known = may_use_tiles() ? 1 : 2;
    atomic_store_explicit(&tiles, known, memory_order_relaxed);
  }
  return known == 1;
}
