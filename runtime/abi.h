/* What compiled kernels, the entry points and the runtime say to each other.
 *
 * A compiled model is one `struct krt_model` (constant data), and for each level of processors that it was compiled for
 * one run function per program and the kernels they launch; the compiler emits these. The runtime (C, libc only) checks a
 * caller's arguments against the description, takes the best level that the processor has, binds the symbols, and calls the
 * run function, which launches its kernels in order through krt_launch. Weights, state and descriptions are the same for all
 * levels. The same structures serve the JIT. codegen/emit_data.cpp writes them: a change here is a change there.
 */
#ifndef KERATIN_RUNTIME_ABI_H
#define KERATIN_RUNTIME_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KRT_ABI_VERSION 2u
#define KRT_ALIGNMENT 64 /* of the workspace, the state, the weights, and every buffer planned in them */

/* A pool of threads: ours (pool.c) or the host's own. The public struct of the generated headers: grows at its end only. */
struct keratin_pool {
  uint32_t size;    /* sizeof(struct keratin_pool) as the maker knows it */
  uint32_t threads; /* how many items are worth running at once, the calling thread included; at least 1 */
  /* Calls fn(arg, i) for every i < n, on any threads, in any order; returns when all have returned. */
  void (*parallel_for)(struct keratin_pool* pool, size_t n, void (*fn)(void* arg, size_t i), void* arg);
};

/* What an artefact says of itself, for programs that learn it at run time. Public: grows at its end only. */
struct keratin_dim {
  int64_t size;
  int32_t
      symbol; /* -1: `size` elements; else `size` times symbol 0, which is the number of samples, n, or a later one: the
                   * lengths, and behind them the quotients */
  int32_t reserved;
};
/* min(floor((times · symbol `of` + plus) / over), most): what is left of a free length, and at least 1. */
struct keratin_quotient {
  int64_t times, plus, over;
  uint32_t of;   /* an earlier symbol */
  uint32_t most; /* 0: any number */
};
struct keratin_array {
  const char* name;
  uint32_t dtype; /* enum krt_dtype */
  uint32_t rank;
  const struct keratin_dim* shape;
};
struct keratin_info {
  uint32_t size; /* sizeof(struct keratin_info) as the artefact knows it */
  uint32_t abi_version;
  const char* name;
  uint32_t input_count, output_count;
  const struct keratin_array *inputs, *outputs;
  uint64_t batch;       /* the only n that is accepted (beside 0); 0: any */
  uint64_t state_bytes; /* 0: the model keeps nothing from call to call */
  uint32_t
      length_count; /* extents beside n that are free, at least 1 each: `lengths` below holds one for each of these names */
  uint32_t quotient_count;
  const char* const* length_names;
  const struct keratin_quotient* quotients;
  int (*call)(const void* const* inputs, void* const* outputs, void* state, size_t n, const size_t* lengths,
              void* workspace, struct keratin_pool* pool);
  size_t (*workspace_size)(size_t n, const size_t* lengths, unsigned threads);
  int (*state_init)(void* state); /* NULL if state_bytes is 0 */
  int (*selftest)(void);
  const char* (*explain)(int status); /* PREFIX_strerror */
  struct keratin_pool* (*pool_create)(unsigned threads);
  void (*pool_destroy)(struct keratin_pool* pool);
  /* Of inputs that are made of strings, as PREFIX_encode_INPUT and PREFIX_length_INPUT: `input` is a place in `inputs`. For others,
   * KRT_NO_STRINGS and 0; both are NULL if there are only others. */
  int (*encode)(uint32_t input, const char* const* strings, const size_t* sizes, size_t count, size_t length,
                int64_t* values);
  size_t (*encoded_length)(uint32_t input, const char* const* strings, const size_t* sizes, size_t count);
};

/* How the ranks join what each of them has, element by element; of booleans, the greatest is whether any is true. */
enum krt_reduction { KRT_SUM, KRT_PROD, KRT_MAX, KRT_MIN };

/* Processes that run the same programs at the same time, each on samples of its own. Every rank calls these functions in the same
 * order, with as many elements of the same dtype. */
struct krt_ranks {
  /* Begins to reduce `count` elements, in place; nobody reads or writes them before finish() has returned. */
  void (*start)(struct krt_ranks* ranks, uint32_t reduction, uint32_t dtype, void* elements, int64_t count);
  /* Returns when the elements are those of all ranks. */
  void (*finish)(struct krt_ranks* ranks, void* elements);
};

