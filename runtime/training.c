/* A model that is trained inside somebody else's program: steps, metrics and variables of a state that the caller owns. Nothing is
 * allocated. Variables are arrays in the state, whose places the compiler knows. */
#include "runtime/training.h"

#include <string.h>

#include "runtime/float_mode.h"
#include "runtime/internal.h"

static const struct krt_program* program_of(const struct krt_training* training, uint32_t program) {
  return &training->trainer->model->programs[program];
}

/* How many samples a program without any is called with: the runtime counts by the first input's first axis. */
static uint64_t count_of(const struct krt_program* program) {
  const uint64_t fixed = krt_fixed_batch(program);
  return fixed > 0 ? fixed : 1;
}

static size_t round_up(size_t bytes) { return (bytes + KRT_ALIGNMENT - 1) / KRT_ALIGNMENT * KRT_ALIGNMENT; }

/* Whether an input of a step is a weight of samples, and not the model's or a target. */
static int is_weight_input(const struct krt_trainer* trainer, uint32_t input) {
  return input >= trainer->model->programs[trainer->predict].input_count + trainer->target_count;
}

/* Bytes of the largest weights of n samples, for which ones may have to be made; KRT_BAD_COUNT if there is no such number. */
static int ones_bytes(const struct krt_training* training, uint64_t n, size_t* most) {
  const struct krt_program* step = program_of(training, training->trainer->train_step);
  int64_t symbols[KRT_MOST_SYMBOLS];
  int status = krt_bind(step, n, NULL, symbols);
  *most = 0;
  for (uint32_t i = 0; i < step->input_count && status == KRT_OK; ++i) {
    size_t bytes;
    if (!is_weight_input(training->trainer, i)) continue;
    status = krt_array_bytes(&step->inputs[i], symbols, &bytes);
    if (status == KRT_OK && bytes > *most) *most = bytes;
  }
  return status;
}

size_t krt_training_workspace_size(const struct krt_training* training, uint64_t n, unsigned threads) {
  const struct krt_trainer* trainer = training->trainer;
  const uint32_t of_samples[] = {trainer->train_step, trainer->evaluate_step, trainer->predict},
                 others[] = {trainer->metric_program, trainer->reset_metrics, trainer->initialize,
                             trainer->finish_training};
  size_t most = 0, ones;
  for (size_t i = 0; i < sizeof of_samples / sizeof *of_samples; ++i) {
    const size_t bytes = krt_workspace_size(trainer->model, of_samples[i], n, NULL, threads);
    if (bytes > most) most = bytes;
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; ++i) {
    if (others[i] == KRT_NO_PROGRAM) continue;
    const size_t bytes = krt_workspace_size(trainer->model, others[i],
                                            count_of(program_of(training, others[i])), NULL, threads);
    if (bytes > most) most = bytes;
  }
  if (ones_bytes(training, n, &ones) != KRT_OK || most > PTRDIFF_MAX - ones - 2 * KRT_ALIGNMENT)
    return SIZE_MAX;
  return round_up(most) + round_up(ones);
}

int krt_step(const struct krt_training* training, uint32_t program, const void* const* inputs, uint64_t n,
             void* state, void* workspace, struct keratin_pool* pool, float* loss) {
  const struct krt_trainer* trainer = training->trainer;
  const struct krt_program* step = program_of(training, program);
  const void* all[KRT_MOST_STEP_INPUTS];
  if (!loss || !workspace) return KRT_NULL_ARGUMENT;
  if ((uintptr_t)workspace % KRT_ALIGNMENT != 0) return KRT_MISALIGNED;
  size_t most;
  const int status = ones_bytes(training, n, &most);
  if (status != KRT_OK) return status;
  /* Ones are at the beginning, so that their place does not depend on the number of threads. */
  float* ones = workspace;
  int are_made = 0;
  for (uint32_t i = 0; i < step->input_count; ++i) {
    all[i] = inputs[i];
    if (inputs[i] || !is_weight_input(trainer, i)) continue;
    for (size_t k = 0; !are_made && k < most / sizeof *ones; ++k) ones[k] = 1;
    are_made = 1;
    all[i] = ones;
  }
  void* const outputs[] = {loss};
  *loss = 0; /* of no samples */
  const uint64_t mode = krt_float_mode();
  if (program == trainer->train_step) krt_set_float_mode(mode | KRT_DENORMALS_ARE_ZEROS);
  const int result = krt_invoke(trainer->model, program, all, outputs, n, NULL, state,
                                (unsigned char*)workspace + round_up(most), pool);
  krt_set_float_mode(mode);
  return result;
}

