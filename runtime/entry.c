/* Behind the generated entry points: everything that can be wrong with a call is found here, before a kernel
 * runs.
 *
 * If no input has the dimension n, the batch is fixed, and is the first dimension of the first input. The workspace holds
 * the planned temporaries, then one tile area per thread.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/internal.h"
#include "runtime/strings.h"

size_t krt_element_bytes(uint32_t dtype) {
  switch (dtype) {
    case KRT_BOOL:
    case KRT_I8:
    case KRT_U8: return 1;
    case KRT_I16:
    case KRT_U16:
    case KRT_F16:
    case KRT_BF16: return 2;
    case KRT_I32:
    case KRT_U32:
    case KRT_F32: return 4;
    case KRT_I64:
    case KRT_U64:
    case KRT_F64: return 8;
  }
  return 0;
}

static int64_t floor_of(int64_t a, int64_t by) { return a / by - (a % by < 0); }

int krt_bind(const struct krt_program* program, uint64_t n, const uint64_t* lengths, int64_t* symbols) {
  if (n > INT64_MAX) return KRT_BAD_COUNT;
  if (program->length_count > 0 && !lengths) return KRT_NULL_ARGUMENT;
  *symbols++ = (int64_t)n;
  for (uint32_t i = 0; i < program->length_count; ++i) {
    if (lengths[i] == 0 || lengths[i] > INT64_MAX) return KRT_BAD_LENGTH;
    *symbols++ = (int64_t)lengths[i];
  }
  const int64_t* all = symbols - program->length_count - 1;
  for (uint32_t i = 0; i < program->quotient_count; ++i) {
    const struct krt_quotient* quotient = &program->quotients[i];
    int64_t value;
    if (__builtin_mul_overflow(quotient->times, all[quotient->of], &value) ||
        __builtin_add_overflow(value, quotient->plus, &value))
      return KRT_BAD_LENGTH;
    value = floor_of(value, quotient->over);
    if (quotient->most > 0 && value > quotient->most) value = quotient->most;
    if (value < 1 && n > 0) return KRT_BAD_LENGTH;
    *symbols++ = value;
  }
  return KRT_OK;
}

int krt_array_bytes(const struct krt_array* array, const int64_t* symbols, size_t* bytes) {
  uint64_t total = krt_element_bytes(array->dtype);
  for (uint32_t axis = 0; axis < array->rank; ++axis) {
    const struct krt_dim dim = array->shape[axis];
    if (__builtin_mul_overflow(total, (uint64_t)dim.coef, &total)) return KRT_BAD_COUNT;
    if (dim.symbol >= 0 && __builtin_mul_overflow(total, (uint64_t)symbols[dim.symbol], &total))
      return KRT_BAD_COUNT;
  }
  if (total > PTRDIFF_MAX) return KRT_BAD_COUNT;
  *bytes = (size_t)total;
  return KRT_OK;
}

uint64_t krt_fixed_batch(const struct krt_program* program) {
  for (uint32_t i = 0; i < program->input_count; ++i)
    for (uint32_t axis = 0; axis < program->inputs[i].rank; ++axis)
      if (program->inputs[i].shape[axis].symbol == 0) return 0;
  const struct krt_array* first = program->inputs;
  const int is_number = program->input_count > 0 && first->rank > 0 && first->shape[0].symbol < 0;
  return is_number ? (uint64_t)first->shape[0].coef : 1;
}

void* krt_allocate(size_t bytes) {
  if (bytes > PTRDIFF_MAX - KRT_APART) return NULL;
  /* aligned_alloc wants whole multiples, and one that is not zero. */
  const size_t whole = (bytes / KRT_APART + 1) * KRT_APART;
  void* memory = aligned_alloc(KRT_APART, whole);
  return memory ? memset(memory, 0, whole) : NULL;
}

static int accepts(const struct krt_program* program, uint64_t n) {
  const uint64_t batch = krt_fixed_batch(program);
  return n <= INT64_MAX && (n == 0 || batch == 0 || n == batch);
}

/* Bytes of the planned temporaries of n samples, rounded up to the alignment of what follows them. `symbols` of any number of samples:
 * where a batch is cut, the others do not depend on it. */
