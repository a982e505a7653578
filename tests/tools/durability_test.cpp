// Training that is killed, signalled, or out of room: it goes on from its last checkpoint, and ends with the bits of training that
// was left alone.
#include <gtest/gtest.h>

#include <random>

#include "tests/golden_training.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

const std::string kCase = cat(KERATIN_SOURCE_DIR, "/tests/golden/training/cnn_adam");
const std::string kFaults = cat(KERATIN_BINARY_DIR, "/lib/libkeratin_faults.so");

/// A convolutional network with dropout, trained in a shuffled order, with callbacks that remember things.
class Durability : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Where files are never written to a disk, thousands of them take no time.
    shell_ = std::make_unique<Shell>(fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path());
    const Outcome made = shell_->run(cat("$keratin compile ", kCase, "/model.keras --trainer -o trainer"));
    ASSERT_EQ(made.status, 0) << made.err;
    ASSERT_EQ(fit("whole").status, 0);
    whole_ = results("whole");
  }
  static void TearDownTestSuite() { shell_.reset(); }

  /// In a folder of its own. `before`: words before the command, `options`: behind it.
  static Outcome fit(const std::string& folder, const std::string& before = {},
                     const std::string& options = {}, const std::string& run = "--epochs 3 --seed 7") {
    return shell_->run(cat("mkdir -p ", folder, " && cd ", folder, " && ", before, " ../trainer fit --data ",
                           kCase,
                           "/data.npz --batch-size 8 --validation-split 0.25 --verbose 0"
                           " --reduce-lr-on-plateau monitor=loss patience=1 min_delta=0.5"
                           " --early-stopping monitor=val_loss patience=400 restore_best_weights"
                           " --checkpoint c.ckpt --checkpoint-every 2 --history h.json --save w.safetensors ",
                           run, " ", options));
  }
  static std::string with_fault(const std::string& fault) {
    return cat("LD_PRELOAD=", kFaults, " KERATIN_FAULT='", fault, "'");
  }
  static std::string results(const std::string& folder) {
    return read_all(*shell_ / (folder + "/h.json")) + read_all(*shell_ / (folder + "/w.safetensors"));
  }
  static void remove(const std::string& folder) { fs::remove_all(*shell_ / folder); }
  /// Calls that change files, of training that is left alone.
  static int64_t call_count() {
    EXPECT_EQ(fit("counted", with_fault("count ../calls")).status, 0);
    remove("counted");
    return std::stoll(read_all(*shell_ / "calls"));
  }

  static std::unique_ptr<Shell> shell_;
  static std::string whole_;
};
std::unique_ptr<Shell> Durability::shell_;
std::string Durability::whole_;

TEST_F(Durability, EqualWithoutFaults) {
  EXPECT_EQ(fit("again").status, 0);
  EXPECT_EQ(results("again"), whole_);
  EXPECT_GT(whole_.size(), 1000u);
}

TEST_F(Durability, KilledAtEachCall) {
  const int64_t calls = call_count();
  EXPECT_GT(calls, 150);
  int64_t kills = 0;
  for (int64_t call = 1; call <= calls; ++call) {
    const Outcome killed = fit("killed", with_fault(cat("kill ", call)));
    ASSERT_EQ(killed.status, 137) << call;
    ++kills;
    // Most are killed once more while they go on.
    if (call % 3 != 0) kills += fit("killed", with_fault(cat("kill ", 1 + call * 7 % 60))).status == 137;
    const Outcome done = fit("killed");
    ASSERT_EQ(done.status, 0) << call << ": " << done.err;
    ASSERT_EQ(done.err, "") << call;
    ASSERT_EQ(results("killed"), whole_) << call;
    remove("killed");
  }
  EXPECT_GE(kills, 200);
}

/// Training that takes long enough to be met by what happens at some time.
const std::string kLong = "--epochs 100 --seed 7";

