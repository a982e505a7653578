/* Strings to integers, by a table of runtime/strings.h.
 *
 * Nothing is allocated: a token is not a piece of memory but a reader, which gives its bytes as often as it is asked for them, lower
 * case and without what is stripped.
 */
#include "runtime/strings.h"

#include <string.h>

#include "runtime/abi.h"

static int is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static int is_punctuation(int c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/* The bytes of a string. */
struct reader {
  const unsigned char *at, *end;
  uint32_t rules;
};

/* -1: there is none. */
static int peek_byte(struct reader* r) {
  if (r->rules & KRT_STRIP_PUNCTUATION)
    while (r->at < r->end && is_punctuation(*r->at)) ++r->at;
  if (r->at == r->end) return -1;
  const int c = *r->at;
  return r->rules & KRT_LOWER && c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}
static int next_byte(struct reader* r) {
  const int c = peek_byte(r);
  if (c >= 0) ++r->at;
  return c;
}

/* Goes to the next token; 0: there is none. */
static int find_token(struct reader* r) {
  if (r->rules & KRT_SPLIT_SPACES)
    while (is_space(peek_byte(r))) ++r->at;
  return peek_byte(r) >= 0;
}

/* Reads a character of 1 to 4 bytes. As much as may begin one, and does not, becomes U+FFFD: Unicode 15.0, section 3.9. */
static int read_character(struct reader* r, unsigned char* to) {
  const int first = next_byte(r);
  to[0] = (unsigned char)first;
  if (first < 0x80) return 1;
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  int low = 0x80, high = 0xbf, size = 1;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (first >= 0xc2 && first <= 0xf4) {
    while (size <= more && peek_byte(r) >= low && peek_byte(r) <= high) {
      to[size++] = (unsigned char)next_byte(r);
      low = 0x80;
      high = 0xbf;
    }
    if (size == more + 1) return size;
  }
  memcpy(to, "\xef\xbf\xbd", 3);
  return 3;
}

/* Some tokens with a space between each two. */
struct gram {
  struct reader reader;
  uint32_t left; /* tokens, the current one included */
  int read, size;
  unsigned char character[4];
};

/* Requires: a token begins at the reader, and there are `width`. */
static struct gram gram_at(struct reader reader, uint32_t width) {
  struct gram gram = {.reader = reader, .left = width};
  if (reader.rules & KRT_SPLIT_CHARACTERS) gram.size = read_character(&gram.reader, gram.character);
  return gram;
}

/* The next byte; -1: all have been read, and the reader is behind them. */
static int next_of_gram(struct gram* g) {
  if (g->reader.rules & KRT_SPLIT_CHARACTERS) {
    if (g->read < g->size) return g->character[g->read++];
  } else {
    const int c = peek_byte(&g->reader);
    if (c >= 0 && !(g->reader.rules & KRT_SPLIT_SPACES && is_space(c))) return next_byte(&g->reader);
  }
  if (--g->left == 0) return -1;
  find_token(&g->reader);
  if (g->reader.rules & KRT_SPLIT_CHARACTERS) g->size = read_character(&g->reader, g->character);
  g->read = 0;
  return ' ';
}

static size_t skip_token(struct reader* r) {
  struct gram gram = gram_at(*r, 1);
  while (next_of_gram(&gram) >= 0) continue;
  *r = gram.reader;
  return 1;
}

static size_t count_tokens(struct reader r) {
  size_t count = 0;
  while (find_token(&r)) count += skip_token(&r);
  return count;
}

static int is_entry(struct gram gram, const unsigned char* string, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i)
    if (next_of_gram(&gram) != string[i]) return 0;
  return next_of_gram(&gram) < 0;
}

/* `whole`: the string of a token that is no part of a row. */
static int look_up(const struct krt_strings* table, const struct gram* gram, const unsigned char* whole,
                   size_t size, int64_t* value) {
  const unsigned char* bytes = (const unsigned char*)table;
  const uint32_t* slots = (const uint32_t*)(bytes + krt_strings_slots_at(table));
  const struct krt_strings_entry* entries =
      (const struct krt_strings_entry*)(bytes + krt_strings_entries_at(table));
  uint64_t state = KRT_TOKEN_HASH_BEGIN;
  struct gram read = *gram;
  for (int c; (c = next_of_gram(&read)) >= 0;) state = krt_token_hash_next(state, (unsigned char)c);
  const uint32_t hash = krt_token_hash_end(state), last = table->slot_count - 1;
  for (uint32_t slot = hash & last; slots[slot] != 0; slot = (slot + 1) & last) {
    const struct krt_strings_entry* entry = &entries[slots[slot] - 1];
    if (entry->hash != hash || !is_entry(*gram, bytes + krt_strings_bytes_at(table) + entry->at, entry->size))
      continue;
    *value = entry->value;
    return KRT_OK;
  }
  if (table->unknown_count == 0) return KRT_UNKNOWN_STRING;
  *value = table->first_unknown;
  if (table->unknown_count > 1)
    *value += (int64_t)(krt_string_hash(whole, size, table->rules & KRT_KEYED ? table->key : NULL) %
                        (uint64_t)table->unknown_count);
  return KRT_OK;
}

