/* What --check-bounds calls. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/abi.h"

void krt_out_of_bounds(const char* kernel, const char* buffer) {
  fprintf(stderr, "keratin: kernel %s: an access lies outside of %s\n", kernel, buffer);
  abort();
}
