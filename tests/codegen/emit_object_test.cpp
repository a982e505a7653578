// Objects for every kind of processor: what they ask for, what they export, and that they run.
#include <gtest/gtest.h>

#include "artefact_support.h"
#include "codegen/native.h"
#include "elf_symbols.h"
#include "ir/error.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "op_modules.h"

namespace keratin {
namespace {

constexpr const char* kAArch64 = "aarch64-unknown-linux-gnu";

std::vector<Target> all_targets() {
  std::vector<Target> targets;
  for (const char* cpu : {"x86-64", "x86-64-v3", "x86-64-v4"})
    targets.push_back(make_target(cpu, "x86_64-unknown-linux-gnu"));
  targets.push_back(make_target("generic", kAArch64));
  return targets;
}

OpModule everything(DType dtype, const Target& target) {
  OpModule ops(dtype);
  add_arithmetic(ops, dtype);
  add_constant_operands(ops, dtype);
  add_casts(ops, dtype);
  add_folds(ops, dtype);
  if (target.fma) add_fma(ops, dtype);
  return ops;
}

class EmitObjectOf : public ::testing::TestWithParam<DType> {};

TEST_P(EmitObjectOf, NeedsNoHelperFunctions) {
  const TemporaryFolder folder;
  for (const Target& target : all_targets()) {
    const std::string path = write_object(everything(GetParam(), target).module(), target, folder);
    for (const std::string& name : ElfSymbols(path, SHT_SYMTAB).undefined)
      EXPECT_TRUE(name.starts_with("krt_")) << name << " for " << target.cpu;
  }
}

bool can_run_aarch64() {
  const char* command =
      "aarch64-linux-gnu-gcc --version > /dev/null 2>&1 && qemu-aarch64 --version > /dev/null 2>&1";
  return std::system(command) == 0;
}

/// Links an object with the runtime's sources and a main program, and runs it in the emulator. True if it returns 0.
bool run_on_aarch64(const TemporaryFolder& folder, const std::string& object, const std::string& main,
                    const std::string& arguments = {}) {
  write_file(folder / "main.c", main.data(), main.size());
  const std::string source = KERATIN_SOURCE_DIR, program = folder / "main";
  const std::string command =
      cat("aarch64-linux-gnu-gcc -O1 -static -pthread -I", source, " ", folder / "main.c", " ", object, " ",
          source, "/runtime/*.c -o ", program, " && qemu-aarch64 ", program, " ", arguments);
  return std::system(command.c_str()) == 0;
}

/// Runs a model named `model` on inputs read from a file; writes its outputs to another.
constexpr const char* kRunFiles = R"(
#include <stdio.h>
#include <stdlib.h>
int model_call(const void *const *, void *const *, void *, size_t, const size_t *, void *, void *);
int main(int argc, char **argv) {
  enum { count = sizeof sizes / sizeof sizes[0] };
  static char a[pairs * element], b[pairs * element], p[pairs];
  const void *inputs[] = {a, b, p};
  void *outputs[count];
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
  if (argc != 3 || !in || !out || !fread(a, sizeof a, 1, in) || !fread(b, sizeof b, 1, in) || !fread(p, pairs, 1, in))
    return 1;
  for (int i = 0; i < count; ++i) outputs[i] = malloc(sizes[i]);
  if (model_call(inputs, outputs, NULL, pairs, NULL, NULL, NULL) != 0) return 2;
  for (int i = 0; i < count; ++i) fwrite(outputs[i], sizes[i], 1, out);
  return fclose(out);
}
)";

TEST_P(EmitObjectOf, GivesTheSameBitsOnAArch64) {
  if (!can_run_aarch64()) GTEST_SKIP() << "no cross compiler or no emulator here";
  const TemporaryFolder folder;
  const Target target = make_target("generic", kAArch64);
  const OpModule ops = everything(GetParam(), target);
  const auto module = std::make_shared<const KernelModule>(ops.module());
  const std::vector<Tensor> expected = interpret_kernels(module)->call("predict", ops.inputs());
  std::string in, sizes;
  for (const Tensor& input : ops.inputs())
    in.append(reinterpret_cast<const char*>(input.data()), static_cast<size_t>(input.bytes()));
  for (const Tensor& output : expected) sizes += cat(output.bytes(), ", ");
  write_file(folder / "in", in.data(), in.size());
  const std::string main = cat("enum { element = ", byte_size(GetParam()), ", pairs = ", kPairs,
                               " };\nstatic const int sizes[] = {", sizes, "};\n", kRunFiles);
  const std::string object = write_object(*module, target, folder);
  ASSERT_TRUE(run_on_aarch64(folder, object, main, cat(folder / "in", " ", folder / "out")));
  std::FILE* out = std::fopen((folder / "out").c_str(), "rb");
  ASSERT_NE(out, nullptr);
  for (size_t i = 0; i < expected.size(); ++i) {
    Tensor found(expected[i].dtype(), expected[i].shape());
    ASSERT_EQ(std::fread(found.data(), static_cast<size_t>(found.bytes()), 1, out), 1u);
    expect_same(expected[i], found, ops.name(i));
  }
  std::fclose(out);
}

// Those that a processor may lack instructions for.
INSTANTIATE_TEST_SUITE_P(SomeDTypes, EmitObjectOf,
                         ::testing::Values(DType::i8, DType::i64, DType::u64, DType::f32, DType::f64),
                         [](const auto& info) { return std::string(to_text(info.param)); });

// A model with weights, state and a workspace: y = relu(x·w + b), and %count counts the calls.
constexpr std::string_view kModel = R"(kernels @model
var @w: f32[3,4]
var @count: i64[] state
kernel @dot(%x: in f32[N,3], %w: in f32[3,4], %y: out f32[N,4]) from "encoder/dense" par i in 0..N {
  tile %t: f32[4]
  acc a: f32x4[] = 0.0
  for k in 0..3 { set a[] = add(a[], mul(splat(load %x[i, k]), load %w[k, 0 : 4])) }
  store %t[0 : 4] = a[]
  store %y[i, 0 : 4] = load %t[0 : 4]
}
kernel @relu(%x: in f32[N,4], %y: out f32[N,4], %n: inout i64[]) {
  for i in 0..N { store %y[i, 0 : 4] = max(load %x[i, 0 : 4], 0.0) }
  store %n[] = add(load %n[], 1:i64)
}
program @predict(%x) -> (%y) memory 64*N {
  input %x: f32[N,3]
  variable @w: f32[3,4]
  workspace %h: f32[N,4] at 0
  output %y: f32[N,4]
  variable @count: i64[]
  launch @dot(%x, @w, %h)
  launch @relu(%h, %y, @count)
}
)";

