/* A batch in slices (passes/slices.h): each runs the whole program on a few samples, on one thread, in memory of its own. */
#include <string.h>

#include "runtime/internal.h"

static uint64_t ceil_of(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }

/* Slices for each thread: the last ones to end do not keep the others waiting for long. */
#define SLICES_OF_THREAD 4

/* What stays in cache anyway is not cut, nor what would be a slice for each thread: they share more evenly what a kernel has to do. */
uint64_t krt_most_uncut(const struct krt_code* code, unsigned threads) {
  const uint64_t most = code->most_slice, twice = 2 * (uint64_t)code->least_slice;
  return (most > twice ? most : twice) * threads - threads;
}

uint64_t krt_slices_of(const struct krt_code* code, uint64_t batch, uint64_t n, unsigned threads) {
  const uint64_t least = code->least_slice, most = code->most_slice;
  if (least == 0 || n == 0) return 1;
  if (batch != 0) return batch / least;
  if (n <= krt_most_uncut(code, threads)) return 1;
  uint64_t samples = threads > 1 ? ceil_of(n, (uint64_t)threads * SLICES_OF_THREAD) : most;
  if (samples > most) samples = most;
  if (samples < least) samples = least;
  const uint64_t slices =
      ceil_of(ceil_of(n, samples), threads) * threads; /* as many for one thread as for another */
  return slices < n ? slices : n;
}

struct slices {
  const struct krt_call* call;
  krt_run* run;
  const struct krt_cut* cut;
};

/* A krt_kernel whose pieces are slices, and whose tile area is their workspace, with the tile area of their kernels behind. */
static void run_slices(void* const* args, const int64_t* symbols, unsigned char* memory, int64_t begin,
                       int64_t end) {
  (void)symbols;
  const struct slices* slices = args[0];
  const struct krt_cut* cut = slices->cut;
  for (; begin < end; ++begin) {
    const size_t first = krt_share_begin(cut->n, cut->slices, (size_t)begin);
    const size_t behind = krt_share_begin(cut->n, cut->slices, (size_t)begin + 1);
    const void* inputs[KRT_MOST_CUT];
    void* outputs[KRT_MOST_CUT];
    for (uint32_t i = 0; i < cut->input_count; ++i)
      inputs[i] = (const unsigned char*)slices->call->inputs[i] + first * cut->input_bytes[i];
    for (uint32_t i = 0; i < cut->output_count; ++i)
      outputs[i] = (unsigned char*)slices->call->outputs[i] + first * cut->output_bytes[i];
    int64_t symbols_of_slice[KRT_MOST_SYMBOLS];
    memcpy(symbols_of_slice, slices->call->symbols, cut->symbol_count * sizeof(int64_t));
    symbols_of_slice[0] = (int64_t)(behind - first);
    const struct krt_call call = {
        .inputs = inputs,
        .outputs = outputs,
        .symbols = symbols_of_slice,
        .weights = slices->call->weights,
        .state = slices->call->state,
        .workspace = memory,
        .tiles = memory + cut->planned,
        .tile_bytes = slices->call->tile_bytes,
        .threads = 1,
        .pool = NULL,
    };
    slices->run(&call);
  }
}

void krt_run_slices(const struct krt_call* call, krt_run* run, const struct krt_cut* cut) {
  struct slices slices = {call, run, cut};
  void* args[1] = {&slices};
  struct krt_call whole = *call;
  whole.tiles = call->workspace;
  whole.tile_bytes = (int64_t)cut->planned + call->tile_bytes;
  krt_launch(&whole, run_slices, args, (int64_t)cut->slices, 1);
}