TEST_F(Durability, KilledAtAnyTime) {
  ASSERT_EQ(fit("long", "", "", kLong).status, 0);
  std::mt19937 random(3);
  int kills = 0;
  for (int round = 0; round < 2; ++round) {
    Outcome outcome;
    for (int attempt = 0; attempt < 25 && outcome.status != 0; ++attempt) {
      const double seconds = 0.01 + 0.001 * static_cast<double>(random() % 50);
      // Waiting for the end of the process, whose files are then closed.
      const std::string killed_then =
          cat("sh -c '\"$@\" & p=$!; sleep ", seconds, "; kill -KILL $p 2>/dev/null; wait $p' -");
      outcome = fit("killed", killed_then, "", kLong);
      ASSERT_TRUE(outcome.status == 137 || outcome.status == 0) << outcome.err;
      kills += outcome.status == 137;
    }
    if (outcome.status != 0) outcome = fit("killed", "", "", kLong);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    ASSERT_EQ(results("killed"), results("long")) << "round " << round;
    remove("killed");
  }
  EXPECT_GT(kills, 4);
}

TEST_F(Durability, CallsThatFail) {
  const int64_t calls = call_count();
  for (const char* fault : {"fail ", "full "})
    for (int64_t call = 1; call <= calls; call += 4) {
      SCOPED_TRACE(cat(fault, call));
      const Outcome failed = fit("failed", with_fault(cat(fault, call)));
      if (failed.status != 0) {
        EXPECT_TRUE(failed.status == 74 || failed.status == 73) << failed.status << failed.err;
        EXPECT_TRUE(failed.err.starts_with("error: ")) << failed.err;
      }
      const Outcome done = fit("failed");
      ASSERT_EQ(done.status, 0) << done.err;
      ASSERT_EQ(results("failed"), whole_);
      for (const auto& file : fs::directory_iterator(*shell_ / "failed")) {
        const bool was_removing = fault == std::string("fail ");
        EXPECT_TRUE(was_removing || !file.path().string().ends_with(".tmp")) << file.path();
      }
      remove("failed");
    }
}

TEST_F(Durability, FullDiskIsNoReasonToStopIfAskedSo) {
  const Outcome warned = fit("warned", with_fault("full 40"), "--on-save-error warn");
  EXPECT_NE(warned.err.find("warning: no checkpoint was written: c.ckpt: cannot"), std::string::npos)
      << warned.err;
  EXPECT_TRUE(warned.status == 74 || warned.status == 73)
      << "results could not be written either: " << warned.err;
  EXPECT_EQ(fit("warned").status, 0);
  EXPECT_EQ(results("warned"), whole_);
  remove("warned");
}

TEST_F(Durability, SmallDisk) {
  const Outcome mounted = shell_->run("mkdir small && mount -t tmpfs -o size=32k none small");
  if (mounted.status != 0) GTEST_SKIP() << "no file system may be mounted here: " << mounted.err;
  const Outcome full = fit("small");
  const std::string left = shell_->run("ls small").out;
  const Outcome unmounted = shell_->run("mount -o remount,size=4m small");
  EXPECT_EQ(unmounted.status, 0) << unmounted.err;
  const Outcome done = fit("small");
  const std::string small = results("small");
  shell_->run("umount small");
  EXPECT_EQ(full.status, 74) << full.err;
  EXPECT_NE(full.err.find("No space left on device"), std::string::npos) << full.err;
  EXPECT_EQ(left.find(".tmp"), std::string::npos) << left;
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(small, whole_);
}

