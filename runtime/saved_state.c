/* A state as a file of named arrays (.safetensors), as trainers write them: the length of a JSON header, the header, the arrays'
 * bytes. The header of a model is always the same, so the compiler has made it. A file that is read may have been written by
 * something else: its header is parsed, without memory, once to see that all is right and once more to copy. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/internal.h"
#include "runtime/training.h"
#include "runtime/utf8.h"

size_t krt_saved_size(const struct krt_training* training) {
  size_t bytes = 8 + (size_t)training->saved_header_bytes;
  for (uint32_t i = 0; i < training->trainer->variable_count; ++i) bytes += krt_variable_size(training, i);
  return bytes;
}

static void length_bytes(uint64_t length, unsigned char* to) {
  for (int i = 0; i < 8; ++i) to[i] = (unsigned char)(length >> (8 * i));
}

int krt_save_to(const struct krt_training* training, const void* state, void* bytes) {
  if (!state || !bytes) return KRT_NULL_ARGUMENT;
  unsigned char* at = bytes;
  length_bytes(training->saved_header_bytes, at);
  memcpy(at + 8, training->saved_header, (size_t)training->saved_header_bytes);
  at += 8 + training->saved_header_bytes;
  for (uint32_t i = 0; i < training->trainer->variable_count; ++i) {
    const uint32_t variable = training->saved_order[i];
    const int status = krt_get_variable(training, state, variable, at);
    if (status != KRT_OK) return status;
    at += krt_variable_size(training, variable);
  }
  return KRT_OK;
}

/* ---- Reading a header ---- */

/* What is left of the text; `at` is NULL once something was wrong. */
struct text {
  const char *at, *end;
};

static int fail(struct text* text) {
  text->at = NULL;
  return 0;
}

static void skip_blanks(struct text* text) {
  while (text->at && text->at < text->end && strchr(" \t\r\n", *text->at) && *text->at) ++text->at;
}

/* Whether the next character is this one, which is then taken. */
static int take(struct text* text, char c) {
  skip_blanks(text);
  if (!text->at || text->at == text->end || *text->at != c) return 0;
  ++text->at;
  return 1;
}

static int expect(struct text* text, char c) { return take(text, c) || fail(text); }

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four of them. */
static int take_hex(struct text* text, uint32_t* code) {
  *code = 0;
  if (text->end - text->at < 4) return fail(text);
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(*text->at++);
    if (digit < 0) return fail(text);
    *code = *code << 4 | (uint32_t)digit;
  }
  return 1;
}

