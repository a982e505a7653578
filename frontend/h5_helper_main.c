/* keratin-h5: reads the HDF5 file on descriptor 0 with libhdf5 and writes what it holds to descriptor 1, as
 * frontend/h5_stream.h says. `keratin-h5 write` does the opposite: what the file shall hold comes on descriptor 0, the file
 * leaves on descriptor 1.
 *
 * libhdf5 does not survive malformed files, so it works here, where it can do no harm: memory, time and descriptors
 * are limited, no new file can be opened (the file is mapped and given to libhdf5 as an image in memory), and a
 * system-call filter, where the kernel has one, leaves only memory, reading and writing of what is open, and the end.
 *
 * Only hard links are followed; soft and external links, external storage and virtual datasets are refused, since they
 * name other places. A dataset must have its bytes in the file: the datasets' stored sizes may not exceed the
 * file's, so neither shapes without data nor many datasets over the same bytes can blow up the answer.
 *
 * Written are plain files as Keras's own are: groups, contiguous datasets and texts in libhdf5's oldest format, without
 * time stamps, so that the same request gives the same bytes.
 */
#include <errno.h>
#include <hdf5.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "frontend/h5_stream.h"

/* ---- The answer ---- */

static char out[1 << 16];
static size_t out_used;
static uint64_t records;
static uint64_t answer_left;

static void send_bytes(const char* bytes, size_t n) {
  while (n > 0) {
    const ssize_t sent = write(1, bytes, n);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) _exit(1);
    bytes += sent;
    n -= (size_t)sent;
  }
}

static void flush(void) {
  send_bytes(out, out_used);
  out_used = 0;
}

static void put(const void* bytes, size_t n) {
  if (n > sizeof out - out_used) flush();
  if (n > sizeof out) {
    send_bytes(bytes, n);
    return;
  }
  if (n > 0) memcpy(out + out_used, bytes, n);
  out_used += n;
}

static void put_u8(unsigned value) {
  const uint8_t byte = (uint8_t)value;
  put(&byte, 1);
}

static void put_u32(uint32_t value) {
  const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                            (uint8_t)(value >> 24)};
  put(bytes, sizeof bytes);
}

static void put_u64(uint64_t value) {
  put_u32((uint32_t)value);
  put_u32((uint32_t)(value >> 32));
}

static void put_text(const char* text, size_t length) {
  put_u32((uint32_t)length);
  put(text, length);
}

/* Ends the process: the file is refused. `path` may be NULL or that of the root, "". */
static _Noreturn void fail(const char* path, const char* reason) {
  char text[KERATIN_H5_MAX_PATH + 256];
  const int n = path && *path ? snprintf(text, sizeof text, "%s: %s", path, reason)
                              : snprintf(text, sizeof text, "%s", reason);
  put_u8(KERATIN_H5_FAILURE);
  put_text(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
  flush();
  _exit(0);
}

/* Counts `bytes` of the answer that is about to be sent for `path`. */
static void spend(const char* path, uint64_t bytes) {
  if (bytes > answer_left) fail(path, "holds far more data than the file's size allows");
  answer_left -= bytes;
}

static void begin_record(enum keratin_h5_record kind, const char* path) {
  if (++records > KERATIN_H5_MAX_RECORDS) fail(NULL, "holds too many objects");
  spend(path, 512 + strlen(path)); /* the rest of a record but for text and elements takes less */
  put_u8(kind);
  put_text(path, strlen(path));
}

/* ---- Attributes ---- */

/* Only these are read: of any place, lists of names (also in pieces: layer_names0, layer_names1 …) and single texts. */
static int is_wanted_attribute(const char* name) {
  static const char* const wanted[] = {"model_config", "training_config", "keras_version", "backend", "name",
                                       "dtype"};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i) {
    if (strcmp(name, wanted[i]) == 0) return 1;
  }
  return strncmp(name, "layer_names", 11) == 0 || strncmp(name, "weight_names", 12) == 0;
}

