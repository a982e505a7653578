// Layers that hash integers: Hashing, HashedCrossing.
#include "frontend/layers/hashing.h"

#include "frontend/layers/categories.h"
#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Arithmetic of 64-bit words. Numbers are exact, which doubles are not.
Expr word(const Expr& like, uint64_t value) {
  Builder& b = like.builder();
  return {b, b.constant(Scalar::of_integer(DType::u64, static_cast<int64_t>(value)), like.shape())};
}
Expr operator*(const Expr& a, uint64_t b) { return a * word(a, b); }
Expr operator+(const Expr& a, uint64_t b) { return a + word(a, b); }
Expr operator^(const Expr& a, const Expr& b) { return binary(Op::xor_, a, b); }
Expr operator^(const Expr& a, uint64_t b) { return a ^ word(a, b); }
Expr operator|(const Expr& a, const Expr& b) { return binary(Op::or_, a, b); }
Expr operator&(const Expr& a, uint64_t b) { return binary(Op::and_, a, word(a, b)); }
Expr operator<<(const Expr& a, const Expr& by) { return binary(Op::shl, a, by); }
Expr operator>>(const Expr& a, const Expr& by) { return binary(Op::shr, a, by); }
Expr operator<<(const Expr& a, uint64_t by) { return a << word(a, by); }
Expr operator>>(const Expr& a, uint64_t by) { return a >> word(a, by); }
Expr rotate_right(const Expr& a, uint64_t by) { return (a >> by) | (a << (64 - by)); }
Expr rotate_left(const Expr& a, uint64_t by) { return rotate_right(a, 64 - by); }
Expr at_least(const Expr& a, uint64_t b) { return less_equal(word(a, b), a); }

constexpr uint64_t kDigits = 20;  // of the largest integer; one may be a sign
constexpr uint64_t kBytes = 24;

/// Eight bytes from place `from` of the 24 on, which may be data; places past the end are 0.
Expr fetch(const ShortText& text, const Expr& from) {
  const Expr skipped = from >> 3, bits = (from & 7) << 3;
  const Expr zero = word(from, 0);
  Expr low = zero, high = zero;
  for (uint64_t i = 0; i < text.words.size(); ++i) {
    low = where(equal(skipped, word(from, i)), text.words[i], low);
    if (i > 0) high = where(equal(skipped, word(from, i - 1)), text.words[i], high);
  }
  return (low >> bits) | (high << (word(from, 64) - bits));  // a shift by 64 gives 0
}

Expr fetch(const ShortText& text, uint64_t from) { return fetch(text, word(text.length, from)); }

// ---- FarmHash, for up to 32 bytes ----

constexpr uint64_t k0 = 0xc3a5c85c97cb3127, k1 = 0xb492b66fbe98f273, k2 = 0x9ae16a3b2f90404f;

Expr shift_mix(const Expr& x) { return x ^ (x >> 47); }

Expr hash_16_bytes(const Expr& u, const Expr& v, const Expr& factor) {
  const Expr a = shift_mix((u ^ v) * factor), b = shift_mix((v ^ a) * factor);
  return b * factor;
}

Expr fingerprint(const ShortText& text) {
  const Expr length = text.length, start = word(length, kBytes) - length;
  const Expr factor = word(length, k2) + length * uint64_t{2};
  const Expr first = fetch(text, start), last = fetch(text, kBytes - 8);

  // Up to 3 characters.
  const Expr byte_0 = first & 0xff, byte_mid = fetch(text, start + (length >> 1)) & 0xff;
  const Expr byte_last = fetch(text, kBytes - 1) & 0xff;
  const Expr y = byte_0 + (byte_mid << 8), z = length + (byte_last << 2);
  const Expr tiny = shift_mix((y * k2) ^ (z * k0)) * k2;

  // 4 to 7.
  const Expr small = hash_16_bytes(length + ((first & 0xffffffff) << 3), last >> 32, factor);

  // 8 to 16.
  const Expr a = first + k2;
  const Expr c = rotate_right(last, 37) * factor + a, d = (rotate_right(a, 25) + last) * factor;
  const Expr medium = hash_16_bytes(c, d, factor);

  // 17 to 20.
  const Expr p = first * k1, q = fetch(text, start + uint64_t{8}), r = last * factor,
             s = fetch(text, kBytes - 16) * k2;
  const Expr large = hash_16_bytes(rotate_right(p + q, 43) + rotate_right(r, 30) + s,
                                   p + rotate_right(q + k2, 18) + r, factor);

  const Expr up_to_7 = where(at_least(length, 4), small, tiny);
  return where(at_least(length, 17), large, where(at_least(length, 8), medium, up_to_7));
}

