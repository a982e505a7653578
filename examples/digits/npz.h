/* Arrays out of a stored (not compressed) .npz file, as `keratin run --output` writes it. */
#ifndef NPZ_H
#define NPZ_H

#include <stddef.h>

struct npz {
  unsigned char* bytes;
  size_t size;
};

/* 0 on success. */
int npz_read(struct npz* file, const char* path);
/* The elements of the array `name` if it has `type` ("<f4", "|u1", …) and `bytes` bytes of them; otherwise NULL.
 * They lie in the file's memory, aligned for bytes only. */
const void* npz_array(const struct npz* file, const char* name, const char* type, size_t bytes);
void npz_free(struct npz* file);

#endif