static void put_strings(const char* path, const char* name, const char* const* strings, const size_t* lengths,
                        size_t count) {
  begin_record(KERATIN_H5_ATTRIBUTE, path);
  spend(path, strlen(name));
  put_text(name, strlen(name));
  put_u32((uint32_t)count);
  for (size_t i = 0; i < count; ++i) {
    spend(path, 4 + (uint64_t)lengths[i]);
    put_text(strings[i], lengths[i]);
  }
}

/* `count` strings of an attribute; `type` is the file's. */
static void read_strings(const char* path, const char* name, hid_t attribute, hid_t type, size_t count) {
  const char** strings = calloc(count, sizeof *strings);
  size_t* lengths = calloc(count, sizeof *lengths);
  if (!strings || !lengths) fail(path, "needs too much memory");
  char* fixed = NULL;
  if (H5Tis_variable_str(type) > 0) {
    if (H5Aread(attribute, type, strings) < 0) fail(path, "cannot read an attribute");
    for (size_t i = 0; i < count; ++i) {
      if (!strings[i]) strings[i] = "";
      lengths[i] = strlen(strings[i]);
    }
  } else {
    const size_t size = H5Tget_size(type);
    if (size == 0 || size > answer_left / count) fail(path, "has an attribute that is too long");
    fixed = calloc(count, size);
    if (!fixed) fail(path, "needs too much memory");
    if (H5Aread(attribute, type, fixed) < 0) fail(path, "cannot read an attribute");
    for (size_t i = 0; i < count; ++i) {
      strings[i] = fixed + i * size;
      lengths[i] = strnlen(strings[i], size);
    }
  }
  put_strings(path, name, strings, lengths, count);
  /* Strings of variable length stay allocated: this process is short-lived, and freeing walks libhdf5's heap again. */
  free(fixed);
  free(lengths);
  free(strings);
}

static herr_t visit_attribute(hid_t object, const char* name, const H5A_info_t* info, void* data) {
  (void)info;
  const char* path = data;
  if (!is_wanted_attribute(name)) return 0;
  const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  const hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
  const hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
  if (space < 0 || type < 0) fail(path, "cannot read an attribute");
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  if (count < 0 || count > KERATIN_H5_MAX_STRINGS) fail(path, "has an attribute that is too long");
  if (count == 0) {
    put_strings(path, name, NULL, NULL, 0); /* an empty list has whatever type numpy gave it */
  } else if (H5Tget_class(type) == H5T_STRING) {
    read_strings(path, name, attribute, type, (size_t)count);
  }
  H5Tclose(type);
  H5Sclose(space);
  H5Aclose(attribute);
  return 0;
}

static void read_attributes(hid_t object, char* path) {
  hsize_t at = 0;
  if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, &at, visit_attribute, path) < 0) {
    fail(path, "cannot read the attributes");
  }
}

/* ---- Datasets ---- */

/* IEEE half precision, which libhdf5 1.10 has no name for. */
static hid_t half_type(H5T_order_t order) {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  H5Tset_order(type, order);
  return type;
}

/* How a dataset's elements are to be sent; `memory` < 0 if they are not. */
struct element {
  enum keratin_h5_type type;
  hid_t memory; /* libhdf5's type for them here */
  size_t size;
};

static struct element integer_element(hid_t type) {
  const struct element none = {KERATIN_H5_I8, -1, 0};
  const int is_signed = H5Tget_sign(type) == H5T_SGN_2;
  switch (H5Tget_size(type)) {
    case 1:
      return (struct element){is_signed ? KERATIN_H5_I8 : KERATIN_H5_U8,
                              is_signed ? H5T_STD_I8LE : H5T_STD_U8LE, 1};
    case 2:
      return (struct element){is_signed ? KERATIN_H5_I16 : KERATIN_H5_U16,
                              is_signed ? H5T_STD_I16LE : H5T_STD_U16LE, 2};
    case 4:
      return (struct element){is_signed ? KERATIN_H5_I32 : KERATIN_H5_U32,
                              is_signed ? H5T_STD_I32LE : H5T_STD_U32LE, 4};
    case 8:
      return (struct element){is_signed ? KERATIN_H5_I64 : KERATIN_H5_U64,
                              is_signed ? H5T_STD_I64LE : H5T_STD_U64LE, 8};
    default: return none;
  }
}