/* One call of one program, as its run function and krt_launch see it. */
struct krt_call {
  const void* const* inputs; /* in the program's order */
  void* const* outputs;
  const int64_t* symbols; /* n, the lengths, the quotients */
  const unsigned char* weights;
  unsigned char* state;
  unsigned char* workspace; /* planned temporaries */
  unsigned char* tiles;     /* `threads` tile areas of `tile_bytes` each */
  int64_t tile_bytes;
  uint32_t threads;
  struct keratin_pool* pool; /* NULL: the calling thread only */
  struct krt_ranks* ranks;   /* NULL: there is one */
};

/* A kernel computes the pieces begin … end-1 of its grid. `args` are its buffers, `tile` is private scratch memory. Those
 * with rounds have all pieces of a round before those of the next. */
typedef void krt_kernel(void* const* args, const int64_t* symbols, unsigned char* tile, int64_t begin,
                        int64_t end);
typedef void krt_run(const struct krt_call* call);

/* Runs all pieces of a kernel, `pieces` in each of its `rounds`; pieces of a round are taken by whoever is idle, and none begins
 * before all of the round before are done. Called by run functions. */
void krt_launch(const struct krt_call* call, krt_kernel* kernel, void* const* args, int64_t pieces,
                int64_t rounds);

/* Begin, and finish, to reduce what a kernel has stored; nothing where there is one rank. Called by run functions. */
void krt_reduce_start(const struct krt_call* call, uint32_t reduction, uint32_t dtype, void* elements,
                      int64_t count);
void krt_reduce_finish(const struct krt_call* call, void* elements);

/* Reports and aborts. Called by kernels that check their accesses (--check-bounds). */
void krt_out_of_bounds(const char* kernel, const char* buffer);

enum krt_dtype {
  KRT_BOOL,
  KRT_I8,
  KRT_I16,
  KRT_I32,
  KRT_I64,
  KRT_U8,
  KRT_U16,
  KRT_U32,
  KRT_U64,
  KRT_F16,
  KRT_BF16,
  KRT_F32,
  KRT_F64
};

/* A dimension coef · symbols[symbol]; symbol -1: coef alone. Laid out as keratin_dim, and so are krt_array and krt_quotient. */
struct krt_dim {
  int64_t coef;
  int32_t symbol;
  int32_t reserved;
};
struct krt_quotient {
  int64_t times, plus, over;
  uint32_t of;
  uint32_t most;
};
/* coef · Π symbols[powers…]: one term of a size in bytes; unused powers are -1. Scores of all pairs of places of N videos have 7. */
#define KRT_MOST_FACTORS 8
struct krt_term {
  int64_t coef;
  int32_t symbols[KRT_MOST_FACTORS];
};

struct krt_array {
  const char* name;
  uint32_t dtype; /* enum krt_dtype */
  uint32_t rank;
  const struct krt_dim* shape;
};

/* A program as its callers see it. Its symbols are n, the lengths, the quotients, in this order, KRT_MOST_SYMBOLS at most. */
struct krt_program {
  const char* name;
  uint32_t input_count, output_count, length_count, quotient_count;
  const struct krt_array *inputs, *outputs;
  const char* const* length_names;
  const struct krt_quotient* quotients;
  const uint64_t*
      strings; /* by input: where among the weights is what turns strings into it; KRT_NOWHERE of others; NULL: of all */
};
#define KRT_NOWHERE UINT64_MAX
#define KRT_MOST_SYMBOLS 64
/* What computes a program on one level of processors, and the memory that it takes. */
struct krt_code {
  krt_run* run;
  const struct krt_term* workspace; /* bytes of the planned temporaries: the sum of the terms */
  uint32_t workspace_terms;
  uint32_t least_slice,
      most_slice; /* samples that are worth a slice of the batch, and that stay in cache; 0: it is not cut */
  uint32_t reserved;
  int64_t tile_bytes; /* per thread, a multiple of 64 */
};
struct krt_level {
  uint32_t cpu_features; /* KRT_CPU_* that the kernels need */
  uint32_t reserved;
  const struct krt_code* codes; /* by program */
};

struct krt_model {
  uint32_t abi_version;
  uint32_t program_count;
  const char* name;
  const struct krt_program* programs;
  const unsigned char* weights; /* NULL if there are none */
  uint64_t weight_bytes;
  uint64_t state_bytes;
  const unsigned char* state_initial; /* state_bytes, or NULL: zeros */
  uint32_t level_count, reserved;     /* at least one level */
  const struct krt_level*
      levels; /* what another one needs, and more, comes before it: the first that fits is used */
  /* selftest: for n = selftest_n, inputs and expected outputs of program 0, each array 64-byte aligned, one after the
   * other; NULL: none. Floats match if |got - want| <= atol + rtol·|want|. */
  const unsigned char *selftest_inputs, *selftest_outputs;
  const char* const*
      selftest_strings; /* those that the inputs which are made of strings are made of, one after the other */
  uint64_t selftest_n;
  const uint64_t* selftest_lengths;
  double selftest_atol, selftest_rtol;
};

