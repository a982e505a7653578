/* The table that turns the strings of one input into its integers: how they are cut into tokens, and a vocabulary.
 *
 * A table is a block of bytes without pointers, which travels among the model's weights: a header, and behind it, each at a multiple
 * of 8, the widths of n-grams, the slots of a hash table, its entries, and their strings. frontend/string_table.cpp makes them.
 */
#ifndef KERATIN_RUNTIME_STRINGS_H
#define KERATIN_RUNTIME_STRINGS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KRT_STRINGS_VERSION 1u

enum krt_strings_rules {
  KRT_LOWER = 1u << 0,             /* A to Z become a to z */
  KRT_STRIP_PUNCTUATION = 1u << 1, /* ASCII's, but for none */
  KRT_SPLIT_SPACES = 1u << 2,      /* a string is a row of tokens, between spaces; */
  KRT_SPLIT_CHARACTERS = 1u << 3,  /* each character of UTF-8 is one. Without either, a string is one token */
  KRT_KEYED = 1u << 4              /* `key` decides where unknown tokens go */
};

struct krt_strings {
  uint32_t version, rules;
  uint32_t
      width_count; /* how many tokens an n-gram has: all of the first width, then all of the next one; 0: no n-grams */
  uint32_t slot_count; /* a power of 2 that is larger than entry_count */
  uint64_t entry_count, string_bytes;
  int64_t first_unknown, unknown_count; /* indices of unknown tokens; without any, they are an error */
  int64_t padding;                      /* what rows are filled up with */
  uint64_t key[2];
};
/* Slots hold 1 + the number of an entry, or 0; an entry is in the first free slot from its hash on. */
struct krt_strings_entry {
  uint64_t at; /* of its string */
  uint32_t size, hash;
  int64_t value;
};

/* Whether a string becomes a row of integers, not one. */
static inline int krt_strings_makes_rows(const struct krt_strings* table) {
  return (table->rules & (KRT_SPLIT_SPACES | KRT_SPLIT_CHARACTERS)) != 0;
}
static inline size_t krt_strings_widths_at(const struct krt_strings* table) {
  (void)table;
  return sizeof(struct krt_strings);
}
static inline size_t krt_strings_slots_at(const struct krt_strings* table) {
  return krt_strings_widths_at(table) + ((size_t)table->width_count + 1) / 2 * 8;
}
static inline size_t krt_strings_entries_at(const struct krt_strings* table) {
  return krt_strings_slots_at(table) + ((size_t)table->slot_count + 1) / 2 * 8;
}
static inline size_t krt_strings_bytes_at(const struct krt_strings* table) {
  return krt_strings_entries_at(table) + (size_t)table->entry_count * sizeof(struct krt_strings_entry);
}

/* The hash of a token, byte by byte: FNV-1a (G. Fowler, L. Noll, K. Vo), folded. */
#define KRT_TOKEN_HASH_BEGIN 0xcbf29ce484222325u
static inline uint64_t krt_token_hash_next(uint64_t hash, unsigned char byte) {
  return (hash ^ byte) * 0x100000001b3u;
}
static inline uint32_t krt_token_hash_end(uint64_t hash) { return (uint32_t)(hash ^ hash >> 32); }

/* What decides where a string goes that is in no vocabulary: FarmHash's Fingerprint64, or, with a key of two words, SipHash-2-4. */
uint64_t krt_string_hash(const unsigned char* string, size_t size, const uint64_t* key);

/* Whether this is a whole table, in which nothing leads astray. `bytes` is aligned to 8. */
int krt_strings_check(const unsigned char* bytes, size_t size);

/* The integers of `count` strings, `length` for each: rows of tokens are cut, or filled up with padding. `sizes` are in bytes; NULL:
 * strings end with a zero byte. Where a string is one token, length is 1. An enum krt_status. Requires: krt_strings_check(table). */
int krt_strings_encode(const struct krt_strings* table, const char* const* strings, const size_t* sizes,
                       size_t count, size_t length, int64_t* values);
/* The tokens of the longest row, at least 1; SIZE_MAX if a string is NULL. */
size_t krt_strings_length(const struct krt_strings* table, const char* const* strings, const size_t* sizes,
                          size_t count);

#ifdef __cplusplus
}
#endif
#endif