static struct element float_element(hid_t type) {
  const struct element none = {KERATIN_H5_F32, -1, 0};
  if (H5Tequal(type, H5T_IEEE_F32LE) > 0 || H5Tequal(type, H5T_IEEE_F32BE) > 0) {
    return (struct element){KERATIN_H5_F32, H5T_IEEE_F32LE, 4};
  }
  if (H5Tequal(type, H5T_IEEE_F64LE) > 0 || H5Tequal(type, H5T_IEEE_F64BE) > 0) {
    return (struct element){KERATIN_H5_F64, H5T_IEEE_F64LE, 8};
  }
  const hid_t half = half_type(H5T_ORDER_LE);
  if (H5Tequal(type, half) > 0 || H5Tequal(type, half_type(H5T_ORDER_BE)) > 0) {
    return (struct element){KERATIN_H5_F16, half, 2};
  }
  return none;
}

/* h5py's booleans: bytes with the names FALSE = 0 and TRUE = 1. */
static int is_boolean(hid_t type) {
  if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return 0;
  int8_t no = -1, yes = -1;
  return H5Tenum_valueof(type, "FALSE", &no) >= 0 && H5Tenum_valueof(type, "TRUE", &yes) >= 0 && no == 0 &&
         yes == 1;
}

static struct element element_of(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: return integer_element(type);
    case H5T_FLOAT: return float_element(type);
    case H5T_ENUM: return (struct element){KERATIN_H5_BOOL, is_boolean(type) ? type : -1, 1};
    case H5T_OPAQUE: return (struct element){KERATIN_H5_BF16, H5Tget_size(type) == 2 ? type : -1, 2};
    default: return (struct element){KERATIN_H5_I8, -1, 0};
  }
}

static uint64_t stored_left; /* of the file's bytes, those that no dataset has claimed yet */

/* Refuses data kept elsewhere, and data that are not in the file at all. */
static void check_storage(hid_t dataset, const char* path, uint64_t length) {
  const hid_t plist = H5Dget_create_plist(dataset);
  const H5D_layout_t layout = plist < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(plist);
  if (layout == H5D_LAYOUT_ERROR) fail(path, "cannot be read");
  if (layout == H5D_VIRTUAL) fail(path, "is a virtual dataset, which names other files");
  if (H5Pget_external_count(plist) != 0) fail(path, "keeps its data in another file");
  H5Pclose(plist);
  const uint64_t stored = H5Dget_storage_size(dataset);
  if (stored > stored_left) fail(path, "claims bytes beyond the file's size");
  stored_left -= stored;
  if (layout != H5D_CHUNKED ? stored != length : (stored == 0 && length != 0))
    fail(path, "has no data for its shape");
}

static void read_dataset(hid_t dataset, char* path) {
  const hid_t type = H5Dget_type(dataset);
  const hid_t space = H5Dget_space(dataset);
  if (type < 0 || space < 0) fail(path, "cannot be read");
  const struct element element = element_of(type);
  const int rank = H5Sget_simple_extent_ndims(space);
  if (element.memory < 0 || rank < 0 || H5Sget_simple_extent_type(space) == H5S_NULL) {
    static const char reason[] = "its elements are neither numbers nor booleans";
    begin_record(KERATIN_H5_SKIPPED, path);
    put_text(reason, sizeof reason - 1);
    return;
  }
  hsize_t dims[H5S_MAX_RANK];
  if (rank > KERATIN_H5_MAX_RANK || H5Sget_simple_extent_dims(space, dims, NULL) < 0)
    fail(path, "cannot be read");
  uint64_t length = element.size;
  int is_empty = 0;
  for (int i = 0; i < rank; ++i) {
    is_empty |= dims[i] == 0;
    if (dims[i] != 0 && __builtin_mul_overflow(length, (uint64_t)dims[i], &length))
      fail(path, "has an absurd shape");
  }
  if (is_empty) length = 0;
  check_storage(dataset, path, length);
  spend(path, length);
  char* elements = malloc(length ? length : 1);
  if (!elements) fail(path, "needs too much memory");
  if (length && H5Dread(dataset, element.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements) < 0) {
    fail(path, "its data cannot be read");
  }
  begin_record(KERATIN_H5_DATASET, path);
  put_u8(element.type);
  put_u8((unsigned)rank);
  for (int i = 0; i < rank; ++i) put_u64(dims[i]);
  put_u64(length);
  put(elements, length);
  free(elements);
  H5Sclose(space);
  H5Tclose(type);
}

