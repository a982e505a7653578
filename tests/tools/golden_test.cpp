// Every golden model on kernels: in the kernel interpreter, in the JIT, and as a shared object made and run from the
// command line.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "codegen/emit.h"
#include "codegen/native.h"
#include "frontend/load.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "runtime/abi.h"
#include "tests/golden_training.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

TEST(Golden, KernelInterpreter) {
  walk_golden_cases(
      "kernel interpreter", Suite::inference, [](const GoldenCase& golden, const fs::path& file) {
        const Module module = load_model(file.string(), golden.free_extents());
        const auto executor = make_kernel_interpreter(make_target("native"));
        golden.expect_outputs(module, executor->compile(module)->call("predict", golden.inputs(module)));
      });
}

TEST(Golden, Jit) {
  walk_golden_cases("JIT", Suite::inference, [](const GoldenCase& golden, const fs::path& file) {
    const Module module = load_model(file.string(), golden.free_extents());
    const std::vector<Tensor> inputs = golden.inputs(module);
    const auto run = [&](unsigned threads) {
      return make_native_executor(make_target("native"), {}, threads)
          ->compile(module)
          ->call("predict", inputs);
    };
    const std::vector<Tensor> outputs = run(1);
    golden.expect_outputs(module, outputs);
    const std::vector<Tensor> same = run(3);
    for (size_t i = 0; i < outputs.size(); ++i)
      EXPECT_EQ(std::memcmp(outputs[i].data(), same[i].data(), outputs[i].bytes()), 0) << "with 3 threads";
  });
}

// In bf16 results are not Keras's, but those of the graph whose factors are rounded, but for roundings that fall the other way.
TEST(Golden, Bf16) {
  walk_golden_cases("bf16", Suite::inference, [](const GoldenCase& golden, const fs::path& file) {
    const Module module = load_model(file.string(), golden.free_extents());
    if (file.extension() != ".keras") return;
    const std::vector<Tensor> inputs = golden.inputs(module);
    const Target target = make_target("native");
    const auto kernels =
        std::make_shared<const KernelModule>(compile_kernels(module, target, {.precision = Precision::bf16}));
    const std::vector<Tensor>
        outputs = jit_kernels(kernels, target, {}, 1)->call("predict", inputs),
        interpreted = interpret_kernels(kernels)->call("predict", inputs),
        expected = make_interpreter()->compile(round_operands(module))->call("predict", inputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_EQ(std::memcmp(outputs[i].data(), interpreted[i].data(), outputs[i].bytes()), 0) << i;
      expect_close(outputs[i], expected[i], 0.03, 0.03, module.function("predict").results[i].name);
    }
  });
}

TEST(Golden, TrainingInKernelInterpreter) {
  walk_golden_cases("training in the kernel interpreter", Suite::training,
                    [](const GoldenCase& golden, const fs::path& file) {
                      const TrainableModule model = load_trainable(file.string());
                      const auto executor = make_kernel_interpreter(make_target("native"));
                      expect_training_run(golden, model, *executor->compile(model.module));
                    });
}

// Weights, slots and metrics have the same bits after the same steps, whatever the number of threads: 1, and 2 or 3 in turn.
TEST(Golden, TrainingInJit) {
  unsigned more = 2;
  walk_golden_cases(
      "training in the JIT", Suite::training, [&more](const GoldenCase& golden, const fs::path& file) {
        const TrainableModule model = load_trainable(file.string());
        std::vector<std::unique_ptr<Executable>> runs;
        more = 5 - more;
        for (const unsigned threads : {1u, more}) {
          runs.push_back(make_native_executor(make_target("native"), {}, threads)->compile(model.module));
          expect_training_run(golden, model, *runs.back());
        }
        for (const Variable& variable : model.module.variables) {
          const Tensor first = runs[0]->get_variable(variable.name);
          for (size_t i = 1; i < runs.size(); ++i) {
            const Tensor again = runs[i]->get_variable(variable.name);
            EXPECT_EQ(std::memcmp(first.data(), again.data(), first.bytes()), 0)
                << variable.name << ", run " << i;
          }
        }
      });
}

/// An input of the case as if it had `shape`: its elements repeat.
Tensor resized(const Tensor& input, const Shape& shape, const Bindings& lengths) {
  std::vector<int64_t> extents;
  for (const Dim dim : shape) extents.push_back(dim.value(lengths));
  Tensor result(input.dtype(), extents);
  for (int64_t i = 0; i < result.elements(); ++i) result.set(i, input.get(i % input.elements()));
  return result;
}

