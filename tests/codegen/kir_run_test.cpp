// The .kir files with the command `run` on all levels: training steps and scans, many calls in a row, each of which finds the
// variables as the one before left them.
#include "tests/kir_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "codegen/native.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "tests/kir_file.h"

namespace keratin {
namespace {

constexpr int kTimes = 5;

std::vector<std::string> run_files() {
  std::vector<std::string> files = kir_files(KERATIN_SOURCE_DIR "/tests/kir/graph");
  std::erase_if(files, [](const std::string& path) { return read_kir_file(path).command != "run"; });
  return files;
}

/// The variables follow from those of the call before: what rounding does adds up, but not to more than a few last bits.
void expect_close(const Tensor& expected, const Tensor& found, size_t call, const std::string& what) {
  ASSERT_EQ(expected.type(), found.type()) << what;
  for (int64_t i = 0; i < expected.elements(); ++i) {
    const double bound = static_cast<double>(call + 1) * 0x1p-21 * std::max(1.0, std::fabs(expected.get(i)));
    ASSERT_NEAR(expected.get(i), found.get(i), is_float(expected.dtype()) ? bound : 0)
        << what << ", element " << i;
  }
}

class KirRun : public testing::TestWithParam<std::string> {
 protected:
  std::vector<KirCall> run(Executor& executor) const { return run_notes(file_, module_, executor, kTimes); }

  const KirFile file_ = read_kir_file(GetParam());
  const Module module_ = parse_module(file_.input_in_place(), file_.name());
};

TEST_P(KirRun, KernelsComputeWhatTheInterpreterDoes) {
  const std::vector<KirCall> expected = run(*make_interpreter()),
                             found = run(*make_kernel_interpreter(host_target()));
  ASSERT_EQ(expected.size(), found.size());
  ASSERT_GE(expected.size(), size_t{kTimes});
  for (size_t i = 0; i < expected.size(); ++i) {
    const Function& function = module_.function(expected[i].function);
    for (size_t r = 0; r < expected[i].results.size(); ++r)
      expect_close(expected[i].results[r], found[i].results[r], i,
                   cat("call ", i, ", %", function.results[r].name));
    for (size_t u = 0; u < expected[i].updated.size(); ++u)
      expect_close(expected[i].updated[u], found[i].updated[u], i,
                   cat("call ", i, ", @", function.updates[u].variable));
  }
}

TEST_P(KirRun, NativeCodeComputesTheBitsOfTheKernels) {
  for (const Target& target : host_levels()) {
    const std::vector<KirCall> expected = run(*make_kernel_interpreter(target));
    for (unsigned threads : {1u, 3u}) {
      const std::vector<KirCall> found = run(*make_native_executor(target, {}, threads));
      ASSERT_EQ(expected.size(), found.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(expected[i].results, found[i].results)
            << target.cpu << ", " << threads << " threads, call " << i;
        EXPECT_EQ(expected[i].updated, found[i].updated)
            << target.cpu << ", " << threads << " threads, call " << i;
      }
    }
  }
}

// An optimizer's step takes no memory for what it updates, and no copies.
TEST(Updates, OfOneFusionAreStoredInPlace) {
  const KirFile file = read_kir_file(KERATIN_SOURCE_DIR "/tests/kir/graph/momentum_in_place.kir");
  const KernelModule kernels =
      compile_kernels(parse_module(file.input_in_place(), file.name()), host_target());
  const Program& step = kernels.programs.at(0);
  ASSERT_EQ(step.name, "step");
  EXPECT_EQ(step.launches.size(), 1u);
  EXPECT_EQ(step.workspace, Size(0));
}

INSTANTIATE_TEST_SUITE_P(Graph, KirRun, testing::ValuesIn(run_files()), kir_test_name);

}  // namespace
}  // namespace keratin