int krt_metrics(const struct krt_training* training, void* state, void* workspace, float* values) {
  const struct krt_trainer* trainer = training->trainer;
  void* outputs[KRT_MOST_METRICS];
  if (!values) return KRT_NULL_ARGUMENT;
  for (uint32_t i = 0; i < trainer->metric_count; ++i) outputs[i] = &values[i];
  return krt_invoke(trainer->model, trainer->metric_program, NULL, outputs, 1, NULL, state, workspace, NULL);
}

int krt_simple_program(const struct krt_training* training, uint32_t program, void* state, void* workspace) {
  if (program == KRT_NO_PROGRAM) return KRT_OK;
  return krt_invoke(training->trainer->model, program, NULL, NULL, 1, NULL, state, workspace, NULL);
}

int krt_initialize(const struct krt_training* training, uint64_t seed, void* state, void* workspace) {
  const struct krt_trainer* trainer = training->trainer;
  const void* const inputs[] = {&seed};
  return krt_invoke(trainer->model, trainer->initialize, inputs, NULL,
                    count_of(program_of(training, trainer->initialize)), NULL, state, workspace, NULL);
}

uint32_t krt_find_variable(const struct krt_training* training, const char* name) {
  const struct krt_trainer* trainer = training->trainer;
  for (uint32_t i = 0; name && i < trainer->variable_count; ++i)
    if (strcmp(trainer->variables[i].array.name, name) == 0) return i;
  return UINT32_MAX;
}

size_t krt_variable_size(const struct krt_training* training, uint32_t variable) {
  size_t bytes = 0;
  if (variable < training->trainer->variable_count)
    krt_array_bytes(&training->trainer->variables[variable].array, NULL, &bytes);
  return bytes;
}

int krt_get_variable(const struct krt_training* training, const void* state, uint32_t variable,
                     void* values) {
  if (variable >= training->trainer->variable_count) return KRT_UNKNOWN_VARIABLE;
  const size_t bytes = krt_variable_size(training, variable);
  if (!state || (!values && bytes > 0)) return KRT_NULL_ARGUMENT;
  if (bytes > 0)
    memcpy(values, (const unsigned char*)state + training->trainer->variables[variable].offset, bytes);
  return KRT_OK;
}

int krt_set_variable(const struct krt_training* training, void* state, uint32_t variable,
                     const void* values) {
  if (variable >= training->trainer->variable_count) return KRT_UNKNOWN_VARIABLE;
  const size_t bytes = krt_variable_size(training, variable);
  if (!state || (!values && bytes > 0)) return KRT_NULL_ARGUMENT;
  if (bytes > 0) memcpy((unsigned char*)state + training->trainer->variables[variable].offset, values, bytes);
  return KRT_OK;
}

int krt_set_seed(const struct krt_training* training, uint64_t seed, void* state) {
  const uint32_t variable = krt_find_variable(training, "random/seed");
  if (!state) return KRT_NULL_ARGUMENT;
  return variable == UINT32_MAX ? KRT_OK : krt_set_variable(training, state, variable, &seed);
}

/* KRT_NO_VARIABLE if it is no variable. */
static uint32_t learning_rate(const struct krt_trainer* trainer) {
  const uint32_t program = trainer->learning_rate_program;
  const int is_one = program != KRT_NO_PROGRAM && trainer->model->programs[program].output_count == 1;
  return is_one ? trainer->learning_rates[0] : KRT_NO_VARIABLE;
}

int krt_get_learning_rate(const struct krt_training* training, const void* state, float* rate) {
  const uint32_t variable = learning_rate(training->trainer);
  return variable == KRT_NO_VARIABLE ? KRT_NOT_POSSIBLE : krt_get_variable(training, state, variable, rate);
}

int krt_set_learning_rate(const struct krt_training* training, void* state, float rate) {
  const uint32_t variable = learning_rate(training->trainer);
  return variable == KRT_NO_VARIABLE ? KRT_NOT_POSSIBLE : krt_set_variable(training, state, variable, &rate);
}

const char* krt_training_strerror(int status) {
  switch (status) {
    case KRT_UNKNOWN_VARIABLE: return "there is no such variable";
    case KRT_FILE_FAILED: return "a file could not be read or written; errno says why";
    case KRT_FOREIGN_STATE: return "the file is damaged, or no state of this model";
    case KRT_NOT_POSSIBLE: return "the model has no such thing: its learning rate may follow a schedule";
  }
  return krt_strerror(status);
}