/* Models that a trainer writes with what it has learned. A file is made of pieces, one after the other. */
enum krt_piece_source {
  KRT_PIECE_BYTES,              /* of krt_file::bytes, the next ones */
  KRT_PIECE_VARIABLE,           /* of the trainer: number `at` */
  KRT_PIECE_DERIVED,            /* from byte `at` on in the state that the program `derive` has made */
  KRT_PIECE_CHECKSUM,           /* the CRC-32 of the stretch that is summed */
  KRT_PIECE_SELFTEST_OUTPUTS,   /* each at a multiple of 64 */
  KRT_PIECE_SELFTEST_TOLERANCE, /* krt_model::selftest_atol and selftest_rtol */
  KRT_PIECE_FILE_NAME           /* without its folder, and zeros */
};
struct krt_piece {
  uint32_t source, reserved;
  uint64_t at, bytes;
};
struct krt_file {
  const unsigned char* bytes; /* NULL: it cannot be written; then `text` says why */
  const struct krt_piece* pieces;
  uint64_t piece_count;
  uint64_t summed_at, summed_bytes;
  uint64_t selftest_at; /* of the inputs of the self-test, each at a multiple of 64 */
  uint64_t selftest_n;
  const char* text; /* of a library: its header */
};
struct krt_exports {
  const struct krt_model* derivation; /* its only program takes variables of the trainer */
  const uint32_t* derivation_inputs;  /* their numbers */
  struct krt_file keras, library;
};

/* What a trainer executable holds beside the model: which programs do what, and where the variables are in the state. */
struct krt_variable {
  struct krt_array array; /* name, dtype, shape */
  uint64_t offset;        /* in the state */
  uint32_t role;          /* enum krt_role */
  uint32_t reserved;
};
enum krt_role {
  KRT_WEIGHT,
  KRT_STATE /* a slot, a counter, a seed */,
  KRT_METRIC /* what metrics accumulate */
};
struct krt_trainer {
  uint32_t abi_version;
  uint32_t variable_count, target_count, metric_count;
  const struct krt_model* model;
  const struct krt_variable* variables;
  const int64_t* classes;     /* per target: labels are below; 0: no labels */
  const char* const* metrics; /* names of the outputs of the program `metrics` */
  const int32_t* directions;  /* per metric: -1 the less the better, 1 the more, 0 not known */
  const uint32_t*
      learning_rates; /* per output of the program `learning_rates`: its variable, or KRT_NO_VARIABLE */
  uint32_t predict, train_step, evaluate_step, metric_program, reset_metrics,
      initialize; /* numbers of programs; KRT_NO_PROGRAM: the model was not compiled for training */
  uint32_t finish_training, swap_averages, learning_rate_program,
      check_numerics; /* KRT_NO_PROGRAM: there is none */
  uint32_t train_step_of_rank,
      evaluate_step_of_rank;         /* for one rank of many; KRT_NO_PROGRAM: it was not compiled for that */
  const struct krt_exports* exports; /* NULL: no files */
};
#define KRT_NO_PROGRAM UINT32_MAX
#define KRT_NO_VARIABLE UINT32_MAX

enum krt_cpu { /* what an x86-64 level asks for beyond the baseline; 0 elsewhere */
               KRT_CPU_X86_64_V2 = 1u << 0,
               KRT_CPU_X86_64_V3 = 1u << 1,
               KRT_CPU_X86_64_V4 = 1u << 2,
               KRT_CPU_AVX512_BF16 = 1u << 3,
               KRT_CPU_AMX_BF16 = 1u << 4
};

/* Statuses of all entry points. */
enum krt_status {
  KRT_OK = 0,
  KRT_NULL_ARGUMENT = 1, /* a pointer that is needed is NULL */
  KRT_MISALIGNED = 2,    /* workspace or state not 64-byte aligned, or an array not aligned to its element */
  KRT_ALIASED = 3,       /* an output overlaps an input, another output, the workspace or the state */
  KRT_BAD_COUNT = 4,     /* n does not fit the model (fixed batch) or sizes overflow */
  KRT_UNSUPPORTED_CPU = 5, /* this processor lacks instructions that every level of the model needs */
  KRT_BAD_POOL = 6,        /* the pool's struct is from an incompatible version */
  KRT_SELFTEST_FAILED = 7,
  KRT_NO_MEMORY = 8,       /* m_predict_alloc, m_selftest */
  KRT_BAD_LENGTH = 9,      /* a length is 0, or so short that nothing is left of it */
  KRT_UNKNOWN_STRING = 10, /* it is not in the vocabulary, and the model has no index for such */
  KRT_NO_STRINGS = 11      /* the input takes no strings */
};

