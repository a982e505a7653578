// Names in C, and headers that compilers of C and C++ accept without a warning.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "codegen/artefact.h"
#include "codegen/c_names.h"
#include "codegen/program_facts.h"
#include "ir/text.h"

namespace keratin {
namespace {

ProgramBuffer buffer(std::string name, DType dtype, Shape shape, Storage storage) {
  return {std::move(name), dtype, std::move(shape), storage, {}};
}

/// A module of one program without kernels.
KernelModule module_of(std::vector<ProgramBuffer> inputs, std::vector<ProgramBuffer> outputs) {
  KernelModule module;
  module.name = "test */ model \"x\" \\";
  Program program;
  program.name = "predict";
  for (ProgramBuffer& one : inputs) {
    program.inputs.push_back(static_cast<uint32_t>(program.buffers.size()));
    program.buffers.push_back(std::move(one));
  }
  for (ProgramBuffer& one : outputs) {
    program.outputs.push_back(static_cast<uint32_t>(program.buffers.size()));
    program.buffers.push_back(std::move(one));
  }
  module.programs.push_back(std::move(program));
  return module;
}

/// True if `text` compiles alone and twice, as `compiler` reads it, without a word.
bool compiles(const std::string& text, const std::string& compiler, const std::string& suffix) {
  const auto folder = std::filesystem::temp_directory_path() / cat("keratin_header_", getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "model.h") << text;
  std::ofstream(folder / ("user" + suffix)) << "#include \"model.h\"\n#include \"model.h\"\nint user(void);\n"
                                            << "int user(void) { return m_predict == 0; }\n";
  const std::string command =
      cat(compiler, " -Wall -Wextra -pedantic -Wconversion -Wno-address -Werror -fsyntax-only -I",
          folder.string(), " ", (folder / ("user" + suffix)).string());
  const bool accepted = std::system(command.c_str()) == 0;
  std::filesystem::remove_all(folder);
  return accepted;
}

std::string header_of(const KernelModule& module) {
  const LevelKernels level{make_target("x86-64", "x86_64-unknown-linux-gnu"), module};
  return c_header(std::span(&level, 1), "m");
}

TEST(CNames, IdentifiersAreValidAndNotReserved) {
  EXPECT_EQ(c_identifier("dense"), "dense");
  EXPECT_EQ(c_identifier("dense_1/kernel:0"), "dense_1_kernel_0");
  EXPECT_EQ(c_identifier("3d-net"), "m3d_net");
  EXPECT_EQ(c_identifier("__x__"), "x");
  EXPECT_EQ(c_identifier("a  b"), "a_b");
  EXPECT_EQ(c_identifier("\xc3\xa9t\xc3\xa9"), "t");
  EXPECT_EQ(c_identifier(""), "model");
  EXPECT_EQ(c_identifier("!"), "model");
}

TEST(CNames, ParametersAreDifferent) {
  const KernelModule module = module_of({buffer("for", DType::f32, {Dim::batch()}, Storage::input),
                                         buffer("n", DType::f32, {Dim::batch()}, Storage::input),
                                         buffer("x", DType::f32, {Dim::batch()}, Storage::input),
                                         buffer("X", DType::f32, {Dim::batch()}, Storage::input)},
                                        {buffer("x", DType::f32, {Dim::batch()}, Storage::output),
                                         buffer("pool", DType::f32, {Dim::batch()}, Storage::output)});
  const CNames names = c_names(module.programs[0], {});
  EXPECT_EQ(names.inputs, (std::vector<std::string>{"for_", "n_2", "x", "X_2"}));
  EXPECT_EQ(names.outputs, (std::vector<std::string>{"x_3", "pool_2"}));
  EXPECT_EQ(names.entry, "predict");
}

TEST(CHeader, CompilesAsCAndCppWithoutAWarning) {
  const Dim n = Dim::batch();
  const KernelModule usual = module_of({buffer("pixels", DType::f32, {n, 28, 28}, Storage::input)},
                                       {buffer("probabilities", DType::f32, {n, 10}, Storage::output)});
  const KernelModule strange = module_of(
      {buffer("class", DType::boolean, {}, Storage::input),
       buffer("a*/b", DType::i64, {Dim(2, Symbol("N")), n}, Storage::input),
       buffer("half", DType::f16, {3}, Storage::input)},
      {buffer("size_t", DType::u8, {n}, Storage::output), buffer("", DType::bf16, {4, 5}, Storage::output)});
  const KernelModule fixed = module_of({buffer("x", DType::f64, {8, 3}, Storage::input)},
                                       {buffer("y", DType::f64, {8}, Storage::output)});
  for (const KernelModule* module : {&usual, &strange, &fixed}) {
    const std::string text = header_of(*module);
    EXPECT_TRUE(compiles(text, "cc -std=c99", ".c")) << text;
    EXPECT_TRUE(compiles(text, "c++ -std=c++17", ".cpp")) << text;
  }
}

TEST(CHeader, StatesShapesAndSizes) {
  const Dim n = Dim::batch();
  const std::string text =
      header_of(module_of({buffer("x", DType::f32, {n, 28, 28}, Storage::input)},
                          {buffer("y", DType::i32, {Dim(2, Symbol("N"))}, Storage::output)}));
  EXPECT_NE(text.find("#define M_BATCH 0 "), std::string::npos);
  EXPECT_NE(text.find("#define M_INPUT_X_SIZE 784 "), std::string::npos);
  EXPECT_NE(text.find("#define M_INPUT_X_SHAPE {-1, 28, 28} "), std::string::npos);
  EXPECT_NE(text.find("#define M_OUTPUT_Y_SIZE 2 "), std::string::npos);
  EXPECT_NE(text.find("int m_predict(const float *x, int32_t *y, size_t n, void *workspace,"),
            std::string::npos);
  EXPECT_NE(text.find("int m_predict_alloc(const float *x, int32_t *y, size_t n);"), std::string::npos);
  EXPECT_EQ(text.find("state_init(void"), std::string::npos)
      << "a model without state has no functions for it";
  EXPECT_EQ(text.find('@'), std::string::npos) << "all places of the template are filled in";
}

TEST(CHeader, FixedBatch) {
  const KernelModule fixed = module_of({buffer("x", DType::f64, {8, 3}, Storage::input)},
                                       {buffer("y", DType::f64, {8}, Storage::output)});
  EXPECT_EQ(fixed_batch(fixed.programs[0]), 8);
  const std::string text = header_of(fixed);
  EXPECT_NE(text.find("#define M_BATCH 8 "), std::string::npos);
  EXPECT_NE(text.find("#define M_INPUT_X_SIZE 3 "), std::string::npos);
}

}  // namespace
}  // namespace keratin
