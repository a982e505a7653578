/* Reads handwritten digits with a compiled model and counts how many it reads right.
 *
 *     keratin compile ../../models/digits_mlp.keras -o digits_mlp.so       also writes digits_mlp.h
 *     keratin run heldout.kir --input ../../data/mnist10k.npz --output heldout.npz
 *     cc classify.c npz.c digits_mlp.so -Wl,-rpath,. -o classify && ./classify heldout.npz
 *
 * The exit status is 0 if the accuracy is the one that Keras had with the same model on the same digits. A model that was trained
 * anew has another: `classify heldout.npz 0.91` expects 0.91 at least.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "digits_mlp.h"
#include "npz.h"

enum { SAMPLES = 2000, CLASSES = 10, SIDE = 28, SHOWN = 5, PIXELS = DIGITS_MLP_INPUT_PIXELS_SIZE };
static const double kKerasAccuracy = 0.9215;

static int best(const float* probabilities) {
  int winner = 0;
  for (int i = 1; i < CLASSES; ++i)
    if (probabilities[i] > probabilities[winner]) winner = i;
  return winner;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One character of Braille shows 2 × 4 pixels; the bits of its dots, row by row. */
static void draw_cell(const float* image, int row, int column) {
  static const unsigned dots[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  unsigned cell = 0;
  for (int r = 0; r < 4; ++r)
    for (int c = 0; c < 2; ++c)
      if (image[(row + r) * SIDE + column + c] > 0.4f) cell |= dots[r][c];
  printf("\xe2%c%c", (int)(0xa0 | cell >> 6), (int)(0x80 | (cell & 0x3f)));
}

/* Some digits side by side, what the model reads below each. */
static void draw(const float* images, const int* which, int count, const int* answers,
                 const unsigned char* labels) {
  for (int row = 0; row < SIDE; row += 4) {
    for (int i = 0; i < count; ++i) {
      printf("  ");
      for (int column = 0; column < SIDE; column += 2) draw_cell(images + which[i] * PIXELS, row, column);
    }
    putchar('\n');
  }
  for (int i = 0; i < count; ++i) {
    const int answer = answers[which[i]], truth = labels[which[i]];
    if (answer == truth)
      printf("  read as %d     ", answer);
    else
      printf("  read %d, is %d  ", answer, truth);
  }
  printf("\n\n");
}

static int fail(const char* what) {
  fprintf(stderr, "classify: %s\n", what);
  return 1;
}

int main(int argc, char** argv) {
  static float images[SAMPLES * PIXELS], probabilities[SAMPLES * CLASSES];
  struct npz file;
  if (argc != 2 && argc != 3) return fail("usage: classify heldout.npz [LEAST]");
  if (npz_read(&file, argv[1]) != 0) return fail("cannot read the digits");
  const void* pixels = npz_array(&file, "pixels", "<f4", sizeof images);
  const unsigned char* labels = npz_array(&file, "labels", "|u1", SAMPLES);
  if (!pixels || !labels) return fail("the file does not hold 2,000 digits as heldout.kir makes them");
  memcpy(images, pixels, sizeof images);

  int status = digits_mlp_selftest();
  if (status != KERATIN_OK) return fail(digits_mlp_strerror(status));

  struct keratin_pool* pool = digits_mlp_pool_create(0);
  const unsigned threads = pool ? pool->threads : 1;
  const size_t bytes = digits_mlp_workspace_size(SAMPLES, threads);
  void* workspace = aligned_alloc(64, (bytes + 64) / 64 * 64);
  if (!workspace) return fail("there is not enough memory");
  double taken = 1e9;
  for (int call = 0; call < 10 && status == KERATIN_OK; ++call) { /* the first one has cold caches */
    const double start = seconds();
    status = digits_mlp_predict(images, probabilities, SAMPLES, workspace, pool);
    const double now = seconds() - start;
    if (now < taken) taken = now;
  }
  free(workspace);
  digits_mlp_pool_destroy(pool);
  if (status != KERATIN_OK) return fail(digits_mlp_strerror(status));

  int answers[SAMPLES], right = 0, wrong_count = 0, wrong[SHOWN];
  static const int first[SHOWN] = {0, 1, 2, 3, 4};
  for (int i = 0; i < SAMPLES; ++i) {
    answers[i] = best(probabilities + i * CLASSES);
    right += answers[i] == labels[i];
    if (answers[i] != labels[i] && wrong_count < SHOWN) wrong[wrong_count++] = i;
  }
  printf("The first of %d digits that the model has never seen:\n\n", SAMPLES);
  draw(images, first, SHOWN, answers, labels);
  printf("Some that it gets wrong:\n\n");
  draw(images, wrong, wrong_count, answers, labels);
  const double accuracy = (double)right / SAMPLES;
  const char* whose = argc == 2 ? "Keras: " : "Keras, trained with its own seed: ";
  printf("accuracy %.4f (%s%.4f), %.2f us per digit on %u thread%s\n", accuracy, whose, kKerasAccuracy,
         taken * 1e6 / SAMPLES, threads, threads == 1 ? "" : "s");
  npz_free(&file);
  if (argc == 3) return accuracy >= atof(argv[2]) ? 0 : fail("the accuracy is too low");
  const double difference = accuracy - kKerasAccuracy;
  return difference < 1e-9 && difference > -1e-9 ? 0 : fail("the accuracy is not Keras's");
}