/* ---- Groups ---- */

static uint64_t objects;

/* Where the walk is: `path` is extended and cut back as it goes. */
struct place {
  char* path;
  size_t length;
  int depth;
};

static void read_group(hid_t group, const struct place* place);

static herr_t visit_link(hid_t group, const char* name, const H5L_info_t* link, void* data) {
  const struct place* above = data;
  const char* slash = above->length > 0 ? "/" : "";
  const size_t length = above->length + strlen(slash) + strlen(name);
  if (length >= KERATIN_H5_MAX_PATH) fail(above->path, "has a name that is too long");
  strcpy(above->path + above->length, slash);
  strcat(above->path + above->length, name);
  if (link->type == H5L_TYPE_EXTERNAL) fail(above->path, "is a link to another file");
  if (link->type != H5L_TYPE_HARD) fail(above->path, "is a soft link; only hard links are followed");
  if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    fail(above->path, "has an impossible name");
  /* Bounds the walk whatever the links are: a group that holds itself ends at the depth limit. */
  if (++objects > KERATIN_H5_MAX_RECORDS) fail(NULL, "holds too many objects");
  if (above->depth == KERATIN_H5_MAX_DEPTH) fail(NULL, "its groups are nested too deep");

  const hid_t object = H5Oopen(group, name, H5P_DEFAULT);
  if (object < 0) fail(above->path, "cannot be opened");
  const struct place place = {above->path, length, above->depth + 1};
  switch (H5Iget_type(object)) {
    case H5I_GROUP: read_group(object, &place); break;
    case H5I_DATASET:
      read_dataset(object, place.path);
      read_attributes(object, place.path);
      break;
    default: break; /* a named type holds no data */
  }
  H5Oclose(object);
  above->path[above->length] = '\0';
  return 0;
}

static void read_group(hid_t group, const struct place* place) {
  read_attributes(group, place->path);
  hsize_t at = 0;
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, visit_link, (void*)place) < 0) {
    fail(place->path, "the group cannot be read");
  }
}

/* ---- The file, as an image in memory that libhdf5 neither copies nor frees ---- */

static void* image;

static void* image_malloc(size_t size, H5FD_file_image_op_t op, void* data) {
  (void)size, (void)op, (void)data;
  return image;
}

static void* image_copy(void* to, const void* from, size_t size, H5FD_file_image_op_t op, void* data) {
  (void)from, (void)size, (void)op, (void)data;
  return to;
}

static void* image_realloc(void* old, size_t size, H5FD_file_image_op_t op, void* data) {
  (void)old, (void)size, (void)op, (void)data;
  return NULL;
}

static herr_t image_free(void* old, H5FD_file_image_op_t op, void* data) {
  (void)old, (void)op, (void)data;
  return 0;
}

static hid_t open_image(size_t size) {
  image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0, 0);
  if (image == MAP_FAILED) fail(NULL, "cannot be mapped");
  H5FD_file_image_callbacks_t callbacks = {image_malloc, image_copy, image_realloc, image_free,
                                           NULL,         NULL,       NULL};
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0 || H5Pset_fapl_core(access, 1 << 16, 0) < 0 ||
      H5Pset_file_image_callbacks(access, &callbacks) < 0 || H5Pset_file_image(access, image, size) < 0) {
    fail(NULL, "libhdf5 takes no image");
  }
  return access;
}

