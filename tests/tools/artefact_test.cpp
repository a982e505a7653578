// Compiled models: what is in the files, and that they compute what they should.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>

#include "frontend/npy.h"
#include "runtime/abi.h"
#include "tests/tools/cli.h"
#include "tools/runnable.h"

namespace keratin::testing {
namespace {

std::set<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

void compile(const Shell& shell, const std::string& arguments) {
  const Outcome outcome = shell.run("$keratin compile " + arguments);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "");
}

/// Of 2,000 digits, how many the model reads right: `view` is how it wants the pixels, "[2000,784]".
double accuracy(const std::string& model, const std::string& input, const std::string& shape,
                const std::string& precision = "f32") {
  const Shell shell;
  shell.write(
      "heldout.kir",
      cat("module @heldout {\n  func @predict(%x: u8[10000,28,28], %y: u8[10000]) -> (%", input, ": f32",
          shape, ", %labels: u8[2000]) {\n",
          "    %0 = slice %x {limit = [10000,28,28], start = [8000, 0, 0], stride = [1, 1, 1]} : u8[2000,28,28]\n",
          "    %1 = cast %0 : f32[2000,28,28]\n    %2 = div %1, 255.0 : f32[2000,28,28]\n",
          "    %3 = reshape %2 : f32", shape, "\n",
          "    %4 = slice %y {limit = [10000], start = [8000], stride = [1]} : u8[2000]\n",
          "    return %3, %4\n  }\n}\n"));
  EXPECT_EQ(shell.run("$keratin run heldout.kir --input $data/mnist10k.npz --output all.npz").status, 0);
  auto arrays = read_npz((shell / "all.npz").string());
  const Tensor labels = arrays.extract("labels").mapped();
  write_npz((shell / "x.npz").string(), arrays);
  EXPECT_EQ(shell.run("$keratin compile $models/" + model + ".keras -o m.so --precision " + precision).status,
            0);
  EXPECT_EQ(shell.run("$keratin run m.so --input x.npz --output y.npz --threads 2").status, 0);
  const Tensor probabilities = read_npz((shell / "y.npz").string()).begin()->second;
  int right = 0;
  for (int64_t i = 0; i < 2000; ++i) {
    const auto row = probabilities.as<float>().subspan(static_cast<size_t>(i) * 10, 10);
    right += std::max_element(row.begin(), row.end()) - row.begin() == labels.get_integer(i);
  }
  return right / 2000.0;
}

TEST(Artefact, DigitsAreReadAsWellAsByKeras) {
  EXPECT_EQ(accuracy("digits_mlp", "pixels", "[2000,784]"), 0.9215);
  EXPECT_EQ(accuracy("digits_cnn", "image", "[2000,28,28,1]"), 0.9715);
  EXPECT_EQ(accuracy("digits_lstm", "rows", "[2000,28,28]"), 0.9300);
}

TEST(Artefact, DigitsAreReadAsWellInBf16) {
  EXPECT_NEAR(accuracy("digits_mlp", "pixels", "[2000,784]", "bf16"), 0.9215, 0.002);
  EXPECT_NEAR(accuracy("digits_cnn", "image", "[2000,28,28,1]", "bf16"), 0.9715, 0.002);
  EXPECT_NEAR(accuracy("digits_lstm", "rows", "[2000,28,28]", "bf16"), 0.9300, 0.002);
}

TEST(Artefact, ExportsItsFunctionsAndNeedsOnlyTheLibraryOfC) {
  const Shell shell;
  compile(shell, "$models/digits_mlp.keras -o net.so");
  EXPECT_EQ(words(shell.run("nm -D --defined-only --format=just-symbols net.so").out),
            (std::set<std::string>{"keratin_info", "net_call", "net_info", "net_pool_create",
                                   "net_pool_destroy", "net_predict", "net_predict_alloc", "net_selftest",
                                   "net_strerror", "net_workspace_size"}));
  const std::set<std::string> allowed = {"__sched_cpucount",
                                         "aligned_alloc",
                                         "abort",
                                         "free",
                                         "getpid",
                                         "memcmp",
                                         "memcpy",
                                         "memset",
                                         "pthread_create",
                                         "pthread_join",
                                         "write",
                                         "strlen",
                                         "pthread_sigmask",
                                         "sched_getaffinity",
                                         "sched_yield",
                                         "sigfillset",
                                         "syscall"};
  for (const std::string& name : words(shell.run("nm -D -u --format=just-symbols net.so").out))
    EXPECT_TRUE(allowed.contains(name)) << name;
  const std::string sections = shell.run("readelf --wide --sections --dynamic net.so").out;
  EXPECT_EQ(sections.find("init_array"), std::string::npos) << "no constructors";
  EXPECT_EQ(sections.find("(NEEDED)"), std::string::npos) << "no libraries";
  EXPECT_NE(sections.find("NODELETE"), std::string::npos);
}

TEST(Artefact, ObjectsAndArchivesExportNothingElse) {
  const Shell shell;
  for (const std::string kind : {".o", ".a"}) {
    compile(shell, "$models/digits_mlp.keras -o net" + kind);
    for (const std::string& name :
         words(shell.run("nm -g --defined-only --format=just-symbols net" + kind).out))
      EXPECT_TRUE(name.starts_with("net_") || name == "net.o:") << name;
  }
}

TEST(Artefact, TwoModelsInOneProgramShareAPool) {
  const Shell shell;
  compile(shell, "$models/digits_mlp.keras -o one.o");
  compile(shell, "$models/digits_lstm.keras -o two.a --name second");
  shell.write("main.c", R"(
#include "one.h"
#include "two.h"
#include <stdlib.h>
int main(void) {
  static float x[7 * 784], y[7 * 10], z[7 * 10];
  struct keratin_pool *pool = one_pool_create(3);
  size_t bytes = one_workspace_size(7, 3), more = second_workspace_size(7, 3);
  void *workspace = aligned_alloc(64, ((bytes > more ? bytes : more) + 64) / 64 * 64);
  int status = one_selftest() | second_selftest();
  status |= one_predict(x, y, 7, workspace, pool);
  status |= second_predict(x, z, 7, workspace, pool);
  second_pool_destroy(pool);
  return status;
}
)");
  const Outcome built = shell.run("cc -Wall -Wextra -Werror main.c one.o two.a -o main");
  ASSERT_EQ(built.status, 0) << built.err;
  EXPECT_EQ(shell.run("./main").status, 0);
}

TEST(Artefact, SameModelSameBytes) {
  const Shell shell;
  shell.run("mkdir a b && cp $models/digits_cnn.keras copy.keras");
  for (const std::string kind : {"so", "o", "a"}) {
    compile(shell, "$models/digits_cnn.keras -o a/m." + kind);
    compile(shell, "copy.keras -o b/m." + kind);
    EXPECT_EQ(shell.run("cmp a/m." + kind + " b/m." + kind + " && cmp a/m.h b/m.h").status, 0) << kind;
  }
}

TEST(Artefact, FailureLeavesTheOldFiles) {
  const Shell shell;
  compile(shell, "$models/digits_mlp.keras -o m.so");
  const std::string library = read_all(shell / "m.so"), header = read_all(shell / "m.h");
  // More sizes that depend on T than an artefact can hold.
  std::string types, nodes, results;
  for (int i = 1; i <= 70; ++i) {
    const std::string comma = i > 1 ? ", " : "";
    types += cat(comma, "%y", i, ": f32[{T-", i, "}]");
    nodes += cat("    %", i - 1, " = slice %x {limit = [{T-", i, "}], start = [0], stride = [1]} : f32[{T-",
                 i, "}]\n");
    results += cat(comma, "%", i - 1);
  }
  shell.write("free.kir", cat("module @m {\n  func @predict(%x: f32[T]) -> (", types, ") {\n", nodes,
                              "    return ", results, "\n  }\n}\n"));
  EXPECT_EQ(shell.run("$keratin compile free.kir -o m.so").status, 69);
  EXPECT_EQ(read_all(shell / "m.so"), library);
  EXPECT_EQ(read_all(shell / "m.h"), header);
  EXPECT_EQ(words(shell.run("ls -A | grep -v -e .out -e .err").out),
            (std::set<std::string>{"free.kir", "m.h", "m.so"}));
}

TEST(Artefact, ADiskThatFillsUpAtAnyPointLeavesTheOldFiles) {
  const Shell shell;
  ASSERT_EQ(shell.run("$keratin dump $models/digits_mlp.keras -o m.kir").status, 0);
  for (const std::string kind : {"so", "o", "a"}) {
    int failures = 0;
    for (const int blocks : {1, 16, 128, 210, 230, 250, 270, 400}) {
      shell.write("m." + kind, "old");
      const Outcome outcome = shell.run(cat("ulimit -f ", blocks, "; $keratin compile m.kir -o m.", kind));
      if (outcome.status == 0) continue;
      ++failures;
      EXPECT_EQ(outcome.status, 74) << outcome.err;
      EXPECT_EQ(read_all(shell / ("m." + kind)), "old");
    }
    EXPECT_GT(failures, 2);
    fs::remove(shell / ("m." + kind));
  }
  EXPECT_EQ(words(shell.run("ls -A | grep -v -e .out -e .err").out),
            (std::set<std::string>{"m.h", "m.kir", "m.kir.safetensors"}));
}

/// The description of a compiled model.
const keratin_info* open_info(const fs::path& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  return reinterpret_cast<const keratin_info* (*)()>(dlsym(handle, "keratin_info"))();
}

TEST(Artefact, SelftestSeesADamagedWeight) {
  const Shell shell;
  compile(shell, "$models/digits_mlp.keras -o m.so");
  const keratin_info* good = open_info(shell / "m.so");
  ASSERT_NE(good, nullptr);
  EXPECT_EQ(good->selftest(), KRT_OK);

  // The largest section holds the weights: every exponent in a stretch of it is changed.
  std::string bytes = read_all(shell / "m.so");
  for (size_t at = 0x8003; at < 0x9003; at += 4) bytes[at] = static_cast<char>(bytes[at] ^ 0x02);
  shell.write("damaged.so", bytes);
  const keratin_info* damaged = open_info(shell / "damaged.so");
  ASSERT_NE(damaged, nullptr);
  EXPECT_EQ(damaged->selftest(), KRT_SELFTEST_FAILED);
}

TEST(Artefact, StateIsKeptFromCallToCall) {
  const Shell shell;
  shell.write("count.kir", R"(module @count {
  var @calls : f32[] state
  func @predict(%x: f32[N]) -> (%y: f32[N]) {
    %0 = broadcast @calls : f32[N]
    %1 = add %x, %0 : f32[N]
    %2 = add @calls, 1.0 : f32[]
    return %1 updates @calls = %2
  }
}
)");
  compile(shell, "count.kir -o count.so");
  const Runnable model = open_library((shell / "count.so").string(), 1);
  Tensor x(DType::f32, {3});
  x.set(1, 10);
  for (int calls = 0; calls < 3; ++calls) {
    const Tensor y = model.call(std::vector{x})[0];
    EXPECT_EQ(y.get(0), calls);
    EXPECT_EQ(y.get(1), 10 + calls);
  }
  EXPECT_EQ(open_info(shell / "count.so")->selftest(), KRT_OK);
}