// ---- SipHash ----

struct SipState {
  Expr v0, v1, v2, v3;

  void round() {
    v0 = v0 + v1;
    v2 = v2 + v3;
    v1 = rotate_left(v1, 13) ^ v0;
    v3 = rotate_left(v3, 16) ^ v2;
    v0 = rotate_left(v0, 32);
    v2 = v2 + v1;
    v0 = v0 + v3;
    v1 = rotate_left(v1, 17) ^ v2;
    v3 = rotate_left(v3, 21) ^ v0;
    v2 = rotate_left(v2, 32);
  }

  void take(const Expr& message) {
    v3 = v3 ^ message;
    round();
    round();
    v0 = v0 ^ message;
  }

  /// This state where the condition holds, else the other.
  SipState where_else(const Expr& condition, const SipState& other) const {
    return {where(condition, v0, other.v0), where(condition, v1, other.v1), where(condition, v2, other.v2),
            where(condition, v3, other.v3)};
  }
};

Expr sip_hash(const ShortText& text, const HashKey& key) {
  const Expr length = text.length, start = word(length, kBytes) - length;
  SipState state{word(length, key[0] ^ 0x736f6d6570736575), word(length, key[1] ^ 0x646f72616e646f6d),
                 word(length, key[0] ^ 0x6c7967656e657261), word(length, key[1] ^ 0x7465646279746573)};
  for (uint64_t whole = 8; whole <= kDigits; whole += 8) {
    SipState next = state;
    next.take(fetch(text, start + (whole - 8)));
    state = next.where_else(at_least(length, whole), state);
  }
  // What is left, with the length in the highest byte.
  const Expr rest = fetch(text, start + (length & ~uint64_t{7}));
  state.take(rest | (length << 56));
  state.v2 = state.v2 ^ uint64_t { 0xff };
  for (int i = 0; i < 4; ++i) state.round();
  return (state.v0 ^ state.v1) ^ (state.v2 ^ state.v3);
}

}  // namespace

ShortText decimal_text(const Expr& integers) {
  const Expr x = cast(integers, DType::u64);  // negative numbers wrap
  const Expr is_negative = is_signed(integers.dtype()) ? less(integers, 0) : Expr();
  const Expr magnitude = is_negative ? where(is_negative, word(x, 0) - x, x) : x;
  ShortText text{{word(x, 0), word(x, 0), word(x, 0)}, word(x, 1)};
  Expr rest = magnitude, is_behind_digit;  // none: every text has a last digit
  uint64_t power = 1;
  for (uint64_t place = 0; place < kDigits; ++place, power *= 10) {  // counted from the end
    Expr character = binary(Op::rem, rest, word(x, 10)) + uint64_t{'0'};
    rest = binary(Op::div, rest, word(x, 10));
    if (place > 0) {
      const Expr is_digit = at_least(magnitude, power);
      Expr outside = word(x, 0);
      if (is_negative) {
        const Expr is_sign = is_behind_digit ? logical_and(is_negative, is_behind_digit) : is_negative;
        outside = where(is_sign, word(x, '-'), outside);
      }
      character = where(is_digit, character, outside);
      text.length = text.length + cast(is_digit, DType::u64);
      is_behind_digit = is_digit;
    }
    Expr& to = text.words[2 - place / 8];
    to = to | (character << (8 * (7 - place % 8)));
  }
  if (is_negative) text.length = text.length + cast(is_negative, DType::u64);
  return text;
}

std::optional<HashKey> salt_of(const Call& call) {
  const Json& given = call.args().json("salt");
  if (given.is_null()) return {};
  const Ints salt = to_ints(given);
  if (salt.empty() || salt.size() > 2)
    call.args().reject("salt", "expected one or two integers", {}, ErrorKind::data);
  return HashKey{static_cast<uint64_t>(salt.front()), static_cast<uint64_t>(salt.back())};
}