/* ---- Writing: the request ---- */

static const unsigned char* request;
static uint64_t request_left;

/* The next `n` bytes of the request, where they lie. */
static const void* take(uint64_t n) {
  if (n > request_left) fail(NULL, "the request ends too early");
  const unsigned char* at = request;
  request += n;
  request_left -= n;
  return at;
}

static uint64_t take_number(size_t bytes) {
  const unsigned char* at = take(bytes);
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= (uint64_t)at[i] << (8 * i);
  return value;
}

/* A text of at most `most` bytes, none of them zero, with a final zero. */
static char* take_text(uint64_t most) {
  const uint64_t length = take_number(4);
  if (length > most) fail(NULL, "a text of the request is too long");
  const void* bytes = take(length);
  if (memchr(bytes, 0, length)) fail(NULL, "a text of the request holds a zero");
  char* text = malloc(length + 1);
  if (!text) fail(NULL, "needs too much memory");
  memcpy(text, bytes, length);
  text[length] = '\0';
  return text;
}

/* A path whose steps all name something; the root's is empty. */
static char* take_path(void) {
  char* path = take_text(KERATIN_H5_MAX_PATH - 1);
  int depth = 0;
  for (const char* step = path; *path != '\0';) {
    const size_t length = strcspn(step, "/");
    if (length == 0 || (length <= 2 && strncmp(step, "..", length) == 0))
      fail(path, "has an impossible name");
    if (++depth > KERATIN_H5_MAX_DEPTH) fail(path, "is nested too deep");
    if (step[length] == '\0') break;
    step += length + 1;
  }
  return path;
}

/* ---- Writing: the file ---- */

static struct element element_named(enum keratin_h5_type type) {
  switch (type) {
    case KERATIN_H5_BOOL: {
      const hid_t boolean = H5Tenum_create(H5T_STD_I8LE);
      const int8_t no = 0, yes = 1;
      H5Tenum_insert(boolean, "FALSE", &no);
      H5Tenum_insert(boolean, "TRUE", &yes);
      return (struct element){type, boolean, 1};
    }
    case KERATIN_H5_I8: return (struct element){type, H5T_STD_I8LE, 1};
    case KERATIN_H5_I16: return (struct element){type, H5T_STD_I16LE, 2};
    case KERATIN_H5_I32: return (struct element){type, H5T_STD_I32LE, 4};
    case KERATIN_H5_I64: return (struct element){type, H5T_STD_I64LE, 8};
    case KERATIN_H5_U8: return (struct element){type, H5T_STD_U8LE, 1};
    case KERATIN_H5_U16: return (struct element){type, H5T_STD_U16LE, 2};
    case KERATIN_H5_U32: return (struct element){type, H5T_STD_U32LE, 4};
    case KERATIN_H5_U64: return (struct element){type, H5T_STD_U64LE, 8};
    case KERATIN_H5_F16: return (struct element){type, half_type(H5T_ORDER_LE), 2};
    case KERATIN_H5_BF16: return (struct element){type, H5Tcreate(H5T_OPAQUE, 2), 2};
    case KERATIN_H5_F32: return (struct element){type, H5T_IEEE_F32LE, 4};
    case KERATIN_H5_F64: return (struct element){type, H5T_IEEE_F64LE, 8};
  }
  fail(NULL, "the request names an unknown type");
}

/* Where in the file the elements of each dataset of the request begin; of empty ones nowhere, UINT64_MAX. */
static uint64_t* offsets = NULL;
static uint64_t offset_count = 0, offset_room = 0;

static void note_offset(uint64_t offset) {
  if (offset_count == offset_room) {
    offset_room = 2 * offset_room + 64;
    uint64_t* larger = realloc(offsets, offset_room * sizeof *offsets);
    if (!larger) fail(NULL, "needs too much memory");
    offsets = larger;
  }
  offsets[offset_count++] = offset;
}