TEST(Artefact, NoSamplesAndFixedBatch) {
  const Shell shell;
  compile(shell, "$models/digits_mlp.keras -o m.so");
  const Runnable any = open_library((shell / "m.so").string(), 2);
  EXPECT_EQ(any.call(std::vector{Tensor(DType::f32, {0, 784})})[0].shape(), (std::vector<int64_t>{0, 10}));

  shell.write(
      "fixed.kir",
      "module @f {\n  func @predict(%x: f32[4,2]) -> (%y: f32[4,2]) {\n    %0 = neg %x : f32[4,2]\n    return %0\n  }\n}\n");
  compile(shell, "fixed.kir -o fixed.so");
  const keratin_info* info = open_info(shell / "fixed.so");
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->batch, 4u);
  EXPECT_EQ(info->workspace_size(3, nullptr, 1), SIZE_MAX);
  const Runnable fixed = open_library((shell / "fixed.so").string(), 1);
  EXPECT_EQ(fixed.call(std::vector{Tensor(DType::f32, {4, 2})})[0].shape(), (std::vector<int64_t>{4, 2}));
}

TEST(Artefact, LevelsOfTheProcessorAgree) {
  const Shell shell;
  for (const std::string level : {"x86-64", "x86-64-v2", "x86-64-v3"}) {
    compile(shell, "$models/digits_cnn.keras -o m.so --check-bounds --cpu " + level);
    const keratin_info* info = open_info(shell / "m.so");
    ASSERT_NE(info, nullptr);
    const int status = info->selftest();
    EXPECT_TRUE(status == KRT_OK || status == KRT_UNSUPPORTED_CPU) << level;
    fs::remove(shell / "m.so");
  }
}

