/* Runs a model on the inputs stored in it and compares the outputs with those that the reference interpreter
 * gave. Inputs that are made of strings are made again of those that are stored. */
#include <stdlib.h>
#include <string.h>

#include "runtime/internal.h"
#include "runtime/strings.h"

static double from_half(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023;
  double value;
  if (exponent == 31)
    value = fraction != 0 ? __builtin_nan("") : __builtin_inf();
  else if (exponent == 0)
    value = fraction / 16777216.0; /* 2^-24 each */
  else
    value = (1024.0 + fraction) * (double)(1ull << exponent) / 33554432.0; /* 2^-25 */
  return bits >> 15 ? -value : value;
}

static double from_bfloat(uint16_t bits) {
  const uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

/* Element i of a float array. */
static double element(uint32_t dtype, const unsigned char* array, size_t i) {
  uint16_t bits;
  float single;
  double real;
  switch (dtype) {
    case KRT_F32: memcpy(&single, array + 4 * i, sizeof single); return single;
    case KRT_F64: memcpy(&real, array + 8 * i, sizeof real); return real;
    default:
      memcpy(&bits, array + 2 * i, sizeof bits);
      return dtype == KRT_F16 ? from_half(bits) : from_bfloat(bits);
  }
}

static int close_enough(double got, double want, double atol, double rtol) {
  if (got == want || (got != got && want != want)) return 1;
  return __builtin_fabs(got - want) <= atol + rtol * __builtin_fabs(want) &&
         __builtin_fabs(want) <= __DBL_MAX__;
}

static int same_array(const struct krt_array* array, const unsigned char* got, const unsigned char* want,
                      size_t bytes, double atol, double rtol) {
  if (array->dtype < KRT_F16) return memcmp(got, want, bytes) == 0;
  const size_t count = bytes / krt_element_bytes(array->dtype);
  for (size_t i = 0; i < count; ++i)
    if (!close_enough(element(array->dtype, got, i), element(array->dtype, want, i), atol, rtol)) return 0;
  return 1;
}

/* Bytes that an array takes in the stored blocks, to the next one; SIZE_MAX if they cannot be told. */
static size_t stored_bytes(const struct krt_array* array, const int64_t* symbols) {
  size_t bytes;
  if (krt_array_bytes(array, symbols, &bytes) != KRT_OK || bytes > PTRDIFF_MAX - KRT_ALIGNMENT)
    return SIZE_MAX;
  return (bytes + KRT_ALIGNMENT - 1) / KRT_ALIGNMENT * KRT_ALIGNMENT;
}

static size_t stored_total(const struct krt_array* arrays, uint32_t count, const int64_t* symbols) {
  size_t total = 0;
  for (uint32_t i = 0; i < count; ++i)
    if (__builtin_add_overflow(total, stored_bytes(&arrays[i], symbols), &total)) return SIZE_MAX;
  return total;
}

static int compare_outputs(const struct krt_model* model, const int64_t* symbols, const unsigned char* got) {
  const struct krt_program* program = &model->programs[0];
  size_t at = 0, bytes = 0;
  for (uint32_t i = 0; i < program->output_count; ++i) {
    const struct krt_array* array = &program->outputs[i];
    krt_array_bytes(array, symbols, &bytes);
    if (!same_array(array, got + at, model->selftest_outputs + at, bytes, model->selftest_atol,
                    model->selftest_rtol))
      return KRT_SELFTEST_FAILED;
    at += stored_bytes(array, symbols);
  }
  return KRT_OK;
}

/* One allocation: the pointers of all arrays, the outputs, the state. */
int krt_selftest(const struct krt_model* model) {
  const struct krt_program* program = &model->programs[0];
  const uint64_t n = model->selftest_n;
  if (!model->selftest_outputs) return KRT_OK;
  int64_t symbols[KRT_MOST_SYMBOLS];
  int status = krt_bind(program, n, model->selftest_lengths, symbols);
  if (status != KRT_OK) return status;

  const size_t pointers = ((size_t)program->input_count + program->output_count + 8) / 8 * 8 *
                          sizeof(void*); /* multiples of 64 bytes */
  size_t total = stored_total(program->outputs, program->output_count, symbols);
  const size_t outputs_bytes = total;
  if (total == SIZE_MAX || __builtin_add_overflow(total, pointers, &total) ||
      __builtin_add_overflow(total, (size_t)model->state_bytes, &total))
    return KRT_BAD_COUNT;
  unsigned char* memory = krt_allocate(total);
  if (!memory) return KRT_NO_MEMORY;

  void** outputs = (void**)(void*)memory;
  const void** inputs = (const void**)(outputs + program->output_count);
  unsigned char *results = memory + pointers, *state = results + outputs_bytes, *at = results;
  for (uint32_t i = 0; i < program->output_count; ++i) {
    outputs[i] = at;
    at += stored_bytes(&program->outputs[i], symbols);
  }
  const unsigned char* stored = model->selftest_inputs;
  for (uint32_t i = 0; i < program->input_count; ++i) {
    inputs[i] = stored;
    stored += stored_bytes(&program->inputs[i], symbols);
  }

  status = krt_state_init(model, model->state_bytes > 0 ? state : NULL);
  if (status == KRT_OK)
    status = krt_invoke_alloc(model, 0, inputs, outputs, n, model->selftest_lengths,
                              model->state_bytes > 0 ? state : NULL);
  if (status == KRT_OK) status = compare_outputs(model, symbols, results);
  free(memory);
  return status;
}

/* Encodes the strings of one input and compares; *count: how many they are. */
static int compare_encoded(const struct krt_model* model, const struct krt_strings* table,
                           const char* const* strings, const unsigned char* want, size_t bytes,
                           size_t* count) {
  const size_t elements = bytes / sizeof(int64_t);
  *count = krt_strings_makes_rows(table) ? (size_t)model->selftest_n : elements;
  int64_t* got = krt_allocate(bytes);
  if (!got) return KRT_NO_MEMORY;
  int status = krt_strings_encode(table, strings, NULL, *count, elements / *count, got);
  if (status == KRT_OK && memcmp(got, want, bytes) != 0) status = KRT_SELFTEST_FAILED;
  free(got);
  return status;
}

int krt_selftest_of_strings(const struct krt_model* model) {
  const struct krt_program* program = &model->programs[0];
  int64_t symbols[KRT_MOST_SYMBOLS];
  int status = krt_bind(program, model->selftest_n, model->selftest_lengths, symbols);
  const unsigned char* stored = model->selftest_inputs;
  const char* const* strings = model->selftest_strings;
  for (uint32_t i = 0; i < program->input_count && status == KRT_OK; ++i) {
    const struct krt_array* array = &program->inputs[i];
    size_t bytes = 0, count = 0;
    status = krt_array_bytes(array, symbols, &bytes);
    const struct krt_strings* table = krt_strings_of(model, 0, i);
    if (status == KRT_OK && table && bytes > 0)
      status = compare_encoded(model, table, strings, stored, bytes, &count);
    strings += count;
    stored += stored_bytes(array, symbols);
  }
  return status == KRT_OK ? krt_selftest(model) : status;
}
