/* Hashes of strings as TensorFlow has them, which decide where strings go that are in no vocabulary.
 *
 * FarmHash's Fingerprint64 is by G. Pike; SipHash-2-4 by J. Aumasson and D. Bernstein, SipHash: a fast short-input PRF, 2012. */
#include <string.h>

#include "runtime/strings.h"

static const uint64_t k0 = 0xc3a5c85c97cb3127, k1 = 0xb492b66fbe98f273, k2 = 0x9ae16a3b2f90404f;

static uint64_t rotate_right(uint64_t x, int by) { return x >> by | x << (64 - by); }
static uint64_t rotate_left(uint64_t x, int by) { return x << by | x >> (64 - by); }
static uint64_t shift_mix(uint64_t x) { return x ^ x >> 47; }

static uint64_t word_at(const unsigned char* from) {
  uint64_t word;
  memcpy(&word, from, sizeof word);
  return word;
}
static uint64_t half_at(const unsigned char* from) {
  uint32_t half;
  memcpy(&half, from, sizeof half);
  return half;
}

static uint64_t join(uint64_t u, uint64_t v, uint64_t factor) {
  const uint64_t a = shift_mix((u ^ v) * factor);
  return shift_mix((v ^ a) * factor) * factor;
}

static uint64_t hash_up_to_16(const unsigned char* s, size_t size) {
  const uint64_t factor = k2 + size * 2;
  if (size >= 8) {
    const uint64_t a = word_at(s) + k2, b = word_at(s + size - 8);
    return join(rotate_right(b, 37) * factor + a, (rotate_right(a, 25) + b) * factor, factor);
  }
  if (size >= 4) return join(size + (half_at(s) << 3), half_at(s + size - 4), factor);
  if (size == 0) return k2;
  const uint64_t y = s[0] + ((uint64_t)s[size / 2] << 8), z = size + ((uint64_t)s[size - 1] << 2);
  return shift_mix(y * k2 ^ z * k0) * k2;
}

static uint64_t hash_up_to_32(const unsigned char* s, size_t size) {
  const uint64_t factor = k2 + size * 2;
  const uint64_t a = word_at(s) * k1, b = word_at(s + 8);
  const uint64_t c = word_at(s + size - 8) * factor, d = word_at(s + size - 16) * k2;
  return join(rotate_right(a + b, 43) + rotate_right(c, 30) + d, a + rotate_right(b + k2, 18) + c, factor);
}

static uint64_t hash_up_to_64(const unsigned char* s, size_t size) {
  const uint64_t factor = k2 + size * 2;
  const uint64_t a = word_at(s) * k2, b = word_at(s + 8);
  const uint64_t c = word_at(s + size - 8) * factor, d = word_at(s + size - 16) * k2;
  const uint64_t y = rotate_right(a + b, 43) + rotate_right(c, 30) + d;
  const uint64_t z = join(y, a + rotate_right(b + k2, 18) + c, factor);
  const uint64_t e = word_at(s + 16) * factor, f = word_at(s + 24);
  const uint64_t g = (y + word_at(s + size - 32)) * factor, h = (z + word_at(s + size - 24)) * factor;
  return join(rotate_right(e + f, 43) + rotate_right(g, 30) + h, e + rotate_right(f + a, 18) + g, factor);
}

struct two_words {
  uint64_t first, second;
};

static struct two_words stir(const unsigned char* s, uint64_t a, uint64_t b) {
  const uint64_t last = word_at(s + 24);
  a += word_at(s);
  b = rotate_right(b + a + last, 21);
  const uint64_t c = a;
  a += word_at(s + 8) + word_at(s + 16);
  return (struct two_words){a + last, b + rotate_right(a, 44) + c};
}

/* What a long string is hashed with, 64 bytes at a time. */
struct mill {
  uint64_t x, y, z;
  struct two_words v, w;
};

/* `weight` is 1, but for the last block. */
static void turn(struct mill* m, const unsigned char* s, uint64_t factor, uint64_t weight) {
  m->x = rotate_right(m->x + m->y + m->v.first + word_at(s + 8), 37) * factor;
  m->y = rotate_right(m->y + m->v.second + word_at(s + 48), 42) * factor;
  m->x ^= m->w.second * weight;
  m->y += m->v.first * weight + word_at(s + 40);
  m->z = rotate_right(m->z + m->w.first, 33) * factor;
  m->v = stir(s, m->v.second * factor, m->x + m->w.first);
  m->w = stir(s + 32, m->z + m->w.second, m->y + word_at(s + 16));
  const uint64_t x = m->x;
  m->x = m->z;
  m->z = x;
}

static uint64_t fingerprint(const unsigned char* s, size_t size) {
  if (size <= 16) return hash_up_to_16(s, size);
  if (size <= 32) return hash_up_to_32(s, size);
  if (size <= 64) return hash_up_to_64(s, size);
  const uint64_t seed = 81;
  struct mill m = {.x = seed * k2 + word_at(s), .y = seed * k1 + 113};
  m.z = shift_mix(m.y * k2 + 113) * k2;
  const size_t blocks = (size - 1) / 64;
  for (size_t i = 0; i < blocks; ++i) turn(&m, s + 64 * i, k1, 1);
  const uint64_t factor = k1 + ((m.z & 0xff) << 1);
  m.w.first += (size - 1) & 63;
  m.v.first += m.w.first;
  m.w.first += m.v.first;
  turn(&m, s + size - 64, factor, 9); /* overlaps the one before */
  return join(join(m.v.first, m.w.first, factor) + shift_mix(m.y) * k0 + m.z,
              join(m.v.second, m.w.second, factor) + m.x, factor);
}

static void sip_round(uint64_t* v) {
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotate_left(v[1], 13) ^ v[0];
  v[3] = rotate_left(v[3], 16) ^ v[2];
  v[0] = rotate_left(v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = rotate_left(v[1], 17) ^ v[2];
  v[3] = rotate_left(v[3], 21) ^ v[0];
  v[2] = rotate_left(v[2], 32);
}

static uint64_t sip_hash(const unsigned char* s, size_t size, const uint64_t* key) {
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
                   key[1] ^ 0x7465646279746573};
  for (size_t at = 0; at <= size / 8 * 8; at += 8) {
    uint64_t word = (uint64_t)size << 56; /* behind what is left at the end */
    if (size - at >= 8)
      word = word_at(s + at);
    else
      for (size_t i = 0; i < size - at; ++i) word |= (uint64_t)s[at + i] << (8 * i);
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
  }
  v[2] ^= 0xff;
  for (int i = 0; i < 4; ++i) sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t krt_string_hash(const unsigned char* string, size_t size, const uint64_t* key) {
  return key ? sip_hash(string, size, key) : fingerprint(string, size);
}
