/* UTF-8, as arrays of NumPy's code points become. */
#ifndef KERATIN_RUNTIME_UTF8_H
#define KERATIN_RUNTIME_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Writes up to 4 bytes and returns how many; 0: this is no character. */
static inline size_t krt_utf8(uint32_t code, unsigned char* to) {
  if (code < 0x80) {
    to[0] = (unsigned char)code;
    return 1;
  }
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
  const size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = size - 1; i > 0; --i, code >>= 6) to[i] = (unsigned char)(0x80 | (code & 0x3f));
  const unsigned lead = size == 2 ? 0xc0 : size == 3 ? 0xe0 : 0xf0;
  to[0] = (unsigned char)(lead | code);
  return size;
}

#endif