static int planned_bytes(const struct krt_code* code, uint64_t n, const int64_t* symbols, size_t* bytes) {
  int64_t total = KRT_ALIGNMENT - 1;
  for (uint32_t i = 0; i < code->workspace_terms; ++i) {
    int64_t term = code->workspace[i].coef;
    for (int p = 0; p < KRT_MOST_FACTORS && code->workspace[i].symbols[p] >= 0; ++p) {
      const int32_t symbol = code->workspace[i].symbols[p];
      if (__builtin_mul_overflow(term, symbol == 0 ? (int64_t)n : symbols[symbol], &term))
        return KRT_BAD_COUNT;
    }
    if (__builtin_add_overflow(total, term, &total)) return KRT_BAD_COUNT;
  }
  if (total < 0) return KRT_BAD_COUNT;
  *bytes = (size_t)total / KRT_ALIGNMENT * KRT_ALIGNMENT;
  return KRT_OK;
}

/* How a call computes its samples, and the memory that it takes. */
struct plan {
  int64_t symbols[KRT_MOST_SYMBOLS];
  uint64_t slices;
  size_t planned; /* bytes of temporaries of one */
  size_t total;   /* bytes of the workspace */
};

/* once + threads · (of_thread + a tile area) */
static int add_up(size_t once, size_t of_thread, const struct krt_code* code, unsigned threads,
                  size_t* total) {
  size_t all;
  if (__builtin_add_overflow(of_thread, (size_t)code->tile_bytes, &of_thread) ||
      __builtin_mul_overflow(of_thread, (size_t)threads, &all) || __builtin_add_overflow(once, all, total) ||
      *total > PTRDIFF_MAX)
    return KRT_BAD_COUNT;
  return KRT_OK;
}

/* A workspace also serves smaller calls and fewer threads, which may be cut in another way. */
static int plan_call(const struct krt_program* program, const struct krt_code* code, uint64_t n,
                     const uint64_t* lengths, unsigned threads, struct plan* plan) {
  if (threads == 0) threads = 1;
  if (!accepts(program, n)) return KRT_BAD_COUNT;
  const int status = krt_bind(program, n, lengths, plan->symbols);
  if (status != KRT_OK) return status;
  const int64_t* symbols = plan->symbols;
  const uint64_t batch = krt_fixed_batch(program);
  plan->slices = krt_slices_of(code, batch, n, threads);
  const uint64_t longest = krt_share_begin(n, plan->slices, 1);
  if (planned_bytes(code, longest, symbols, &plan->planned) != KRT_OK) return KRT_BAD_COUNT;
  if (code->least_slice == 0) return add_up(plan->planned, 0, code, threads, &plan->total);
  if (batch != 0) return add_up(0, plan->planned, code, threads, &plan->total);
  const uint64_t uncut = krt_most_uncut(code, threads);
  size_t whole, slice, cut;
  if (planned_bytes(code, n < uncut ? n : uncut, symbols, &whole) != KRT_OK ||
      planned_bytes(code, n < code->most_slice ? n : code->most_slice, symbols, &slice) != KRT_OK ||
      add_up(whole, 0, code, threads, &plan->total) != KRT_OK ||
      add_up(0, slice, code, threads, &cut) != KRT_OK)
    return KRT_BAD_COUNT;
  if (cut > plan->total) plan->total = cut;
  return KRT_OK;
}

/* The best level that this processor has; if it has none, the last: one that asks for little, and whose workspace is as
 * good an answer as any, because no call gets further. Looked for anew by each call: it is found at once where processors
 * are new. */
static const struct krt_level* level_of(const struct krt_model* model) {
  const struct krt_level *level = model->levels, *last = level + model->level_count - 1;
  while (level < last && !krt_cpu_has(level->cpu_features)) ++level;
  return level;
}

size_t krt_workspace_size(const struct krt_model* model, uint32_t program, uint64_t n,
                          const uint64_t* lengths, unsigned threads) {
  const struct krt_code* code = &level_of(model)->codes[program];
  struct plan plan;
  const int status = plan_call(&model->programs[program], code, n, lengths, threads, &plan);
  return status == KRT_OK ? plan.total : SIZE_MAX;
}

/* A stretch of the caller's memory. */
struct stretch {
  uintptr_t at;
  size_t bytes;
};

static int overlap(struct stretch a, struct stretch b) {
  if (a.bytes == 0 || b.bytes == 0) return 0;
  return a.at <= b.at ? b.at - a.at < a.bytes : a.at - b.at < b.bytes;
}

static int check_array(const struct krt_array* array, const void* memory, const int64_t* symbols,
                       struct stretch* stretch) {
  const int status = krt_array_bytes(array, symbols, &stretch->bytes);
  if (status != KRT_OK) return status;
  stretch->at = (uintptr_t)memory;
  if (stretch->bytes > 0 && !memory) return KRT_NULL_ARGUMENT;
  return stretch->at % krt_element_bytes(array->dtype) == 0 ? KRT_OK : KRT_MISALIGNED;
}