// Kernels are there for each level, weights once, and results are the bits of the best level alone; what the processor lacks
// changes nothing.
TEST(Artefact, OfSeveralLevelsTheBestComputes) {
  const Shell shell;
  if (shell.run("uname -m").out != "x86_64\n") GTEST_SKIP() << "levels are x86-64's";
  const std::string model = "$keratin compile $models/digits_cnn.keras -o ";
  const auto levels = [&](const std::string& file, const std::string& cpus) {
    const Outcome made = shell.run(cat(model, file, " --cpu ", cpus));
    EXPECT_EQ(made.status, 0) << made.err;
    return made.out;
  };
  EXPECT_EQ(levels("all.so", "x86-64-v2,x86-64-v4,x86-64,x86-64-v3"),
            "levels: x86-64-v4, x86-64-v3, x86-64-v2, x86-64\n");
  EXPECT_NE(shell.run("head -1 all.h").out.find("for x86-64-v4, x86-64-v3, x86-64-v2 or x86-64, the first"),
            std::string::npos);
  std::string best = "x86-64";
  for (const std::string level : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    // A name of its own: a process that has loaded a file does not load another one in its place.
    const std::string file = cat(level, ".so");
    EXPECT_EQ(levels(file, level), "");
    if (open_info(shell / file)->selftest() == KRT_OK) best = level;
  }
  levels("one.so", best);
  EXPECT_LT(fs::file_size(shell / "all.so"), fs::file_size(shell / "one.so") + 100000)
      << "weights are there once";
  EXPECT_EQ(open_info(shell / "all.so")->selftest(), KRT_OK);

  Tensor images(DType::f32, {3, 28, 28, 1});
  for (int64_t i = 0; i < images.elements(); ++i) images.set(i, static_cast<double>(i * 7919 % 256) / 255);
  write_npz((shell / "x.npz").string(), {{"x", images}});
  ASSERT_EQ(shell.run("$keratin run one.so --input x.npz --output y.npz").status, 0);
  const Outcome same = shell.run("$keratin run all.so --input x.npz --expect y.npz --atol 0 --rtol 0");
  EXPECT_EQ(same.status, 0) << same.err;
}