/* The character behind a backslash, in UTF-8. */
static size_t take_escaped(struct text* text, unsigned char* to) {
  static const char kNames[] = "\"\\/bfnrt", kMeant[] = "\"\\/\b\f\n\r\t";
  if (text->at == text->end) return (size_t)fail(text);
  const char name = *text->at++;
  const char* found = name ? strchr(kNames, name) : NULL;
  if (found) {
    *to = (unsigned char)kMeant[found - kNames];
    return 1;
  }
  uint32_t code, low;
  if (name != 'u' || !take_hex(text, &code)) return (size_t)fail(text);
  if (code >= 0xd800 && code < 0xdc00) {
    if (text->end - text->at < 2 || text->at[0] != '\\' || text->at[1] != 'u') return (size_t)fail(text);
    text->at += 2;
    if (!take_hex(text, &low) || low < 0xdc00 || low > 0xdfff) return (size_t)fail(text);
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  const size_t size = krt_utf8(code, to);
  return size > 0 ? size : (size_t)fail(text);
}

/* The string that comes next, up to `room` bytes of it with a zero behind; longer ones are cut. */
static int take_string(struct text* text, char* to, size_t room) {
  size_t size = 0;
  if (!expect(text, '"')) return 0;
  while (text->at && text->at < text->end && *text->at != '"') {
    unsigned char bytes[4];
    size_t count = 1;
    bytes[0] = (unsigned char)*text->at++;
    if (bytes[0] < ' ') return fail(text);
    if (bytes[0] == '\\') count = take_escaped(text, bytes);
    for (size_t i = 0; i < count && size + 1 < room; ++i) to[size++] = (char)bytes[i];
  }
  if (!text->at) return 0;
  to[size] = '\0';
  return expect(text, '"');
}

static int take_number(struct text* text, uint64_t* number) {
  skip_blanks(text);
  *number = 0;
  const char* begin = text->at;
  while (text->at && text->at < text->end && *text->at >= '0' && *text->at <= '9')
    if (__builtin_mul_overflow(*number, 10, number) ||
        __builtin_add_overflow(*number, (uint64_t)(*text->at++ - '0'), number))
      return fail(text);
  return (begin && text->at > begin) || fail(text);
}

/* An object of strings: "__metadata__". */
static void skip_metadata(struct text* text) {
  char ignored[4];
  if (!expect(text, '{') || take(text, '}')) return;
  do {
    if (!take_string(text, ignored, sizeof ignored) || !expect(text, ':') ||
        !take_string(text, ignored, sizeof ignored))
      return;
  } while (take(text, ','));
  expect(text, '}');
}

/* One array of a file. */
struct entry {
  char name[1024], dtype[8];
  uint32_t rank;
  uint64_t shape[32], begin, end;
};

static void take_entry(struct text* text, struct entry* entry) {
  char key[16];
  int seen = 0;
  if (!expect(text, '{')) return;
  do {
    if (!take_string(text, key, sizeof key) || !expect(text, ':')) return;
    if (strcmp(key, "dtype") == 0) {
      seen |= 1;
      take_string(text, entry->dtype, sizeof entry->dtype);
    } else if (strcmp(key, "shape") == 0) {
      seen |= 2;
      entry->rank = 0;
      if (!expect(text, '[')) return;
      if (take(text, ']')) continue;
      do {
        if (entry->rank == sizeof entry->shape / sizeof *entry->shape) {
          fail(text);
          return;
        }
        if (!take_number(text, &entry->shape[entry->rank++])) return;
      } while (take(text, ','));
      expect(text, ']');
    } else if (strcmp(key, "data_offsets") == 0) {
      seen |= 4;
      if (!expect(text, '[') || !take_number(text, &entry->begin) || !expect(text, ',') ||
          !take_number(text, &entry->end))
        return;
      expect(text, ']');
    } else {
      fail(text);
    }
  } while (take(text, ','));
  expect(text, '}');
  if (seen != 7) fail(text);
}

static const char* dtype_name(uint32_t dtype) {
  static const char* const kNames[] = {"BOOL", "I8",  "I16", "I32",  "I64", "U8", "U16",
                                       "U32",  "U64", "F16", "BF16", "F32", "F64"};
  return dtype < sizeof kNames / sizeof *kNames ? kNames[dtype] : "";
}

static int has_type_of(const struct entry* entry, const struct krt_array* array) {
  if (strcmp(entry->dtype, dtype_name(array->dtype)) != 0 || entry->rank != array->rank) return 0;
  for (uint32_t axis = 0; axis < array->rank; ++axis)
    if (entry->shape[axis] != (uint64_t)array->shape[axis].coef) return 0;
  return 1;
}

/* Goes through the arrays of a file. `state`: takes those that the model has; NULL: they are looked at. `found`: how often the
 * variable `wanted` is there. */
static int walk(const struct krt_training* training, const unsigned char* bytes, size_t size, void* state,
                uint32_t wanted, uint32_t* found) {
  uint64_t length = 0;
  if (size < 8) return KRT_FOREIGN_STATE;
  for (int i = 8; i-- > 0;) length = length << 8 | bytes[i];
  if (length > size - 8) return KRT_FOREIGN_STATE;
  const unsigned char* data = bytes + 8 + length;
  const uint64_t data_bytes = size - 8 - length;
  struct text text = {(const char*)bytes + 8, (const char*)bytes + 8 + length};
  struct entry entry;
  *found = 0;
  if (!expect(&text, '{')) return KRT_FOREIGN_STATE;
  if (take(&text, '}')) return KRT_OK;
  do {
    if (!take_string(&text, entry.name, sizeof entry.name) || !expect(&text, ':')) return KRT_FOREIGN_STATE;
    if (strcmp(entry.name, "__metadata__") == 0) {
      skip_metadata(&text);
      continue;
    }
    take_entry(&text, &entry);
    if (!text.at || entry.begin > entry.end || entry.end > data_bytes) return KRT_FOREIGN_STATE;
    const uint32_t variable = krt_find_variable(training, entry.name);
    if (variable == UINT32_MAX) continue;
    const struct krt_variable* known = &training->trainer->variables[variable];
    if (!has_type_of(&entry, &known->array) ||
        entry.end - entry.begin != krt_variable_size(training, variable))
      return KRT_FOREIGN_STATE;
    *found += variable == wanted;
    if (state) krt_set_variable(training, state, variable, data + entry.begin);
  } while (take(&text, ','));
  return expect(&text, '}') ? KRT_OK : KRT_FOREIGN_STATE;
}

int krt_load_from(const struct krt_training* training, void* state, const void* bytes, size_t size) {
  uint32_t found;
  if (!state || !bytes) return KRT_NULL_ARGUMENT;
  /* Each weight once: without memory of what was seen, by looking for one after the other. */
  for (uint32_t i = 0; i < training->trainer->variable_count; ++i) {
    if (training->trainer->variables[i].role != KRT_WEIGHT) continue;
    const int status = walk(training, bytes, size, NULL, i, &found);
    if (status != KRT_OK) return status;
    if (found != 1) return KRT_FOREIGN_STATE;
  }
  return walk(training, bytes, size, state, UINT32_MAX, &found);
}

int krt_load(const struct krt_training* training, void* state, const char* path) {
  if (!state || !path) return KRT_NULL_ARGUMENT;
  const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat about;
  if (file < 0) return KRT_FILE_FAILED;
  int status = fstat(file, &about) == 0 ? KRT_OK : KRT_FILE_FAILED;
  if (status == KRT_OK && !S_ISREG(about.st_mode)) status = KRT_FOREIGN_STATE;
  if (status == KRT_OK && about.st_size < 8) status = KRT_FOREIGN_STATE;
  if (status == KRT_OK) {
    const size_t size = (size_t)about.st_size;
    void* bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    status = bytes == MAP_FAILED ? KRT_FILE_FAILED : krt_load_from(training, state, bytes, size);
    if (bytes != MAP_FAILED) munmap(bytes, size);
  }
  close(file);
  return status;
}

/* ---- Writing a file ---- */

static int write_all(int file, const void* bytes, size_t size) {
  const char* at = bytes;
  while (size > 0) {
    const ssize_t count = write(file, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return 0;
    at += count;
    size -= (size_t)count;
  }
  return 1;
}

static int write_state(const struct krt_training* training, const void* state, int file) {
  unsigned char length[8];
  length_bytes(training->saved_header_bytes, length);
  int good = write_all(file, length, sizeof length) &&
             write_all(file, training->saved_header, (size_t)training->saved_header_bytes);
  for (uint32_t i = 0; good && i < training->trainer->variable_count; ++i) {
    const uint32_t variable = training->saved_order[i];
    good = write_all(file, (const unsigned char*)state + training->trainer->variables[variable].offset,
                     krt_variable_size(training, variable));
  }
  return good && fsync(file) == 0;
}

/* The rename itself is durable once the folder is; some file systems refuse to sync folders, and that is fine. */
static void sync_folder_of(const char* path) {
  char folder[PATH_MAX];
  const char* slash = strrchr(path, '/');
  const size_t size = slash ? (size_t)(slash - path) + 1 : 1;
  if (size >= sizeof folder) return;
  memcpy(folder, slash ? path : ".", size);
  folder[size] = '\0';
  const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

/* Who looks sees the old file or the new one, never a part. */
int krt_save(const struct krt_training* training, const void* state, const char* path) {
  char aside[PATH_MAX];
  if (!state || !path) return KRT_NULL_ARGUMENT;
  const int size = snprintf(aside, sizeof aside, "%s.%ld-%p.tmp", path, (long)getpid(), state);
  if (size < 0 || (size_t)size >= sizeof aside) {
    errno = ENAMETOOLONG;
    return KRT_FILE_FAILED;
  }
  const int file = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return KRT_FILE_FAILED;
  int good = write_state(training, state, file);
  int reason = errno;
  if (close(file) != 0 && good) {
    good = 0;
    reason = errno;
  }
  if (good && rename(aside, path) != 0) {
    good = 0;
    reason = errno;
  }
  if (good) {
    sync_folder_of(path);
    return KRT_OK;
  }
  unlink(aside);
  errno = reason;
  return KRT_FILE_FAILED;
}