static int check_block(const void* memory, size_t bytes, struct stretch* stretch) {
  *stretch = (struct stretch){(uintptr_t)memory, bytes};
  if (bytes > 0 && !memory) return KRT_NULL_ARGUMENT;
  return bytes == 0 || stretch->at % KRT_ALIGNMENT == 0 ? KRT_OK : KRT_MISALIGNED;
}

/* Checks every array by itself, and that what is written (outputs, workspace, state) overlaps nothing else.
 */
static int check_memory(const struct krt_program* program, const void* const* inputs, void* const* outputs,
                        const int64_t* symbols, const struct stretch* blocks, int block_count) {
  struct stretch one, other;
  int status;
  for (uint32_t i = 0; i < program->input_count; ++i) {
    if ((status = check_array(&program->inputs[i], inputs[i], symbols, &one)) != KRT_OK) return status;
    for (int b = 0; b < block_count; ++b)
      if (overlap(one, blocks[b])) return KRT_ALIASED;
  }
  for (uint32_t o = 0; o < program->output_count; ++o) {
    if ((status = check_array(&program->outputs[o], outputs[o], symbols, &one)) != KRT_OK) return status;
    for (int b = 0; b < block_count; ++b)
      if (overlap(one, blocks[b])) return KRT_ALIASED;
    for (uint32_t i = 0; i < program->input_count; ++i)
      if (check_array(&program->inputs[i], inputs[i], symbols, &other) == KRT_OK && overlap(one, other))
        return KRT_ALIASED;
    for (uint32_t p = 0; p < o; ++p)
      if (check_array(&program->outputs[p], outputs[p], symbols, &other) == KRT_OK && overlap(one, other))
        return KRT_ALIASED;
  }
  return block_count == 2 && overlap(blocks[0], blocks[1]) ? KRT_ALIASED : KRT_OK;
}

static int pool_is_usable(const struct keratin_pool* pool) {
  return pool->size >= sizeof(struct keratin_pool) && pool->threads >= 1 && pool->parallel_for != NULL;
}

/* Requires: check_memory() has found the arrays' sizes to be all right. */
static void bytes_of_sample(const struct krt_array* arrays, uint32_t count, const int64_t* symbols,
                            size_t* bytes) {
  for (uint32_t i = 0; i < count; ++i) {
    (void)krt_array_bytes(&arrays[i], symbols, &bytes[i]);
    bytes[i] /= (size_t)symbols[0];
  }
}

static void run_slices(const struct krt_program* program, const struct krt_code* code,
                       const struct krt_call* call, uint64_t n, const struct plan* plan) {
  size_t input_bytes[KRT_MOST_CUT], output_bytes[KRT_MOST_CUT];
  bytes_of_sample(program->inputs, program->input_count, plan->symbols, input_bytes);
  bytes_of_sample(program->outputs, program->output_count, plan->symbols, output_bytes);
  const struct krt_cut cut = {
      .n = n,
      .slices = plan->slices,
      .planned = plan->planned,
      .input_bytes = input_bytes,
      .output_bytes = output_bytes,
      .input_count = program->input_count,
      .output_count = program->output_count,
      .symbol_count = 1 + program->length_count + program->quotient_count,
  };
  krt_run_slices(call, code->run, &cut);
}

int krt_invoke_rank(const struct krt_model* model, uint32_t program_index, const void* const* inputs,
                    void* const* outputs, uint64_t n, const uint64_t* lengths, void* state, void* workspace,
                    struct keratin_pool* pool, struct krt_ranks* ranks) {
  const struct krt_program* program = &model->programs[program_index];
  const struct krt_level* level = level_of(model);
  const struct krt_code* code = &level->codes[program_index];
  if (!krt_cpu_has(level->cpu_features)) return KRT_UNSUPPORTED_CPU;
  if (pool && !pool_is_usable(pool)) return KRT_BAD_POOL;
  const unsigned threads = pool ? pool->threads : 1;
  struct plan plan;
  int status = plan_call(program, code, n, lengths, threads, &plan);
  /* Without samples nothing is left to do, but for a rank: others wait for it. */
  if (status != KRT_OK || (n == 0 && !ranks)) return status;

  if ((program->input_count > 0 && !inputs) || (program->output_count > 0 && !outputs))
    return KRT_NULL_ARGUMENT;
  struct stretch blocks[2];
  if ((status = check_block(workspace, plan.total, &blocks[0])) != KRT_OK) return status;
  if (model->state_bytes > PTRDIFF_MAX) return KRT_BAD_COUNT;
  if ((status = check_block(state, (size_t)model->state_bytes, &blocks[1])) != KRT_OK) return status;
  if ((status = check_memory(program, inputs, outputs, plan.symbols, blocks, 2)) != KRT_OK) return status;

  const struct krt_call call = {
      .inputs = inputs,
      .outputs = outputs,
      .symbols = plan.symbols,
      .weights = model->weights,
      .state = state,
      .workspace = workspace,
      .tiles = plan.total > plan.planned ? (unsigned char*)workspace + plan.planned : NULL,
      .tile_bytes = code->tile_bytes,
      .threads = threads,
      .pool = pool,
      .ranks = ranks,
  };
  if (plan.slices == 1)
    code->run(&call);
  else
    run_slices(program, code, &call, n, &plan);
  return KRT_OK;
}

