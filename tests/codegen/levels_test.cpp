// Several levels of processors in one artefact: each runs where it is the best that the processor has.
#include <gtest/gtest.h>

#include "artefact_support.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr const char* kX86 = "x86_64-unknown-linux-gnu";

/// y = x + `sum`, by way of a workspace of `memory` bytes per sample: different for each level, so that it shows which one ran.
LevelKernels level_of(const Target& target, int sum, int memory) {
  return {target, parse_kernels(cat(R"(kernels @model
kernel @add(%x: in f32[N], %y: out f32[N]) par i in 0..N { store %y[i] = add(load %x[i], )",
                                    sum, R"(.0) }
program @predict(%x) -> (%y) memory )",
                                    memory, R"(*N {
  input %x: f32[N]
  output %y: f32[N]
  launch @add(%x, %y)
}
)"))};
}

/// Linked before the runtime, in place of its function of this name.
constexpr std::string_view kPretence = R"(#include <stdint.h>
uint32_t pretended;
int krt_cpu_has(uint32_t features) { return (pretended & features) == features; }
)";

TEST(ArtefactLevels, EachRunsWhereItIsTheBest) {
  if (std::system("cc --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no compiler here";
  if (!host_target().triple.starts_with("x86_64")) GTEST_SKIP() << "levels are x86-64's";
  const std::vector<Target> targets = make_levels("x86-64-v2,x86-64-v3,x86-64-v4,sapphirerapids", kX86);
  std::vector<LevelKernels> levels;
  for (int i = 0; i < 4; ++i)
    levels.push_back(level_of(targets[static_cast<size_t>(i)], i + 1, 64 * (i + 1)));

  const TemporaryFolder folder;
  const std::vector<std::byte> object = emit_object(levels, {}, {.prefix = "m"});
  write_file(folder / "m.o", object.data(), object.size());
  write_file(folder / "pretence.c", kPretence.data(), kPretence.size());
  ASSERT_EQ(std::system(cat("cc -c -fPIC -o ", folder / "pretence.o", " ", folder / "pretence.c").c_str()),
            0);
  const std::string inputs[] = {folder / "m.o", folder / "pretence.o", find_runtime("libkeratin_rt.a")};
  link_shared(inputs, folder / "m.so", "m.so");
  void* handle = dlopen((folder / "m.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  const keratin_info& info = *reinterpret_cast<const keratin_info* (*)()>(dlsym(handle, "keratin_info"))();
  auto& pretended = *static_cast<uint32_t*>(dlsym(handle, "pretended"));

  const auto run = [&info](float& y) {
    const float x = 10;
    alignas(64) unsigned char workspace[256];
    const void* inputs[] = {&x};
    void* outputs[] = {&y};
    return info.call(inputs, outputs, nullptr, 1, nullptr, workspace, nullptr);
  };
  float y = 0;
  pretended = 0;
  EXPECT_EQ(run(y), KRT_UNSUPPORTED_CPU);
  for (int i = 0; i < 4; ++i) {
    const Target& target = targets[static_cast<size_t>(i)];
    if (!runs_on_host(target)) continue;
    pretended = target.cpu_features;
    ASSERT_EQ(run(y), KRT_OK);
    EXPECT_EQ(y, 10 + i + 1) << target.cpu;
    EXPECT_EQ(info.workspace_size(1, nullptr, 1), 64u * static_cast<size_t>(i + 1)) << target.cpu;
  }
}

// An object's functions are named after their level, where there are several; and lines of one lead to its own text.
TEST(ArtefactLevels, FunctionsAreNamedAfterThem) {
  const TemporaryFolder folder;
  const std::vector<Target> targets = make_levels("x86-64,x86-64-v4", kX86);
  const std::vector<LevelKernels> levels{level_of(targets[0], 1, 64), level_of(targets[1], 2, 64)};
  const std::vector<std::byte> object = emit_object(levels, {.debug_info = true}, {.prefix = "m"});
  const std::string bytes(reinterpret_cast<const char*>(object.data()), object.size());
  for (const char* name : {"add.kernel.x86-64-v4", "add.kernel.x86-64", "m_run_predict.x86-64-v4",
                           "model.x86-64-v4.kernels", "model.x86-64.kernels"})
    EXPECT_NE(bytes.find(std::string(name) + '\0'), std::string::npos) << name;
}

}  // namespace
}  // namespace keratin
