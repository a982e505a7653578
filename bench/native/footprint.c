/* What a compiled model costs a process that has just begun: footprint FILE.so. Prints, a name and a number per line,
 *
 *     first_ms    from before dlopen to the end of the first call, with the memory for arrays and workspace
 *     warm_ms     the least of the calls that follow
 *     peak_kb     the most memory that the process has held by then (VmHWM)
 *     planned_kb  of which workspace, inputs and outputs
 *     read_ms     reading the file's bytes once, as they lie in memory: no call that uses the weights takes less
 *
 * for the model's batch, or one sample. The file is in the page cache if it was read before. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "runtime/abi.h"

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static size_t allocated;

static void* allocate(size_t bytes) {
  allocated += bytes;
  void* memory = aligned_alloc(64, (bytes / 64 + 1) * 64);
  if (!memory) exit(1);
  return memory;
}

/* Arrays for n samples of four-byte elements, all zeros. */
static void make_arrays(const struct keratin_array* arrays, uint32_t count, size_t n, void** made) {
  for (uint32_t i = 0; i < count; ++i) {
    size_t bytes = 4;
    for (uint32_t axis = 0; axis < arrays[i].rank; ++axis)
      bytes *= (size_t)arrays[i].shape[axis].size * (arrays[i].shape[axis].symbol < 0 ? 1 : n);
    made[i] = memset(allocate(bytes), 0, bytes);
  }
}

static long peak_kilobytes(void) {
  char line[256];
  long peak = -1;
  FILE* status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &peak);
  return peak;
}

/* The second of two times: the first brings the pages. */
static double reading_time(const char* path) {
  struct stat file;
  const int descriptor = open(path, O_RDONLY);
  if (descriptor < 0 || fstat(descriptor, &file) != 0) exit(1);
  const size_t words = (size_t)file.st_size / sizeof(uint64_t);
  const uint64_t* bytes =
      mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
  if (bytes == MAP_FAILED) exit(1);
  double began = 0;
  for (int pass = 0; pass < 2; ++pass) {
    began = milliseconds();
    uint64_t sums[4] = {0};
    for (size_t i = 0; i + 4 <= words; i += 4)
      for (size_t k = 0; k < 4; ++k) sums[k] += bytes[i + k];
    volatile uint64_t kept = sums[0] + sums[1] + sums[2] + sums[3];
    (void)kept;
  }
  return milliseconds() - began;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const double began = milliseconds();
  void* library = dlopen(argv[1], RTLD_NOW);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  const struct keratin_info* (*describe)(void) =
      (const struct keratin_info* (*)(void))dlsym(library, "keratin_info");
  const struct keratin_info* info = describe();
  const size_t n = info->batch > 0 ? info->batch : 1;
  void *inputs[16], *outputs[16];
  if (info->input_count > 16 || info->output_count > 16) return fputs("more than 16 arrays\n", stderr), 1;
  make_arrays(info->inputs, info->input_count, n, inputs);
  make_arrays(info->outputs, info->output_count, n, outputs);
  void* state = info->state_bytes > 0 ? allocate(info->state_bytes) : NULL;
  if (state) info->state_init(state);
  void* workspace = allocate(info->workspace_size(n, NULL, 1));
  const void* const* from = (const void* const*)inputs;
  const int status = info->call(from, outputs, state, n, NULL, workspace, NULL);
  const double first = milliseconds() - began;
  if (status != 0) return fprintf(stderr, "%s\n", info->explain(status)), 1;

  double warm = first;
  for (int i = 0; i < 20; ++i) {
    const double start = milliseconds();
    info->call(from, outputs, state, n, NULL, workspace, NULL);
    const double took = milliseconds() - start;
    if (took < warm) warm = took;
  }
  const long peak = peak_kilobytes();
  printf("first_ms %.4f\nwarm_ms %.4f\npeak_kb %ld\nplanned_kb %zu\nread_ms %.4f\n", first, warm, peak,
         allocated / 1024, reading_time(argv[1]));
  return 0;
}