int krt_invoke(const struct krt_model* model, uint32_t program, const void* const* inputs,
               void* const* outputs, uint64_t n, const uint64_t* lengths, void* state, void* workspace,
               struct keratin_pool* pool) {
  return krt_invoke_rank(model, program, inputs, outputs, n, lengths, state, workspace, pool, NULL);
}

int krt_invoke_alloc(const struct krt_model* model, uint32_t program, const void* const* inputs,
                     void* const* outputs, uint64_t n, const uint64_t* lengths, void* state) {
  struct plan plan;
  int status = plan_call(&model->programs[program], &level_of(model)->codes[program], n, lengths, 1, &plan);
  if (status != KRT_OK) return status;
  void* workspace = n > 0 && plan.total > 0 ? krt_allocate(plan.total) : NULL;
  if (n > 0 && plan.total > 0 && !workspace) return KRT_NO_MEMORY;
  status = krt_invoke(model, program, inputs, outputs, n, lengths, state, workspace, NULL);
  free(workspace);
  return status;
}

const struct krt_strings* krt_strings_of(const struct krt_model* model, uint32_t program, uint32_t input) {
  const struct krt_program* of = &model->programs[program];
  if (!of->strings || input >= of->input_count || of->strings[input] == KRT_NOWHERE) return NULL;
  return (const struct krt_strings*)(const void*)(model->weights + of->strings[input]);
}

int krt_encode(const struct krt_model* model, uint32_t program, uint32_t input, const char* const* strings,
               const size_t* sizes, uint64_t count, uint64_t length, int64_t* values) {
  const struct krt_strings* table = krt_strings_of(model, program, input);
  if (!table) return KRT_NO_STRINGS;
  if (count > PTRDIFF_MAX / sizeof *values || (length > 0 && count > PTRDIFF_MAX / sizeof *values / length))
    return KRT_BAD_COUNT;
  if ((uintptr_t)values % sizeof *values != 0) return KRT_MISALIGNED;
  return krt_strings_encode(table, strings, sizes, (size_t)count, (size_t)length, values);
}

size_t krt_encoded_length(const struct krt_model* model, uint32_t program, uint32_t input,
                          const char* const* strings, const size_t* sizes, uint64_t count) {
  const struct krt_strings* table = krt_strings_of(model, program, input);
  return table ? krt_strings_length(table, strings, sizes, (size_t)count) : 0;
}

int krt_state_init(const struct krt_model* model, void* state) {
  struct stretch stretch;
  const int status = check_block(state, (size_t)model->state_bytes, &stretch);
  if (status != KRT_OK || model->state_bytes == 0) return status;
  if (model->state_initial)
    memcpy(state, model->state_initial, (size_t)model->state_bytes);
  else
    memset(state, 0, (size_t)model->state_bytes);
  return KRT_OK;
}

const char* krt_strerror(int status) {
  switch (status) {
    case KRT_OK: return "success";
    case KRT_NULL_ARGUMENT: return "a pointer that is needed is NULL";
    case KRT_MISALIGNED:
      return "the workspace or the state is not aligned to 64 bytes, or an array is not aligned to its "
             "elements";
    case KRT_ALIASED: return "an output, the workspace or the state overlaps other memory of the same call";
    case KRT_BAD_COUNT:
      return "the number of samples does not fit the model, which has a fixed batch, or the sizes are too "
             "large";
    case KRT_UNSUPPORTED_CPU: return "this processor lacks instructions that the model was compiled for";
    case KRT_BAD_POOL: return "the thread pool comes from an incompatible version or is not filled in";
    case KRT_SELFTEST_FAILED: return "the model's outputs differ from those recorded when it was compiled";
    case KRT_NO_MEMORY: return "there is not enough memory";
    case KRT_NO_STRINGS: return "the input takes no strings";
    case KRT_UNKNOWN_STRING:
      return "a string is not in the vocabulary, and the model has no index for unknown ones";
    case KRT_BAD_LENGTH: return "a free length is 0, too short for the model's windows, or too large";
  }
  return "unknown status";
}
