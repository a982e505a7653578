// Damaged files: each reader gets mutants of good files and must throw Error(data) or read something, and do neither
// slowly. Truncated files must be refused. The mutants are the same in every run; KERATIN_MUTANTS multiplies their number.
#include <chrono>
#include <functional>
#include <random>

#include "frontend/h5_file.h"
#include "frontend/json.h"
#include "frontend/model_file.h"
#include "frontend/npy.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

using Reader = std::function<void(const std::string& bytes)>;

class Mutator {
 public:
  explicit Mutator(std::string good) : good_(std::move(good)) {}

  /// One to eight edits: a bit, a byte, an aligned word of eight bytes (all zeros, all ones, or noise).
  std::string mutant() {
    std::string bytes = good_;
    for (uint64_t edits = 1 + random_() % 8; edits > 0; --edits) {
      const size_t at = random_() % bytes.size();
      switch (random_() % 3) {
        case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random_() % 8)); break;
        case 1: bytes[at] = static_cast<char>(random_()); break;
        default: {
          const uint64_t words[] = {0, ~uint64_t{0}, random_()};
          const uint64_t word = words[random_() % 3];
          for (size_t i = at & ~size_t{7}, k = 0; i < bytes.size() && k < 8; ++i, ++k) {
            bytes[i] = static_cast<char>(word >> 8 * k);
          }
        }
      }
    }
    return bytes;
  }
  std::string truncated() { return good_.substr(0, random_() % good_.size()); }

 private:
  std::string good_;
  std::mt19937_64 random_{20261123};
};

int multiplied(int count) {
  const char* factor = std::getenv("KERATIN_MUTANTS");
  return factor ? count * std::atoi(factor) : count;
}

/// Whether `reader` refuses `bytes`; anything but Error(data) or success, and slowness, is a failure of the test.
bool refuses(const Reader& reader, const std::string& bytes, const std::string& what) {
  const auto start = std::chrono::steady_clock::now();
  bool refused = false;
  try {
    reader(bytes);
  } catch (const Error& error) {
    refused = true;
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(ErrorKind::data))
        << what << ": " << error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": " << error.what();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << what;
  return refused;
}

void attack(const std::string& file, const Reader& reader, int mutants, int truncations) {
  const std::string good = read_file(in_tests(file));
  ASSERT_FALSE(refuses(reader, good, file));
  Mutator mutator(good);
  for (int i = 0; i < multiplied(mutants); ++i) refuses(reader, mutator.mutant(), cat(file, ", mutant ", i));
  for (int i = 0; i < multiplied(truncations); ++i) {
    const std::string bytes = mutator.truncated();
    EXPECT_TRUE(refuses(reader, bytes, cat(file, ", ", bytes.size(), " bytes")))
        << file << ", " << bytes.size();
  }
}

TEST(MalformedFiles, Npy) {
  const Reader read = [](const std::string& bytes) { parse_npy(bytes, "mutant"); };
  attack("data/npy/version1.npy", read, 20'000, 200);
  attack("data/npy/version3.npy", read, 5'000, 200);
}

TEST(MalformedFiles, Npz) {
  const Reader read = [](const std::string& bytes) { parse_npz(bytes, "mutant"); };
  attack("data/npy/stored.npz", read, 2'000, 300);
  attack("data/npy/deflated.npz", read, 2'000, 300);
}

TEST(MalformedFiles, Json) {
  const std::string config = Archive::open(golden("layers/dict_io/model.keras")).read("config.json", 1 << 20);
  Mutator mutator(config);
  const Reader read = [](const std::string& bytes) { Json::parse(bytes, "mutant").dump(); };
  for (int i = 0; i < multiplied(3'000); ++i) refuses(read, mutator.mutant(), cat("mutant ", i));
  for (int i = 0; i < multiplied(300); ++i) EXPECT_TRUE(refuses(read, mutator.truncated(), "truncated"));
}

TEST(MalformedFiles, KerasArchive) {
  const TempFolder folder;
  const Reader read = [&](const std::string& bytes) {
    write_file(folder / "model.keras", bytes);
    ModelFile::open(folder / "model.keras").take_optimizer_state();
  };
  attack("golden/layers/bidirectional/model.keras", read, 300, 60);
  attack("golden/layers/zip_deflated/model.keras", read, 300, 60);
}

TEST(MalformedFiles, Hdf5) {
  const Reader read = [](const std::string& bytes) { parse_h5(bytes, "mutant"); };
  for (const char* file : {"golden/legacy/keras2_rnn/model.h5", "golden/layers/batch_normalization/model.h5",
                           "data/h5/attributes.h5", "data/h5/layouts.h5", "data/h5/dtypes.h5"}) {
    attack(file, read, 40, 10);
  }
}

}  // namespace
}  // namespace keratin
