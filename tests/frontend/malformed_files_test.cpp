// Damaged files: each reader gets mutants of good files and must throw Error(data) or read something, and do neither
// slowly. Truncated files must be refused. The mutants are the same in every run; KERATIN_MUTANTS multiplies their number.
#include <chrono>
#include <functional>

#include "frontend/h5_file.h"
#include "frontend/json.h"
#include "frontend/model_file.h"
#include "frontend/npy.h"
#include "tests/frontend/files.h"
#include "tests/mutation.h"

namespace keratin {
namespace {

using Reader = std::function<void(const std::string& bytes)>;

using testing::Mutator;
const testing::Landmarks kLandmarks = {"PK\1\2", "PK\3\4", "PK\5\6", "\x93NUMPY",
                                       "TREE",   "HEAP",   "SNOD",   "GCOL"};

/// `good`, shorter by at least one byte.
std::string truncated(const std::string& good, int number) {
  return good.substr(0, Mutator(static_cast<uint64_t>(number)).below(good.size()));
}

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
  for (int i = 0; i < multiplied(mutants); ++i)
    refuses(reader, Mutator(static_cast<uint64_t>(i)).bytes(good, kLandmarks), cat(file, ", mutant ", i));
  for (int i = 0; i < multiplied(truncations); ++i) {
    const std::string bytes = truncated(good, i);
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
  const Reader read = [](const std::string& bytes) { Json::parse(bytes, "mutant").dump(); };
  for (int i = 0; i < multiplied(3'000); ++i) {
    Mutator mutator(static_cast<uint64_t>(i));
    refuses(read, mutator.one_in(2) ? mutator.bytes(config) : mutator.text(config), cat("mutant ", i));
  }
  for (int i = 0; i < multiplied(300); ++i) EXPECT_TRUE(refuses(read, truncated(config, i), "truncated"));
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
