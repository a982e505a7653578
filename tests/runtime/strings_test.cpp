// Hashes of strings, and tables that are damaged.
#include "runtime/strings.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "runtime/abi.h"

namespace {

TEST(Strings, HashesAreTensorFlows) {
  unsigned char bytes[300];
  for (int i = 0; i < 300; ++i) bytes[i] = static_cast<unsigned char>(i * 7 + 3);
  const uint64_t key[2] = {133, 137};
  struct Case {
    size_t size;
    uint64_t fast, strong;
  };
  // tf.strings.to_hash_bucket_fast and to_hash_bucket_strong, of 1000003 buckets.
  const Case cases[] = {
      {0, 377723, 953272},   {1, 504433, 551960},  {3, 326383, 800517},   {4, 977795, 694462},
      {7, 458787, 226917},   {8, 805585, 689103},  {16, 768402, 392038},  {17, 334990, 601509},
      {32, 198450, 19007},   {33, 831244, 547595}, {64, 619464, 96496},   {65, 452736, 392871},
      {127, 754440, 146122}, {128, 86621, 239465}, {129, 529171, 583610}, {220, 656174, 268602}};
  for (const Case& each : cases) {
    EXPECT_EQ(krt_string_hash(bytes, each.size, nullptr) % 1000003, each.fast) << each.size;
    EXPECT_EQ(krt_string_hash(bytes, each.size, key) % 1000003, each.strong) << each.size;
  }
}

/// A table of words, one entry each, that is aligned.
struct Words {
  krt_strings header{.version = KRT_STRINGS_VERSION,
                     .rules = KRT_SPLIT_SPACES,
                     .slot_count = 2,
                     .entry_count = 1,
                     .string_bytes = 1,
                     .first_unknown = 1,
                     .unknown_count = 1};
  uint32_t slots[2] = {0, 0};
  krt_strings_entry entry{0, 1, 0, 7};
  char string[8] = "a";

  static constexpr size_t kSize = sizeof(krt_strings) + sizeof slots + sizeof(krt_strings_entry) + 1;

  Words() {
    entry.hash = krt_token_hash_end(krt_token_hash_next(KRT_TOKEN_HASH_BEGIN, 'a'));
    slots[entry.hash & 1] = 1;
  }
  const unsigned char* bytes() const { return reinterpret_cast<const unsigned char*>(this); }
};

TEST(Strings, RowsAreCutAndFilledUp) {
  const Words words;
  ASSERT_TRUE(krt_strings_check(words.bytes(), Words::kSize));
  const char* const texts[] = {"a b a", "", " a "};
  std::vector<int64_t> values(6);
  EXPECT_EQ(krt_strings_length(&words.header, texts, nullptr, 3), 3u);
  EXPECT_EQ(krt_strings_encode(&words.header, texts, nullptr, 3, 2, values.data()), KRT_OK);
  EXPECT_EQ(values, (std::vector<int64_t>{7, 1, 0, 0, 7, 0}));
}

TEST(Strings, DamagedTablesAreFound) {
  const auto damaged = [](auto change) {
    Words words;
    change(words);
    return krt_strings_check(words.bytes(), Words::kSize) == 0;
  };
  EXPECT_FALSE(damaged([](Words&) {}));
  EXPECT_TRUE(damaged([](Words& w) { w.header.version = 2; }));
  EXPECT_TRUE(damaged([](Words& w) { w.header.slot_count = 3; }));
  EXPECT_TRUE(damaged([](Words& w) { w.header.slot_count = 0; }));
  EXPECT_TRUE(damaged([](Words& w) { w.header.entry_count = UINT64_MAX / 24; }));
  EXPECT_TRUE(damaged([](Words& w) { w.header.string_bytes = 2; }));
  EXPECT_TRUE(damaged([](Words& w) { w.header.width_count = 2; }));
  EXPECT_TRUE(damaged([](Words& w) { w.header.unknown_count = 2; }));
  EXPECT_TRUE(damaged([](Words& w) { w.header.rules |= KRT_SPLIT_CHARACTERS; }));
  EXPECT_TRUE(damaged([](Words& w) { w.header.first_unknown = INT64_MAX; }));
  EXPECT_TRUE(damaged([](Words& w) { w.slots[0] = 2; }));
  EXPECT_TRUE(damaged([](Words& w) { w.slots[0] = w.slots[1] = 1; }));
  EXPECT_TRUE(damaged([](Words& w) { w.entry.at = 1; }));
  const Words whole;
  for (size_t size = 0; size < Words::kSize; ++size)
    EXPECT_FALSE(krt_strings_check(whole.bytes(), size)) << size;
}

}  // namespace
