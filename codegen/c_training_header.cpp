// The C header of a library that trains.
#include "codegen/c_header_parts.h"
#include "codegen/program_facts.h"
#include "codegen/training_library.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr std::string_view kSharedByTraining = R"(#ifndef KERATIN_TRAINING_ABI
#define KERATIN_TRAINING_ABI 1

/* More that the functions below return. */
enum keratin_training_status {
  KERATIN_UNKNOWN_VARIABLE = 12, /* there is no variable of that number */
  KERATIN_FILE_FAILED = 13,      /* reading or writing a file failed: errno says why */
  KERATIN_FOREIGN_STATE = 14,    /* what was to be loaded is damaged, or no state of this model */
  KERATIN_NOT_POSSIBLE = 15      /* the learning rate is no number that can be set: a schedule makes it, or there are several */
};

enum keratin_role {
  KERATIN_WEIGHT, /* trained weights, frozen ones, and statistics */
  KERATIN_STATE,  /* slots of the optimizer, counters, seeds */
  KERATIN_METRIC  /* what metrics accumulate */
};

/* What is in a state. */
struct keratin_variable {
  struct keratin_array array; /* its name is Keras's: "dense/kernel" */
  uint64_t offset;            /* where in the state its elements are, row-major */
  uint32_t role;              /* enum keratin_role */
  uint32_t trainable;         /* 1: its gradient changes it */
};

#endif
)";

constexpr std::string_view kTrainingFunctions =
    R"(/* A state is all that training changes: weights, slots, counters, metrics. It is memory of the caller, of @_state_size()
 * bytes, aligned to 64; any number of them may be used at once, each by one call at a time. This makes it what the file had that was
 * compiled: its weights, and its optimizer's state. */
size_t @_state_size(void);
int @_state_init(void *state);

/* `workspace`, below, is scratch memory of @_workspace_size(n, threads) bytes, aligned to 64; `threads` is the pool's, or
 * 1 (0 counts as 1). It serves all functions, with n samples or with none. SIZE_MAX if that n is not possible. Nothing else is
 * allocated: state, workspace and the caller's batches are all the memory there is. */
size_t @_workspace_size(size_t n, unsigned threads);

/* One step: forward, backward, update, from n samples; adds to the metrics what held before the update. *loss is the batch's. Targets
 * are as the loss takes them. Weights of samples may be NULL: all count the same. Frozen layers stay as they are, and no gradient is
 * computed for them. The same samples in the same order give the same bits for any number of threads, and those of the trainer
 * that `keratin compile --trainer` makes. Denormals are zeros while it runs. */
int @_train_step(@STEP@void *state, size_t n, void *workspace,
    struct keratin_pool *pool);

/* Adds to the metrics, and updates nothing else. *loss is the mean since they were reset. */
int @_evaluate_step(@STEP@void *state, size_t n, void *workspace,
    struct keratin_pool *pool);

/* What the model makes of n samples. */
int @_@ENTRY@(@PREDICT@void *state, size_t n, void *workspace,
    struct keratin_pool *pool);

/* Values since the last reset, @METRICS@_METRIC_COUNT of them, in the order of @METRICS@_METRIC_NAMES. */
int @_metrics(void *state, void *workspace, float *values);
int @_reset_metrics(void *state, void *workspace);

/* Puts into the weights what is only known when training is over: their averages, of an optimizer that keeps some. */
int @_finish_training(void *state, void *workspace);

/* Begins afresh: weights by their initializers, from a seed. */
int @_initialize(uint64_t seed, void *state, void *workspace);
/* What dropout and other random layers draw from. */
int @_set_seed(uint64_t seed, void *state);

/* The @METRICS@_VARIABLE_COUNT variables of a state: names, dtypes, shapes. */
const struct keratin_variable *@_variables(void);
/* The number of a variable by its name; UINT32_MAX if there is none. */
uint32_t @_find_variable(const char *name);
/* Its bytes. */
size_t @_variable_size(uint32_t variable);
/* Copies its elements, row-major, out of the state and into it. */
int @_get_variable(const void *state, uint32_t variable, void *values);
int @_set_variable(void *state, uint32_t variable, const void *values);

int @_learning_rate(const void *state, float *rate);
int @_set_learning_rate(void *state, float rate);

/* Writes a state to a file, .safetensors, beside its place first: it is there as a whole or not at all. Or to memory of
 * @_saved_size() bytes. */