static int encode_row(const struct krt_strings* table, struct reader reader, size_t length, int64_t* values) {
  const uint32_t one = 1, *widths = &one;
  size_t filled = 0, tokens = SIZE_MAX; /* how many, where it matters */
  if (table->width_count > 0) {
    widths = (const uint32_t*)((const unsigned char*)table + krt_strings_widths_at(table));
    tokens = count_tokens(reader);
  }
  for (uint32_t i = 0; i < (table->width_count > 0 ? table->width_count : 1); ++i) {
    struct reader begin = reader;
    for (size_t first = 0; filled < length && widths[i] <= tokens - first && find_token(&begin); ++first) {
      const struct gram gram = gram_at(begin, widths[i]);
      const int status = look_up(table, &gram, NULL, 0, &values[filled++]);
      if (status != KRT_OK) return status;
      skip_token(&begin);
    }
  }
  while (filled < length) values[filled++] = table->padding;
  return KRT_OK;
}

static struct reader reader_of(const struct krt_strings* table, const char* const* strings,
                               const size_t* sizes, size_t i) {
  const unsigned char* string = (const unsigned char*)strings[i];
  return (struct reader){string, string + (sizes ? sizes[i] : strlen(strings[i])), table->rules};
}

int krt_strings_encode(const struct krt_strings* table, const char* const* strings, const size_t* sizes,
                       size_t count, size_t length, int64_t* values) {
  if (count == 0) return KRT_OK;
  if (!strings || !values) return KRT_NULL_ARGUMENT;
  if (length == 0 || (length != 1 && !krt_strings_makes_rows(table))) return KRT_BAD_LENGTH;
  for (size_t i = 0; i < count; ++i) {
    if (!strings[i]) return KRT_NULL_ARGUMENT;
    const struct reader reader = reader_of(table, strings, sizes, i);
    int64_t* const to = values + i * length;
    int status;
    if (krt_strings_makes_rows(table)) {
      status = encode_row(table, reader, length, to);
    } else {
      const struct gram gram = gram_at(reader, 1);
      status = look_up(table, &gram, reader.at, (size_t)(reader.end - reader.at), to);
    }
    if (status != KRT_OK) return status;
  }
  return KRT_OK;
}

size_t krt_strings_length(const struct krt_strings* table, const char* const* strings, const size_t* sizes,
                          size_t count) {
  const uint32_t* widths = (const uint32_t*)((const unsigned char*)table + krt_strings_widths_at(table));
  size_t longest = 1;
  for (size_t i = 0; i < count; ++i) {
    if (!strings || !strings[i]) return SIZE_MAX;
    if (!krt_strings_makes_rows(table)) continue;
    const size_t tokens = count_tokens(reader_of(table, strings, sizes, i));
    size_t length = table->width_count > 0 ? 0 : tokens;
    for (uint32_t w = 0; w < table->width_count; ++w)
      if (widths[w] <= tokens) length += tokens - widths[w] + 1;
    if (length > longest) longest = length;
  }
  return longest;
}

int krt_strings_check(const unsigned char* bytes, size_t size) {
  const struct krt_strings* table = (const struct krt_strings*)bytes;
  if (size < sizeof *table || table->version != KRT_STRINGS_VERSION) return 0;
  const uint32_t slots = table->slot_count;
  const int splits_both =
      (table->rules & KRT_SPLIT_SPACES) != 0 && (table->rules & KRT_SPLIT_CHARACTERS) != 0;
  if (slots == 0 || (slots & (slots - 1)) != 0 || table->entry_count >= slots || table->unknown_count < 0 ||
      table->first_unknown < 0 || table->unknown_count > INT64_MAX - table->first_unknown ||
      (krt_strings_makes_rows(table) ? table->unknown_count > 1 : table->width_count > 0) || splits_both ||
      table->string_bytes > size || krt_strings_bytes_at(table) > size ||
      krt_strings_bytes_at(table) + (size_t)table->string_bytes != size)
    return 0;
  const uint32_t* widths = (const uint32_t*)(bytes + krt_strings_widths_at(table));
  for (uint32_t i = 0; i < table->width_count; ++i)
    if (widths[i] == 0) return 0;
  const uint32_t* slot = (const uint32_t*)(bytes + krt_strings_slots_at(table));
  uint32_t used = 0;
  for (uint32_t i = 0; i < slots; ++i) {
    if (slot[i] > table->entry_count) return 0;
    used += slot[i] != 0;
  }
  const struct krt_strings_entry* entries =
      (const struct krt_strings_entry*)(bytes + krt_strings_entries_at(table));
  for (uint64_t i = 0; i < table->entry_count; ++i)
    if (entries[i].at > table->string_bytes || entries[i].size > table->string_bytes - entries[i].at)
      return 0;
  return used < slots; /* searches end at a free one */
}