static void write_dataset(hid_t file, hid_t links) {
  char* path = take_path();
  const struct element element = element_named((enum keratin_h5_type)take_number(1));
  const int rank = (int)take_number(1);
  if (rank > KERATIN_H5_MAX_RANK) fail(path, "has too many dimensions");
  hsize_t dims[KERATIN_H5_MAX_RANK];
  uint64_t length = element.size;
  int is_empty = 0;
  for (int i = 0; i < rank; ++i) {
    dims[i] = take_number(8);
    is_empty |= dims[i] == 0;
    if (dims[i] != 0 && __builtin_mul_overflow(length, (uint64_t)dims[i], &length))
      fail(path, "has an absurd shape");
  }
  if (is_empty) length = 0;
  if (take_number(8) != length) fail(path, "has another length than its shape");
  const void* elements = take(length);

  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  if (creation < 0 || H5Pset_obj_track_times(creation, 0) < 0 ||
      H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) < 0)
    fail(path, "cannot be created");
  const hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, dims, NULL);
  const hid_t dataset = H5Dcreate2(file, path, element.memory, space, links, creation, H5P_DEFAULT);
  if (dataset < 0) fail(path, "cannot be created");
  if (length && H5Dwrite(dataset, element.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements) < 0)
    fail(path, "cannot be written");
  note_offset(length ? H5Dget_offset(dataset) : UINT64_MAX);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Pclose(creation);
  free(path);
}

/* The dataset or group at `path`, which becomes a group if there is nothing yet. */
static hid_t open_or_create(hid_t file, const char* path, hid_t links) {
  if (*path == '\0') return H5Gopen2(file, "/", H5P_DEFAULT);
  const hid_t there = H5Oopen(file, path, H5P_DEFAULT);
  return there >= 0 ? there : H5Gcreate2(file, path, links, H5P_DEFAULT, H5P_DEFAULT);
}

/* One text, as h5py writes it: a scalar of variable length in UTF-8. */
static void write_attribute(hid_t file, hid_t links) {
  char* path = take_path();
  char* name = take_text(KERATIN_H5_MAX_PATH);
  if (*name == '\0' || take_number(4) != 1) fail(path, "has an attribute that is no single text");
  char* text = take_text(request_left);
  const hid_t object = open_or_create(file, path, links);
  const hid_t type = H5Tcopy(H5T_C_S1);
  if (object < 0 || type < 0 || H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)
    fail(path, "cannot be created");
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0 || H5Awrite(attribute, type, &text) < 0) fail(path, "an attribute cannot be written");
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
  H5Oclose(object);
  free(text);
  free(name);
  free(path);
}

static void write_records(hid_t file) {
  if (memcmp(take(4), KERATIN_H5_MAGIC, 4) != 0 || take_number(4) != KERATIN_H5_VERSION)
    fail(NULL, "is no request");
  const hid_t links = H5Pcreate(H5P_LINK_CREATE);
  if (links < 0 || H5Pset_create_intermediate_group(links, 1) < 0) fail(NULL, "libhdf5 makes no groups");
  for (uint64_t count = 0;; ++count) {
    if (count > KERATIN_H5_MAX_RECORDS) fail(NULL, "the request holds too many objects");
    switch (take_number(1)) {
      case KERATIN_H5_DATASET: write_dataset(file, links); break;
      case KERATIN_H5_ATTRIBUTE: write_attribute(file, links); break;
      case KERATIN_H5_END:
        if (take_number(8) != count || request_left != 0) fail(NULL, "the request ends in disorder");
        return;
      default: fail(NULL, "the request holds an unknown record");
    }
  }
}

