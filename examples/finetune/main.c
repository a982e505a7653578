/* Fine-tunes a model inside a program: one that reads digits gets used to somebody who writes them the other way round.
 *
 *     keratin compile ../../models/digits_mlp.keras --training -o digits.so       also writes digits.h
 *     keratin run ../digits/heldout.kir --input ../../data/mnist10k.npz --output heldout.npz
 *     cc -I. -I../digits main.c ../digits/npz.c ./digits.so -Wl,-rpath,. -o main && ./main heldout.npz
 *
 * Of the 2,000 digits, mirrored, the first 1,000 are learned from, as they come in, ten at a time; the others are a test. What was learned
 * is left in learned.safetensors: `keratin compile MODEL --weights` takes the weights of such a file, a later run of this program all of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "digits.h"
#include "npz.h"

enum {
  SAMPLES = 2000,
  LEARNED = 1000,
  BATCH = 10,
  CLASSES = 10,
  SIDE = 28,
  PIXELS = DIGITS_INPUT_PIXELS_SIZE
};

static void expect_ok(int status) {
  if (status == KERATIN_OK) return;
  fprintf(stderr, "main: %s\n", digits_strerror(status));
  exit(1);
}

/* Memory at a multiple of 64. */
static void* allocate(size_t bytes) {
  void* memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (memory == NULL) exit(1);
  return memory;
}

/* Mirrors images where they are. */
static void mirror(float* images, size_t n) {
  for (size_t row = 0; row < n * SIDE; ++row)
    for (size_t column = 0; column < SIDE / 2; ++column) {
      float *left = &images[row * SIDE + column], *right = &images[row * SIDE + SIDE - 1 - column];
      const float kept = *left;
      *left = *right;
      *right = kept;
    }
}

/* The share of digits that are read right: the first of the metrics, "accuracy". */
static float accuracy(const float* images, const float* targets, void* state, void* workspace) {
  float loss, values[DIGITS_METRIC_COUNT];
  expect_ok(digits_reset_metrics(state, workspace));
  for (size_t at = LEARNED; at < SAMPLES; at += BATCH)
    expect_ok(digits_evaluate_step(images + at * PIXELS, targets + at * CLASSES, NULL, &loss, state, BATCH,
                                   workspace, NULL));
  expect_ok(digits_metrics(state, workspace, values));
  return values[0];
}

int main(int argc, char** argv) {
  static float images[SAMPLES * PIXELS], targets[SAMPLES * CLASSES];
  struct npz file;
  if (argc != 2 || npz_read(&file, argv[1]) != 0) {
    fprintf(stderr, "usage: %s heldout.npz\n", argv[0]);
    return 2;
  }
  const unsigned char *pixels = npz_array(&file, "pixels", "<f4", sizeof images),
                      *labels = npz_array(&file, "labels", "|u1", SAMPLES);
  if (pixels == NULL || labels == NULL) return 2;
  for (size_t i = 0; i < sizeof images; ++i) ((unsigned char*)images)[i] = pixels[i];
  for (size_t i = 0; i < SAMPLES; ++i) targets[i * CLASSES + labels[i]] = 1;
  npz_free(&file);
  mirror(images, SAMPLES);

  void *state = allocate(digits_state_size()), *workspace = allocate(digits_workspace_size(BATCH, 1));
  printf("%zu bytes of state, %zu of workspace\n", digits_state_size(), digits_workspace_size(BATCH, 1));
  expect_ok(digits_state_init(state));
  expect_ok(digits_set_learning_rate(state, 0.002f));
  printf("before: %.3f\n", accuracy(images, targets, state, workspace));
  for (int epoch = 0; epoch < 4; ++epoch)
    for (size_t at = 0; at < LEARNED; at += BATCH) {
      float loss;
      expect_ok(digits_train_step(images + at * PIXELS, targets + at * CLASSES, NULL, &loss, state, BATCH,
                                  workspace, NULL));
    }
  printf("after: %.3f\n", accuracy(images, targets, state, workspace));
  expect_ok(digits_save(state, "learned.safetensors"));
  free(workspace);
  free(state);
  return 0;
}