Expr hash_bucket(const ShortText& text, int64_t buckets, const std::optional<HashKey>& key) {
  const Expr hash = key ? sip_hash(text, *key) : fingerprint(text);
  return cast(binary(Op::rem, hash, word(hash, static_cast<uint64_t>(buckets))), DType::i64);
}

Expr chained_fingerprint(const Expr& a, const Expr& b) {
  constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
  Expr x = (a ^ kFactor) ^ (shift_mix(b * kFactor) * kFactor);
  x = x * kFactor;
  return shift_mix(shift_mix(x) * kFactor);
}

namespace {

constexpr Arg kHashingArgs[] = {
    {"num_bins", ArgKind::count},
    {"mask_value", ArgKind::any, "null"},
    kSaltArg,
    {"output_mode", ArgKind::choice, "int", "int|one_hot|multi_hot|count"},
    kDenseCategoriesArg,
};

/// Hashes the decimal text of each integer. Bin 0 is kept for mask_value, if there is one.
Outputs hashing(Call& call) {
  const Args& args = call.args();
  Expr x = call.input();
  if (is_float(x.dtype())) x = cast(x, DType::i64);
  const int64_t bins = args.integer("num_bins");
  const Json& mask = args.json("mask_value");
  const bool masks = !mask.is_null() && bins > 1;
  if (!mask.is_null() && !mask.is_number())
    args.reject("mask_value", "expected an integer", {}, ErrorKind::data);
  Expr hashed = hash_bucket(decimal_text(x), masks ? bins - 1 : bins, salt_of(call));
  if (masks)
    hashed = where(equal(x, number(x, mask.as_double())), number(hashed, 0), hashed + number(hashed, 1));
  const std::string& mode = args.choice("output_mode");
  const DType dtype = category_dtype(call, mode);
  return mode == "int" ? cast(hashed, dtype) : encode_categories(hashed, bins, mode, dtype);
}

constexpr Arg kHashedCrossingArgs[] = {
    {"num_bins", ArgKind::count},
    {"output_mode", ArgKind::choice, "int", "int|one_hot"},
    kDenseCategoriesArg,
};

/// Hashes what several integers are together.
Outputs hashed_crossing(Call& call) {
  constexpr uint64_t kStart = 0xDECAFCAFFE;
  if (call.inputs().size() < 2)
    call.fail(cat("is called with ", call.inputs().size(), " inputs, expected at least 2"), {},
              ErrorKind::data);
  const Expr& first = call.inputs()[0].value;
  if (first.rank() > 2 || (first.rank() == 2 && !first.dim(1).is(1)))
    call.fail(cat("its first input is ", to_text(first.value().type()), ", expected one number per sample"),
              {}, ErrorKind::data);
  Expr hash;
  for (const Traced& input : call.inputs()) {
    const Expr& x = input.value;
    if (!is_integer(x.dtype()) || x.shape() != first.shape())
      call.fail(cat("an input is ", to_text(x.value().type()), ", expected integers of the shape ",
                    to_text(first.shape())),
                {}, ErrorKind::data);
    const Expr feature = cast(x, DType::u64);
    hash = chained_fingerprint(hash ? hash : word(feature, kStart), feature);
  }
  const int64_t bins = call.args().integer("num_bins");
  const Expr bin = cast(binary(Op::rem, hash, word(hash, static_cast<uint64_t>(bins))), DType::i64);
  const std::string& mode = call.args().choice("output_mode");
  const DType dtype = category_dtype(call, mode);
  return mode == "int" ? cast(bin, dtype) : encode_categories(bin, bins, mode, dtype);
}

constexpr LayerDef kLayers[] = {
    {.class_name = "Hashing",
     .args = kHashingArgs,
     .masks = Masks::drop,
     .trace = hashing,
     .casts_outputs = false},
    {.class_name = "HashedCrossing",
     .args = kHashedCrossingArgs,
     .masks = Masks::drop,
     .trace = hashed_crossing,
     .casts_outputs = false},
};

}  // namespace

std::span<const LayerDef> hashing_layers() { return kLayers; }

}  // namespace keratin
