/* Behind the entry points of a library that trains: codegen/emit_training.cpp emits thunks around these functions, and the header
 * of such a library (codegen/c_training_header.cpp) describes them to users. */
#ifndef KERATIN_RUNTIME_TRAINING_H
#define KERATIN_RUNTIME_TRAINING_H

#include "runtime/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What such a library holds beside the model; a krt_trainer without files to export. */
struct krt_training {
  const struct krt_trainer* trainer;
  /* A file of all variables is a header and their bytes, in the order of these numbers; runtime/saved_state.c. */
  const char* saved_header;
  uint64_t saved_header_bytes;
  const uint32_t* saved_order;
};

/* The most inputs of a step, and the most metrics, of a library that trains. */
#define KRT_MOST_STEP_INPUTS 64
#define KRT_MOST_METRICS 64

/* More statuses of the entry points, behind enum krt_status. */
enum krt_training_status {
  KRT_UNKNOWN_VARIABLE = 12, /* there is no variable of that number or name */
  KRT_FILE_FAILED = 13,      /* reading or writing a file failed: errno says why */
  KRT_FOREIGN_STATE = 14,    /* it is damaged, or no state of this model */
  KRT_NOT_POSSIBLE = 15      /* the model has not what is asked for */
};

/* Enough for each of the programs: the steps and predict for n samples. SIZE_MAX if n does not fit the model. */
size_t krt_training_workspace_size(const struct krt_training* training, uint64_t n, unsigned threads);

/* train_step, evaluate_step: `inputs` are the model's, the targets, and the weights of samples, where NULL stands for ones. */
int krt_step(const struct krt_training* training, uint32_t program, const void* const* inputs, uint64_t n,
             void* state, void* workspace, struct keratin_pool* pool, float* loss);
/* `values`: one f32 for each metric. */
int krt_metrics(const struct krt_training* training, void* state, void* workspace, float* values);
/* A program without inputs and outputs; none: nothing is done. */
int krt_simple_program(const struct krt_training* training, uint32_t program, void* state, void* workspace);
int krt_initialize(const struct krt_training* training, uint64_t seed, void* state, void* workspace);
int krt_set_seed(const struct krt_training* training, uint64_t seed, void* state);

/* The number of a variable; UINT32_MAX if there is none. */
uint32_t krt_find_variable(const struct krt_training* training, const char* name);
size_t krt_variable_size(const struct krt_training* training, uint32_t variable);
int krt_get_variable(const struct krt_training* training, const void* state, uint32_t variable, void* values);
int krt_set_variable(const struct krt_training* training, void* state, uint32_t variable, const void* values);
/* KRT_NOT_POSSIBLE if a schedule makes it, or there are several optimizers. */
int krt_get_learning_rate(const struct krt_training* training, const void* state, float* rate);
int krt_set_learning_rate(const struct krt_training* training, void* state, float rate);

size_t krt_saved_size(const struct krt_training* training);
int krt_save_to(const struct krt_training* training, const void* state, void* bytes);
int krt_load_from(const struct krt_training* training, void* state, const void* bytes, size_t size);
int krt_save(const struct krt_training* training, const void* state, const char* path);
int krt_load(const struct krt_training* training, void* state, const char* path);

const char* krt_training_strerror(int status);

#ifdef __cplusplus
}
#endif
#endif
