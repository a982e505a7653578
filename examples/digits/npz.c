#include "npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int npz_read(struct npz* file, const char* path) {
  FILE* in = fopen(path, "rb");
  long size = 0;
  memset(file, 0, sizeof *file);
  if (!in) return 1;
  if (fseek(in, 0, SEEK_END) == 0 && (size = ftell(in)) > 0 && fseek(in, 0, SEEK_SET) == 0 &&
      (file->bytes = malloc((size_t)size)) != NULL)
    file->size = fread(file->bytes, 1, (size_t)size, in);
  fclose(in);
  return file->size == 0;
}

void npz_free(struct npz* file) { free(file->bytes); }

static size_t little_endian(const unsigned char* bytes, int count) {
  size_t value = 0;
  while (count-- > 0) value = value << 8 | bytes[count];
  return value;
}

/* A zip file is a row of members: a header of 30 bytes, the name, an extra field, the data. */
static const unsigned char* find_member(const struct npz* file, const char* name, size_t* size) {
  size_t at = 0, length = strlen(name);
  while (at + 30 <= file->size && memcmp(file->bytes + at, "PK\3\4", 4) == 0) {
    const unsigned char* header = file->bytes + at;
    const size_t method = little_endian(header + 8, 2), bytes = little_endian(header + 18, 4);
    const size_t name_length = little_endian(header + 26, 2);
    const size_t data = at + 30 + name_length + little_endian(header + 28, 2);
    if (method != 0 || data > file->size || bytes > file->size - data) return NULL;
    if (name_length == length + 4 && memcmp(header + 30, name, length) == 0 &&
        memcmp(header + 30 + length, ".npy", 4) == 0) {
      *size = bytes;
      return file->bytes + data;
    }
    at = data + bytes;
  }
  return NULL;
}

const void* npz_array(const struct npz* file, const char* name, const char* type, size_t bytes) {
  size_t size = 0;
  const unsigned char* member = find_member(file, name, &size);
  /* An array file: a magic number, the version, the length of a text that describes the array, the text, the elements. */
  if (!member || size < 10 || memcmp(member, "\x93NUMPY\x01", 7) != 0) return NULL;
  const size_t text = little_endian(member + 8, 2);
  if (10 + text > size || size - 10 - text != bytes) return NULL;
  char wanted[32];
  const int length = snprintf(wanted, sizeof wanted, "'descr': '%s'", type);
  for (size_t i = 10; i + (size_t)length <= 10 + text; ++i)
    if (memcmp(member + i, wanted, (size_t)length) == 0) return member + 10 + text;
  return NULL;
}