int @_save(const void *state, const char *path);
size_t @_saved_size(void);
int @_save_to(const void *state, void *bytes);
/* Reads what these functions have written, or the weights that a trainer's --save has: then the optimizer stays as it is. All is looked
 * at before anything is changed. */
int @_load(void *state, const char *path);
int @_load_from(void *state, const void *bytes, size_t size);

)";

/// The parameters of a step: its inputs, and where the loss goes.
std::string step_parameters(const Program& step) {
  std::vector<CArgument> all = arguments(step, c_names(step, {}));
  return parameters(all, false);
}

const Program& program_named(const KernelModule& module, std::string_view name) {
  for (const Program& program : module.programs)
    if (program.name == name) return program;
  KERATIN_CHECK(false, cat("no program ", name));
}

}  // namespace

std::string c_training_header(std::span<const LevelKernels> levels, std::string_view prefix_text,
                              const TrainingSpec& training) {
  const KernelModule& module = levels[0].kernels;
  const Program &step = program_named(module, "train_step"), &predict = program_named(module, "predict"),
                &metrics = program_named(module, "metrics");
  const std::string prefix(prefix_text), guard = cat("KERATIN_MODEL_", upper_case(prefix), "_H");
  const CNames names = c_names(predict, {});
  const std::vector<CArgument> of_step = arguments(step, c_names(step, {})),
                               of_predict = arguments(predict, names);
  const int64_t batch = fixed_batch(predict);

  std::string out =
      cat("/* Trains ", harmless(module.name.empty() ? prefix : module.name), ", compiled by Keratin for ",
          processors(levels), " (", harmless(levels[0].target.triple), ").\n *\n");
  for (const CArgument& one : of_step)
    if (!one.is_output) out += cat(" *     input  ", one.name, ": ", one.type_text({}), "\n");
  for (const CArgument& one : of_predict)
    if (one.is_output) out += cat(" *     output ", one.name, ": ", one.type_text({}), "\n");
  out += batch > 0 ? cat(" *\n * n, the number of samples, is ", batch, ".\n")
                   : " *\n * n is the number of samples, any number.\n";
  const int64_t some = batch > 0 ? batch : 32;
  out +=
      cat(" *\n * In short:\n *\n *     void *state = aligned_alloc(64, ", prefix,
          "_state_size() / 64 * 64 + 64);\n", " *     void *workspace = aligned_alloc(64, ", prefix,
          "_workspace_size(", some, ", 1) / 64 * 64 + 64);\n", " *     ", prefix, "_state_init(state);\n",
          " *     for (...) ", prefix, "_train_step(..., &loss, state, ", some, ", workspace, NULL);\n",
          " *     ", prefix, "_save(state, \"learned.safetensors\");\n *\n",
          " * All functions that return an int return an enum keratin_status or keratin_training_status.\n",
          " * The file needs no other than those of C.\n */\n");
  out += cat("#ifndef ", guard, "\n#define ", guard, "\n\n#include <stddef.h>\n#include <stdint.h>\n\n");
  out += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  out += cat(kSharedByHeaders, "\n", kSharedByTraining, "\n");
  const std::string macro = upper_case(prefix);
  out += cat("#define ", macro, "_BATCH ", batch, " /* the only n that is accepted, beside 0; 0: any */\n");
  std::vector<std::string> metric_names;
  for (const uint32_t output : metrics.outputs)
    metric_names.push_back(cat("\"", harmless(metrics.buffers[output].name), "\""));
  out += cat("#define ", macro, "_METRIC_COUNT ", metric_names.size(), "\n");
  out += cat("#define ", macro, "_METRIC_NAMES {", join(metric_names, ", "), "}\n");
  out += cat("#define ", macro, "_VARIABLE_COUNT ", training.trainer.variables.size(), "\n\n");
  for (const CArgument& one : of_step)
    if (!one.is_output) out += array_constants(one, prefix, batch, {});
  for (const CArgument& one : of_predict)
    if (one.is_output) out += array_constants(one, prefix, batch, {});

  std::string functions = cat(kTrainingFunctions, kCommonFunctions);
  functions = replaced(functions, "@STEP@", step_parameters(step));
  functions = replaced(functions, "@PREDICT@", parameters(of_predict, false));
  functions = replaced(functions, "@ENTRY@", names.entry);
  functions = replaced(functions, "@METRICS@", macro);
  out += replaced(functions, "@_", prefix + "_");
  return out + "\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
}

}  // namespace keratin