/* The file grows in memory alone and is sent when it is whole. */
static void send_written_file(void) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0 || H5Pset_fapl_core(access, 1 << 20, 0) < 0) fail(NULL, "libhdf5 makes no image");
  const hid_t file = H5Fcreate("/image", H5F_ACC_TRUNC, H5P_DEFAULT, access);
  if (file < 0) fail(NULL, "libhdf5 makes no file");
  write_records(file);
  const ssize_t size = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
  if (size <= 0) fail(NULL, "libhdf5 makes no image");
  char* bytes = malloc((size_t)size);
  if (!bytes) fail(NULL, "needs too much memory");
  if (H5Fget_file_image(file, bytes, (size_t)size) != size) fail(NULL, "libhdf5 makes no image");
  begin_record(KERATIN_H5_IMAGE, "");
  spend(NULL, (uint64_t)size);
  put_u64((uint64_t)size);
  put(bytes, (size_t)size);
  put_u64(offset_count);
  for (uint64_t i = 0; i < offset_count; ++i) put_u64(offsets[i]);
}

/* ---- Confinement ---- */

static void limit(int resource, rlim_t value) {
  const struct rlimit both = {value, value};
  if (setrlimit(resource, &both) != 0) fail(NULL, "cannot set its limits");
}

static void limit_resources(uint64_t size) {
  limit(RLIMIT_AS, ((rlim_t)256 << 20) + size + keratin_h5_answer_limit(size));
  limit(RLIMIT_CPU, keratin_h5_seconds(size));
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 3);
}

#if defined(__x86_64__)
#define KERATIN_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define KERATIN_AUDIT_ARCH AUDIT_ARCH_AARCH64
#endif

/* From here on every other system call fails with EPERM. */
static void filter_system_calls(void) {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifdef KERATIN_AUDIT_ARCH
#define ALLOW(call) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KERATIN_AUDIT_ARCH, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ALLOW(read),
      ALLOW(write),
      ALLOW(brk),
      ALLOW(mmap),
      ALLOW(munmap),
      ALLOW(mremap),
      ALLOW(madvise),
      ALLOW(mprotect),
      ALLOW(futex),
      ALLOW(getrandom),
      ALLOW(rt_sigreturn),
      ALLOW(clock_gettime),
      ALLOW(exit),
      ALLOW(exit_group),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  /* Fails where the kernel has no filters; the limits hold all the same. */
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#endif
}

static void read_file(size_t size) {
  const hid_t access = open_image(size);
  filter_system_calls();
  const hid_t file = H5Fopen("/image", H5F_ACC_RDONLY, access);
  if (file < 0) fail(NULL, "is no HDF5 file, or is damaged");
  const hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  if (root < 0) fail(NULL, "has no root group");
  char path[KERATIN_H5_MAX_PATH] = "";
  const struct place place = {path, 0, 0};
  read_group(root, &place);
}

static void write_what_is_requested(size_t size) {
  request = mmap(NULL, size, PROT_READ, MAP_PRIVATE, 0, 0);
  if (request == MAP_FAILED) fail(NULL, "cannot be mapped");
  request_left = size;
  filter_system_calls();
  send_written_file();
}

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  struct stat status;
  if (fstat(0, &status) != 0 || status.st_size < 0) return 1;
  const uint64_t size = (uint64_t)status.st_size;
  answer_left = keratin_h5_answer_limit(size) - 64; /* the stream's own beginning and end */
  stored_left = size;
  put(KERATIN_H5_MAGIC, 4);
  put_u32(KERATIN_H5_VERSION);
  if (size == 0) fail(NULL, "is empty");

  limit_resources(size);
  /* What libhdf5 sets up once (its types, its environment) is set up before the filter; plug-ins are never loaded. */
  if (H5open() < 0 || H5PLset_loading_state(0) < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0) return 1;
  if (argc == 2 && strcmp(argv[1], "write") == 0) {
    write_what_is_requested((size_t)size);
  } else {
    read_file((size_t)size);
  }

  put_u8(KERATIN_H5_END);
  put_u64(records);
  flush();
  _exit(0); /* closing would only walk structures that the file has shaped */
}