const std::set<std::string> kExports = {"m_predict",     "m_predict_alloc", "m_call",     "m_workspace_size",
                                        "m_state_size",  "m_state_init",    "m_selftest", "m_strerror",
                                        "m_pool_create", "m_pool_destroy",  "m_info"};

/// The object of kModel, its weights 1, 2, …, 12, its counter starting at 41.
std::string model_object(const Target& target, const TemporaryFolder& folder) {
  const std::string weights = folder / "weights \"w\"", state = folder / "state";
  std::vector<float> w(16);
  for (size_t i = 0; i < 12; ++i) w[i] = static_cast<float>(i + 1);
  const int64_t count[8] = {41};
  write_file(weights, w.data(), 64);
  write_file(state, count, 64);
  return write_object(parse_kernels(kModel), target, folder, {},
                      {.prefix = "m", .weights_file = weights, .state_file = state});
}

using Predict = int(const float* x, float* y, void* state, size_t n, void* workspace, keratin_pool* pool);

TEST(EmitObject, SharedObjectsRunByTheirEntryPoints) {
  for (const Target& target : host_levels()) {
    const TemporaryFolder folder;
    const std::string library = folder / "libm.so";
    link_artefact(".so", model_object(target, folder), library, "libm.so", "m", target);
    std::set<std::string> exports = kExports;
    exports.insert("keratin_info");
    EXPECT_EQ(ElfSymbols(library, SHT_DYNSYM).global, exports);

    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(handle, nullptr) << dlerror();
    const auto find = [handle]<typename F>(const char* name, F*) {
      return reinterpret_cast<F*>(dlsym(handle, name));
    };
    const auto predict = find("m_predict", static_cast<Predict*>(nullptr));
    const auto alloc =
        find("m_predict_alloc", static_cast<int (*)(const float*, float*, void*, size_t)>(nullptr));
    const auto workspace_size = find("m_workspace_size", static_cast<size_t (*)(size_t, unsigned)>(nullptr));
    const auto state_size = find("m_state_size", static_cast<size_t (*)()>(nullptr));
    const auto& info = *find("keratin_info", static_cast<const keratin_info* (*)()>(nullptr))();

    EXPECT_EQ(workspace_size(10, 1), 640u + 64u);
    EXPECT_EQ(workspace_size(10, 4), 640u + 256u);
    EXPECT_EQ(state_size(), 64u);
    alignas(64) int64_t state[8] = {};
    EXPECT_EQ(info.state_init(state), KRT_OK);
    EXPECT_EQ(state[0], 41);
    const float x[] = {1, 0, 0, -1, -1, 1};
    const float expected[] = {1, 2, 3, 4, 3, 2, 1, 0};
    float y[8] = {};
    alignas(64) unsigned char workspace[1024];
    keratin_pool* pool = info.pool_create(3);
    ASSERT_EQ(predict(x, y, state, 2, workspace, pool), KRT_OK);
    EXPECT_EQ(std::memcmp(y, expected, sizeof y), 0);
    EXPECT_EQ(state[0], 42);
    std::memset(y, 0, sizeof y);
    ASSERT_EQ(alloc(x, y, state, 2), KRT_OK);
    EXPECT_EQ(std::memcmp(y, expected, sizeof y), 0);
    EXPECT_EQ(state[0], 43);
    info.pool_destroy(pool);

    EXPECT_EQ(info.size, sizeof(keratin_info));
    EXPECT_EQ(info.batch, 0u);
    EXPECT_EQ(info.state_bytes, 64u);
    ASSERT_EQ(info.input_count, 1u);
    EXPECT_STREQ(info.inputs[0].name, "x");
    EXPECT_EQ(info.inputs[0].dtype, uint32_t{KRT_F32});
    ASSERT_EQ(info.inputs[0].rank, 2u);
    EXPECT_EQ(info.inputs[0].shape[0].symbol, 0);
    EXPECT_EQ(info.inputs[0].shape[1].size, 3);
    EXPECT_EQ(info.inputs[0].shape[1].symbol, -1);
    EXPECT_STREQ(info.explain(KRT_OK), "success");
    EXPECT_EQ(predict(nullptr, y, state, 2, workspace, nullptr), KRT_NULL_ARGUMENT);
    EXPECT_EQ(info.selftest(), KRT_OK);
  }
}

