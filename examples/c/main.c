/* The shortest use of a compiled model: one digit, drawn by hand below, and what the model takes it for.
 *
 *     keratin compile ../../models/digits_mlp.keras -o digits_mlp.so
 *     cc main.c ./digits_mlp.so -Wl,-rpath,. -o main && ./main
 */
#include <stdio.h>

#include "digits_mlp.h"

int main(void) {
  float pixels[DIGITS_MLP_INPUT_PIXELS_SIZE] = {0}, probabilities[10];
  for (int row = 5; row < 23; ++row) /* a one: a stroke down the middle */
    for (int column = 13; column < 15; ++column) pixels[row * 28 + column] = 1.0f;

  const int status = digits_mlp_predict_alloc(pixels, probabilities, 1);
  if (status != KERATIN_OK) {
    fprintf(stderr, "%s\n", digits_mlp_strerror(status));
    return 1;
  }
  for (int digit = 0; digit < 10; ++digit) printf("%d: %.3f\n", digit, probabilities[digit]);
  return 0;
}