/* A batch of n samples in slices; the arrays of a program that is cut begin with one entry for each sample. */
#define KRT_MOST_CUT 16 /* inputs, and outputs, of a program that is cut */
struct krt_cut {
  uint64_t n, slices; /* samples, and slices that they are cut into: as long as each other, or one longer */
  size_t planned;     /* bytes of a slice's workspace, a multiple of KRT_ALIGNMENT */
  const size_t *input_bytes, *output_bytes; /* of a sample, by array */
  uint32_t input_count, output_count;
  uint32_t symbol_count; /* those behind the first, n, are the same for all slices */
};
/* How many slices n samples are cut into; 1: they are not cut. `batch`: the only n that the program accepts, 0 if it accepts any. */
uint64_t krt_slices_of(const struct krt_code* code, uint64_t batch, uint64_t n, unsigned threads);
/* Runs the slices on the call's threads. `workspace` has room for planned + tile_bytes for each thread; `tiles` is not read. */
void krt_run_slices(const struct krt_call* call, krt_run* run, const struct krt_cut* cut);

/* Whether all of `features` (KRT_CPU_*) can be used. Asks the operating system for what it gives on request only. */
int krt_cpu_has(uint32_t features);

/* The implementations behind the generated entry points; `inputs` and `outputs` in the program's order, `lengths` too: NULL if it has
 * none. */
int krt_invoke(const struct krt_model* model, uint32_t program, const void* const* inputs,
               void* const* outputs, uint64_t n, const uint64_t* lengths, void* state, void* workspace,
               struct keratin_pool* pool);
/* The same of one rank of many, which may have no samples; `ranks` NULL: krt_invoke. */
int krt_invoke_rank(const struct krt_model* model, uint32_t program, const void* const* inputs,
                    void* const* outputs, uint64_t n, const uint64_t* lengths, void* state, void* workspace,
                    struct keratin_pool* pool, struct krt_ranks* ranks);
/* krt_invoke on the calling thread, with a workspace of its own for the time of the call; KRT_NO_MEMORY if there is none. */
int krt_invoke_alloc(const struct krt_model* model, uint32_t program, const void* const* inputs,
                     void* const* outputs, uint64_t n, const uint64_t* lengths, void* state);
/* Bytes of workspace for n samples and a pool of `threads` (0 and 1: none); SIZE_MAX if n or the lengths do not fit the model or the
 * size does not fit a size_t. */
size_t krt_workspace_size(const struct krt_model* model, uint32_t program, uint64_t n,
                          const uint64_t* lengths, unsigned threads);
/* What turns strings into an input of a program (runtime/strings.h); NULL if it is not made of any. */
const struct krt_strings* krt_strings_of(const struct krt_model* model, uint32_t program, uint32_t input);
/* The integers of an input of a program, from strings: krt_strings_encode. */
int krt_encode(const struct krt_model* model, uint32_t program, uint32_t input, const char* const* strings,
               const size_t* sizes, uint64_t count, uint64_t length, int64_t* values);
/* krt_strings_length; 0 of an input that takes no strings. */
size_t krt_encoded_length(const struct krt_model* model, uint32_t program, uint32_t input,
                          const char* const* strings, const size_t* sizes, uint64_t count);
int krt_state_init(const struct krt_model* model, void* state);
int krt_selftest(const struct krt_model* model);
/* Makes the stored inputs of the stored strings, too. Requires: there are such inputs. */
int krt_selftest_of_strings(const struct krt_model* model);
const char* krt_strerror(int status);
struct keratin_pool* krt_pool_create(unsigned threads);
void krt_pool_destroy(struct keratin_pool* pool);
/* Has fn(arg, i) called for every i < n by threads of krt_pool_create's that wait for something to do. Returns at once;
 * krt_pool_finish_errand does what is left, and returns when all is done. Requires: the one before is finished. */
void krt_pool_start_errand(struct keratin_pool* pool, size_t n, void (*fn)(void* arg, size_t i), void* arg);
void krt_pool_finish_errand(struct keratin_pool* pool);

#ifdef __cplusplus
}
#endif
#endif