/// Lengths that a model leaves free give at each call what the model gives that was compiled for those lengths, as far as there is
/// such a one; where there is none, an error.
TEST(Golden, FreeLengths) {
  for (const GoldenCase& golden : golden_cases()) {
    if (golden.trains || golden.free_extents().extents.empty()) continue;
    SCOPED_TRACE(golden.name);
    const std::string file = golden.files[0].string();
    const Module module = load_model(file);
    const std::vector<const Node*>& params = module.function("predict").params;
    const auto executable = make_native_executor(make_target("native"), {}, 2)->compile(module);
    const std::vector<Tensor> given = golden.inputs(module);
    golden.expect_outputs(module, executable->call("predict", given));
    int64_t ran = 0;
    for (const int64_t length : {1, 2, 3, 4, 5, 8, 11, 18}) {
      SCOPED_TRACE(length);
      Bindings lengths;
      ShapeOverrides fixed;
      std::vector<Tensor> inputs;
      for (size_t i = 0; i < params.size(); ++i) {
        const Shape& shape = params[i]->type().shape;
        for (const Dim dim : shape)
          if (!dim.is_static())
            lengths.emplace(dim.symbol, length + static_cast<int64_t>(lengths.size()) / 2);
        inputs.push_back(resized(given[i], shape, lengths));
        Shape& extents = fixed.extents[params[i]->as<NameAttrs>().name];
        for (size_t axis = 1; axis < shape.size(); ++axis) extents.emplace_back(shape[axis].value(lengths));
      }
      std::optional<Module> for_lengths;
      try {
        for_lengths = load_model(file, fixed);
      } catch (const Error&) {
        EXPECT_THROW(executable->call("predict", inputs), Error);
        continue;
      }
      const auto is_empty = [](const Result& result) {
        const Shape& shape = result.value.type().shape;
        return std::find(shape.begin(), shape.end(), Dim(0)) != shape.end();
      };
      const std::vector<Result>& results = for_lengths->function("predict").results;
      if (std::any_of(results.begin(), results.end(), is_empty)) {  // free lengths leave something
        EXPECT_THROW(executable->call("predict", inputs), Error);
        continue;
      }
      ++ran;
      const std::vector<Tensor> expected = make_interpreter()->compile(*for_lengths)->call("predict", inputs),
                                outputs = executable->call("predict", inputs);
      for (size_t i = 0; i < outputs.size(); ++i)
        expect_close(outputs[i], expected[i], golden.atol, golden.rtol, cat("output ", i));
    }
    EXPECT_GE(ran, 3);
  }
}

/// "--shape i=11,7,2".
std::string shape_options(const GoldenCase& golden) {
  std::string options;
  for (const auto& [input, extents] : golden.free_extents().extents) {
    std::vector<std::string> words;
    for (const Dim extent : extents) words.push_back(to_text(extent));
    options += cat(" --shape '", input, "=", join(words, ","), "'");
  }
  return options;
}

void expect_selftest_passes(const fs::path& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  const auto describe = reinterpret_cast<const keratin_info* (*)()>(dlsym(handle, "keratin_info"));
  ASSERT_NE(describe, nullptr);
  EXPECT_EQ(describe()->selftest(), KRT_OK);
}

TEST(Golden, SharedObject) {
  walk_golden_cases("shared object", Suite::inference, [](const GoldenCase& golden, const fs::path& file) {
    const Shell shell;
    const Outcome compiled = shell.run(
        cat("mkdir out && $keratin compile '", file.string(), "' -o out/m.so", shape_options(golden)));
    if (compiled.status != 0) {
      EXPECT_TRUE(compiled.status == 65 || compiled.status == 69) << compiled.status;
      EXPECT_TRUE(fs::is_empty(shell / "out")) << "something was written";
      throw Error(compiled.status == 65 ? ErrorKind::data : ErrorKind::unsupported,
                  compiled.err.substr(0, compiled.err.find('\n')), file.string());
    }
    const auto expect_outputs = [&] {
      expect_selftest_passes(shell / "out/m.so");
      const Outcome ran = shell.run(cat("$keratin run out/m.so --threads 3 --input '",
                                        (golden.folder / "inputs.npz").string(), "' --expect '",
                                        (golden.folder / "outputs.npz").string(), "' --atol ", golden.atol,
                                        " --rtol ", golden.rtol));
      EXPECT_EQ(ran.status, 0) << ran.err;
    };
    expect_outputs();
    if (golden.free_extents().extents.empty()) return;
    ASSERT_EQ(shell.run(cat("$keratin compile '", file.string(), "' -o out/m.so")).status, 0);
    expect_outputs();
  });
}

}  // namespace
}  // namespace keratin::testing
