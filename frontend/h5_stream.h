/* The stream by which keratin-h5, the process that reads and writes HDF5 files, answers the process that started it.
 *
 * The file comes on descriptor 0 (a memory file: its length is known), the answer leaves on descriptor 1. Numbers are
 * little-endian; text is a u32 length and as many bytes, without a final zero.
 *
 *     stream     magic:"KTH5" u32:version  record*  end
 *     record     u8:kind, then
 *       dataset    text:path u8:type u8:rank u64:dimension[rank] u64:length, then `length` bytes: the elements,
 *                  row-major, little-endian; booleans are bytes
 *       skipped    text:path text:reason            a dataset of a type that is not read
 *       attribute  text:path text:name u32:count text[count]      strings; one that is no list has count 1
 *       image      text:path u64:length, then `length` bytes: the file that was asked for; the path is empty. Then u64:count
 *                  u64:offset[count]: where in it the elements of each dataset are, in the request's order; of empty ones UINT64_MAX
 *       failure    text:reason                      the file is refused; the last record
 *       end        u64:records before this one      the last record; nothing follows
 *
 * Paths begin at the root, whose own path is empty: "layers/dense/vars/0". A path has one dataset, and one attribute
 * of each name. The receiver checks all of this, and that the whole answer is no longer than
 * keratin_h5_answer_limit(): a helper led astray by its file may write anything.
 *
 * To have a file written, the process that starts the helper sends a stream of the same form on descriptor 0: datasets,
 * then attributes that are one text, then the end. A group comes to be by what is in it, or by its attributes. The answer is an image.
 */
#ifndef KERATIN_FRONTEND_H5_STREAM_H
#define KERATIN_FRONTEND_H5_STREAM_H

#include <stdint.h>

#define KERATIN_H5_MAGIC "KTH5"

enum { KERATIN_H5_VERSION = 2 };

enum keratin_h5_record {
  KERATIN_H5_DATASET = 1,
  KERATIN_H5_SKIPPED = 2,
  KERATIN_H5_ATTRIBUTE = 3,
  KERATIN_H5_FAILURE = 4,
  KERATIN_H5_END = 5,
  KERATIN_H5_IMAGE = 6
};

enum keratin_h5_type {
  KERATIN_H5_BOOL = 1,
  KERATIN_H5_I8,
  KERATIN_H5_I16,
  KERATIN_H5_I32,
  KERATIN_H5_I64,
  KERATIN_H5_U8,
  KERATIN_H5_U16,
  KERATIN_H5_U32,
  KERATIN_H5_U64,
  KERATIN_H5_F16,
  KERATIN_H5_BF16,
  KERATIN_H5_F32,
  KERATIN_H5_F64
};

enum {
  KERATIN_H5_MAX_RANK = 32,
  KERATIN_H5_MAX_DEPTH = 64,  /* of groups */
  KERATIN_H5_MAX_PATH = 8192, /* bytes */
  KERATIN_H5_MAX_RECORDS = 1000000,
  KERATIN_H5_MAX_STRINGS = 1000000 /* of one attribute */
};

/* Bytes of answer for a file of `size` bytes. Weights hardly compress: four times is more than any honest file needs. */
static inline uint64_t keratin_h5_answer_limit(uint64_t size) { return ((uint64_t)64 << 20) + 4 * size; }

/* Seconds of processor time for a file of `size` bytes. */
static inline uint64_t keratin_h5_seconds(uint64_t size) { return 2 + (size >> 25); }

#endif