TEST(Artefact, InBf16WeightsTakeHalfTheBytesAndTheErrorIsSaid) {
  const Shell shell;
  compile(shell, "$models/digits_mlp.keras -o whole.so");
  for (const std::string level : {"native", "x86-64", "x86-64-v3", "x86-64-v4"}) {
    const Outcome made =
        shell.run("$keratin compile $models/digits_mlp.keras -o half.so --precision bf16 --cpu " + level);
    ASSERT_EQ(made.status, 0) << made.err;
    double largest = 0, mean = 0, results = 0;
    ASSERT_EQ(
        std::sscanf(made.out.c_str(),
                    "bf16 differs from f32 by at most %lf, by %lf on average, in results of up to %lf\n",
                    &largest, &mean, &results),
        3)
        << made.out;
    EXPECT_TRUE(0 < mean && mean < largest && largest < 0.02 && results <= 1) << made.out;
    // 25,408 weights; bias and code are as large as ever.
    EXPECT_NEAR(static_cast<double>(fs::file_size(shell / "whole.so") - fs::file_size(shell / "half.so")),
                2 * 25408, 12000)
        << level;
    EXPECT_EQ(shell.run("nm -D -u half.so | grep -e bf2 -e fma").out, "") << level;
    const keratin_info* info = open_info(shell / "half.so");
    ASSERT_NE(info, nullptr);
    const int status = info->selftest();
    EXPECT_TRUE(status == KRT_OK || status == KRT_UNSUPPORTED_CPU) << level;
    fs::remove(shell / "half.so");
  }
}