TEST_F(Durability, DamagedCheckpoints) {
  // In the middle of it: there is a checkpoint, and one before it.
  ASSERT_EQ(fit("part", with_fault("kill 100")).status, 137);
  const std::string newest = read_all(*shell_ / "part/c.ckpt");
  ASSERT_TRUE(fs::exists(*shell_ / "part/c.ckpt.previous"));
  std::mt19937 random(5);
  for (int round = 0; round < 120; ++round) {
    SCOPED_TRACE(round);
    std::string damaged = newest;
    if (round % 2 == 0)
      damaged.resize(random() % newest.size());
    else
      damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    const bool alone = round % 3 == 0;
    fs::copy(*shell_ / "part", *shell_ / "damaged", fs::copy_options::recursive);
    shell_->write("damaged/c.ckpt", damaged);
    if (alone) fs::remove(*shell_ / "damaged/c.ckpt.previous");
    const Outcome outcome = fit("damaged");
    if (alone) {
      EXPECT_EQ(outcome.status, 65) << outcome.err;
      EXPECT_TRUE(outcome.err.starts_with("error: c.ckpt: ")) << outcome.err;
      EXPECT_EQ(read_all(*shell_ / "damaged/c.ckpt"), damaged);
      EXPECT_FALSE(fs::exists(*shell_ / "damaged/w.safetensors"));
    } else {
      EXPECT_EQ(outcome.status, 0) << outcome.err;
      EXPECT_NE(outcome.err.find("training goes on from c.ckpt.previous"), std::string::npos) << outcome.err;
      EXPECT_EQ(results("damaged"), whole_);
    }
    remove("damaged");
    if (HasFailure()) break;
  }
  remove("part");
}

TEST_F(Durability, Signals) {
  ASSERT_EQ(fit("long", "", "", kLong).status, 0);
  for (const auto& [signal, status] : {std::pair("INT", 130), {"TERM", 143}, {"HUP", 129}}) {
    // Comes when there is a new checkpoint, and a moment later.
    const std::string signalled = cat(
        "touch begun; sh -c 'env --default-signal=INT \"$@\" & p=$!; until [ c.ckpt -nt begun ]; do sleep 0.002; done; sleep 0.02; kill -",
        signal, " $p 2>/dev/null; wait $p' -");
    int stops = 0;
    for (int attempt = 0; attempt < 6; ++attempt) {
      const Outcome outcome = fit("stopped", signalled, "", kLong);
      if (outcome.status == 0) break;
      ASSERT_EQ(outcome.status, status) << outcome.err;
      EXPECT_NE(outcome.err.find("of 100 epochs; the same command goes on"), std::string::npos)
          << outcome.err;
      ++stops;
    }
    EXPECT_EQ(fit("stopped", "", "", kLong).status, 0);
    EXPECT_GT(stops, 0) << signal;
    EXPECT_EQ(results("stopped"), results("long")) << signal << " " << stops;
    remove("stopped");
  }
}

TEST_F(Durability, ASecondTrainerIsRefused) {
  const Outcome both =
      shell_->run(cat("mkdir two && cd two && { ../trainer fit --data ", kCase,
                      "/data.npz --epochs 100000 --verbose 0 --checkpoint c.ckpt & } ; first=$!\n",
                      "while [ ! -e c.ckpt ]; do sleep 0.01; done\n", "../trainer fit --data ", kCase,
                      "/data.npz --checkpoint c.ckpt; status=$?\n",
                      "kill -TERM $first; wait $first; echo $status $? $first"));
  EXPECT_TRUE(both.out.starts_with("2 143 ")) << both.out << both.err;
  const std::string first = both.out.substr(6, both.out.find('\n') - 6);
  EXPECT_NE(both.err.find(cat("error: c.ckpt: is in use by another training, process ", first, " on ")),
            std::string::npos)
      << both.err;
}

TEST_F(Durability, OtherOptionsOrDataAreRefused) {
  ASSERT_EQ(fit("part", with_fault("kill 100")).status, 137);
  const Outcome other = fit("part", "", "", "--epochs 3 --seed 8");
  EXPECT_EQ(other.status, 65);
  EXPECT_NE(other.err.find("c.ckpt: belongs to training with --seed 7, not 8"), std::string::npos)
      << other.err;
  const Outcome more = fit("part", "", "", "--epochs 4 --seed 7");
  EXPECT_EQ(more.status, 0) << more.err;
  remove("part");
}

}  // namespace
}  // namespace keratin::testing