TEST(EmitObject, RelocatableObjectsKeepToThemselves) {
  const TemporaryFolder folder;
  const Target target = host_target();
  const std::string object = folder / "m.o", archive = folder / "m.a";
  const std::string emitted = model_object(target, folder);
  link_artefact(".o", emitted, object, "m.o", "m", target);
  link_artefact(".a", emitted, archive, "m.a", "m", target);
  const ElfSymbols symbols(object, SHT_SYMTAB);
  EXPECT_EQ(symbols.global, kExports);
  for (const std::string& name : symbols.undefined) EXPECT_FALSE(name.starts_with("krt_")) << name;
  // Linked by another linker, twice over.
  const std::string command =
      cat("cc -shared -o ", folder / "1.so", " ", object, " && cc -shared -o ", folder / "2.so",
          " -Wl,--whole-archive ", archive, " -Wl,--no-whole-archive");
  if (std::system("cc --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no compiler here";
  ASSERT_EQ(std::system(command.c_str()), 0);
  for (const char* name : {"1.so", "2.so"}) {
    void* handle = dlopen((folder / name).c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(handle, nullptr) << dlerror();
    EXPECT_EQ(reinterpret_cast<int (*)()>(dlsym(handle, "m_selftest"))(), KRT_OK);
  }
}

TEST(EmitObject, ForAnotherArchitecture) {
  const TemporaryFolder folder;
  const Target target = make_target("generic", kAArch64);
  const std::string emitted = model_object(target, folder), object = folder / "m.o";
  if (same_kind_as_host(target)) GTEST_SKIP() << "this is that architecture";
  EXPECT_THROW(link_artefact(".so", emitted, folder / "m.so", "m.so", "m", target), Error);
  link_artefact(".o", emitted, object, "m.o", "m", target);
  EXPECT_EQ(ElfSymbols(object, SHT_SYMTAB).global, kExports);
  if (!can_run_aarch64()) GTEST_SKIP() << "no cross compiler or no emulator here";
  const std::string main = R"(
#include <stdint.h>
#include <string.h>
#include <stddef.h>
int m_predict_alloc(const float *, float *, void *, size_t);
int m_state_init(void *);
int main(void) {
  static _Alignas(64) int64_t state[8];
  const float x[] = {1, 0, 0, -1, -1, 1}, expected[] = {1, 2, 3, 4, 3, 2, 1, 0};
  float y[8];
  return m_state_init(state) != 0 || m_predict_alloc(x, y, state, 2) != 0 || memcmp(y, expected, sizeof y) != 0 || state[0] != 42;
}
)";
  EXPECT_TRUE(run_on_aarch64(folder, object, main));
}

TEST(EmitObject, DebugInformationLeadsToKernelsAndLayers) {
  const TemporaryFolder folder;
  const Target target = host_target();
  const auto text_of = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  };
  const std::string plain = text_of(write_object(parse_kernels(kModel), target, folder));
  EXPECT_EQ(plain.find("encoder/dense"), std::string::npos);
  const std::string object = write_object(parse_kernels(kModel), target, folder, {.debug_info = true});
  for (const char* expected : {"dot:encoder/dense", "model.kernels", ".debug_line"})
    EXPECT_NE(text_of(object).find(expected), std::string::npos) << expected;
  if (std::system("llvm-dwarfdump-19 --version > /dev/null 2>&1") != 0)
    GTEST_SKIP() << "no llvm-dwarfdump here";
  ASSERT_EQ(std::system(cat("llvm-dwarfdump-19 --verify --quiet ", object,
                            " && llvm-dwarfdump-19 --debug-line ", object, " > ", folder / "lines")
                            .c_str()),
            0);
  // The statement "store %y[i, 0 : 4] = load %t[0 : 4]" of the printed text.
  const std::string printed = print(parse_kernels(kModel));
  const size_t at = printed.find("store %y[i, 0 : 4] = load %t");
  ASSERT_NE(at, std::string::npos);
  const auto line = std::count(printed.begin(), printed.begin() + static_cast<int64_t>(at), '\n') + 1;
  EXPECT_NE(text_of(folder / "lines").find(cat(std::string(line < 10 ? 6 : 5, ' '), line, "      0")),
            std::string::npos);
}

/// Functions of the LLVM module that `layers` equal products become.
int64_t functions_of(int64_t layers) {
  std::string text = "module @m {\n", body;
  for (int64_t i = 0; i < layers; ++i) {
    text += cat("  var @w", i, " : f32[64,64]\n");
    body += cat("    %y", i, " = dot ", i == 0 ? std::string("%x") : cat("%y", i - 1), ", @w", i,
                " {contract = [1]x[0]} : f32[N,64]\n");
  }
  text += cat("  func @predict(%x: f32[N,64]) -> (%y: f32[N,64]) {\n", body, "    return %y", layers - 1,
              "\n  }\n}\n");
  const Target target = make_target("x86-64-v3", "x86_64-unknown-linux-gnu");
  const KernelModule kernels = compile_kernels(parse_module(text, "m.kir"), target);
  EXPECT_EQ(static_cast<int64_t>(kernels.kernels.size()), layers);
  const std::string emitted = llvm_text(kernels, target, {});
  int64_t functions = 0;
  for (size_t at = 0; (at = emitted.find("\ndefine ", at)) != std::string::npos; ++at) ++functions;
  return functions;
}

TEST(EmitObject, EqualKernelsAreOneFunction) { EXPECT_EQ(functions_of(9), functions_of(5)); }

TEST(EmitObject, LinkErrorsAreReported) {
  const TemporaryFolder folder;
  const std::string bad = folder / "bad.o";
  write_file(bad, "nothing", 7);
  for (int i = 0; i < 2; ++i) {
    try {
      link_shared(std::vector<std::string>{bad}, folder / "out.so", "out.so");
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::io);
      EXPECT_NE(error.message().find("bad.o"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace keratin