TEST(Artefact, TheErrorOfBf16IsThatOfTheSamplesGiven) {
  const Shell shell;
  write_npz((shell / "zeros.npz").string(), {{"pixels", Tensor(DType::f32, {3, 784})}});
  const std::string command = "$keratin compile $models/digits_mlp.keras -o m.so --precision bf16 --samples ";
  const Outcome made = shell.run(command + "zeros.npz");
  EXPECT_TRUE(made.out.starts_with("bf16 differs from f32 by at most ")) << made.out << made.err;
  EXPECT_NE(made.out, shell.run("$keratin compile $models/digits_mlp.keras -o m.so --precision bf16").out);
  fs::remove(shell / "m.so");
  write_npz((shell / "wrong.npz").string(), {{"pixels", Tensor(DType::f32, {3, 28})}});
  EXPECT_EQ(shell.run(command + "wrong.npz").status, 65);
  EXPECT_FALSE(fs::exists(shell / "m.so"));
}

/// Five images without a pattern, in x.npz.
void write_rows(const Shell& shell) {
  Tensor rows(DType::f32, {5, 28, 28});
  for (int64_t i = 0; i < rows.elements(); ++i) rows.set(i, static_cast<double>(i * 7919 % 256) / 255);
  write_npz((shell / "x.npz").string(), {{"rows", rows}});
}

TEST(Run, EveryWayOfRunningBf16Agrees) {
  const Shell shell;
  write_rows(shell);
  const std::string model = "$keratin run $models/digits_lstm.keras --input x.npz --precision bf16 ";
  EXPECT_EQ(shell.run(model + "--output y.npz").status, 0);
  EXPECT_EQ(shell.run(model + "--interpret-kernels --expect y.npz --atol 0 --rtol 0").status, 0);
  EXPECT_EQ(shell.run(model + "--interpret --expect y.npz --atol 0.01").status, 0);
  EXPECT_EQ(shell.run("$keratin run $models/digits_lstm.keras --input x.npz --expect y.npz").status, 65);
}

TEST(Run, EveryWayOfRunningAgrees) {
  const Shell shell;
  write_rows(shell);
  const std::string model = "$models/digits_lstm.keras --input x.npz ";
  compile(shell, "$models/digits_lstm.keras -o m.so");
  EXPECT_EQ(shell.run("$keratin run m.so --input x.npz --output y.npz").status, 0);
  const std::string exact = "--expect y.npz --atol 0 --rtol 0 ";
  EXPECT_EQ(shell.run("$keratin run m.so --input x.npz --threads 3 " + exact).status, 0);
  EXPECT_EQ(shell.run("$keratin run " + model + exact).status, 0);
  EXPECT_EQ(shell.run("$keratin run " + model + "--interpret-kernels " + exact).status, 0);
  EXPECT_EQ(shell.run("$keratin run " + model + "--interpret --expect y.npz").status, 0);
}

}  // namespace
}  // namespace keratin::testing
