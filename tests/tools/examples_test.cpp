// The examples, built and run as their comments say.
#include <gtest/gtest.h>

#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

void expect_success(const Outcome& outcome) { EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err; }

TEST(Examples, Digits) {
  const Shell shell;
  expect_success(shell.run("$keratin compile $models/digits_mlp.keras -o digits_mlp.so"));
  expect_success(
      shell.run("$keratin run $examples/digits/heldout.kir --input $data/mnist10k.npz --output heldout.npz"));
  expect_success(shell.run(
      "cc -Wall -Wextra -Werror -I. $examples/digits/classify.c $examples/digits/npz.c ./digits_mlp.so "
      "-Wl,-rpath,. -o classify"));
  const Outcome classified = shell.run("./classify heldout.npz");
  expect_success(classified);
  EXPECT_NE(classified.out.find("accuracy 0.9215 (Keras: 0.9215)"), std::string::npos) << classified.out;
}

TEST(Examples, C) {
  const Shell shell;
  expect_success(shell.run("$keratin compile $models/digits_mlp.keras -o digits_mlp.so"));
  expect_success(
      shell.run("cc -Wall -Wextra -Werror -I. $examples/c/main.c ./digits_mlp.so -Wl,-rpath,. -o main"));
  const Outcome run = shell.run("./main");
  expect_success(run);
  EXPECT_NE(run.out.find("\n9: 0."), std::string::npos) << run.out;
}

TEST(Examples, FineTune) {
  const Shell shell;
  expect_success(shell.run("$keratin compile $models/digits_mlp.keras --training -o digits.so"));
  expect_success(
      shell.run("$keratin run $examples/digits/heldout.kir --input $data/mnist10k.npz --output heldout.npz"));
  expect_success(
      shell.run("cc -Wall -Wextra -Werror -I. -I$examples/digits $examples/finetune/main.c "
                "$examples/digits/npz.c ./digits.so -Wl,-rpath,. -o main"));
  const Outcome run = shell.run("./main heldout.npz");
  expect_success(run);
  const auto figure = [&](const std::string& name) {
    return std::stod(run.out.substr(run.out.find(name + ": ") + name.size() + 2));
  };
  EXPECT_LT(figure("before"), 0.5) << run.out;
  EXPECT_GT(figure("after"), 0.85) << run.out;
}

TEST(Examples, Cpp) {
  const Shell shell;
  expect_success(shell.run("$keratin compile $models/digits_mlp.keras -o digits_mlp.so"));
  expect_success(shell.run(
      "c++ -std=c++17 -Wall -Wextra -Werror -I. $examples/cpp/main.cpp ./digits_mlp.so -Wl,-rpath,. -o main"));
  const Outcome run = shell.run("./main");
  expect_success(run);
  EXPECT_NE(run.out.find("1000 images, 10000 probabilities"), std::string::npos) << run.out;
}

TEST(Examples, PythonCtypes) {
  const Shell shell;
  if (shell.run("python3 --version").status != 0) GTEST_SKIP() << "no Python";
  expect_success(shell.run("$keratin compile $models/digits_mlp.keras -o digits_mlp.so"));
  const Outcome run = shell.run("python3 $examples/python_ctypes/predict.py ./digits_mlp.so");
  expect_success(run);
  EXPECT_NE(run.out.find("digits_mlp takes pixels [1, 784]"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("class "), std::string::npos) << run.out;
}

TEST(Examples, CForAnotherProcessor) {
  const Shell shell;
  if (shell.run("aarch64-linux-gnu-gcc --version && qemu-aarch64 --version").status != 0)
    GTEST_SKIP() << "no emulator";
  expect_success(
      shell.run("$keratin compile $models/digits_mlp.keras -o digits_mlp.o --target aarch64-linux-gnu"));
  expect_success(shell.run(
      "aarch64-linux-gnu-gcc -std=gnu11 -Wall -Wextra -Werror -I. -I$examples/.. $examples/c/main.c "
      "$examples/../runtime/*.c digits_mlp.o -o main"));
  const Outcome run = shell.run("qemu-aarch64 -L /usr/aarch64-linux-gnu ./main");
  expect_success(run);
  EXPECT_NE(run.out.find("1: 0.98"), std::string::npos) << run.out;
}

/// Where it was installed first is gone: the compiler finds its helper and runtime, and CMake the compiler, all the same.
TEST(Examples, CMakeWithTheInstalledPackage) {
  const Shell shell;
  expect_success(shell.run(cat("cmake --install ", KERATIN_BINARY_DIR, " --prefix \"$PWD/first\"")));
  expect_success(shell.run("mv first installed"));
  expect_success(
      shell.run("cmake -G Ninja -S $examples/cmake -B build -DCMAKE_PREFIX_PATH=\"$PWD/installed\""));
  expect_success(shell.run("cmake --build build"));
  const Outcome app = shell.run("build/app");
  expect_success(app);
  EXPECT_NE(app.out.find("\n1: 0.98"), std::string::npos) << app.out;
  expect_success(shell.run("build/app_cpp"));
#ifndef __SANITIZE_ADDRESS__  // programs without sanitizers cannot load a library that has them
  for (const char* part : {"training", "testing"})
    expect_success(shell.run(cat("$keratin run $examples/digits/", part,
                                 ".kir --input $data/mnist10k.npz --output ", part, ".npz")));
  const Outcome trained = shell.run("build/train training.npz testing.npz");
  expect_success(trained);
  EXPECT_NE(trained.out.find("Epoch 5/5"), std::string::npos) << trained.out;
  EXPECT_NE(trained.out.find("\naccuracy 0.9"), std::string::npos) << trained.out;
  expect_success(shell.run("test -s digits.so -a -s digits.h -a -s digits.keras"));
#endif
}

constexpr const char* kSubproject = R"(cmake_minimum_required(VERSION 3.25)
project(Sub LANGUAGES C CXX)
add_subdirectory(keratin)
keratin_add_model(digits MODEL keratin/models/digits_mlp.keras NAME digits_mlp)
add_executable(app keratin/examples/c/main.c)
target_link_libraries(app PRIVATE digits)
)";

/// With Keratin's sources inside, a project builds the compiler first. Building it here would take minutes.
TEST(Examples, CMakeWithTheSourcesInside) {
  const Shell shell;
  shell.write("CMakeLists.txt", kSubproject);
  expect_success(shell.run("ln -s $examples/.. keratin"));
  expect_success(shell.run("cmake -G Ninja -B build"));
  const Outcome plan = shell.run("ninja -C build -t commands app");
  expect_success(plan);
  const size_t compiler = plan.out.find(" -o bin/keratin "), model = plan.out.find("bin/keratin compile "),
               app = plan.out.find(" -o app ");
  EXPECT_LT(compiler, model) << plan.out;
  EXPECT_LT(model, app) << plan.out;
  EXPECT_LT(app, plan.out.size()) << plan.out;
  EXPECT_EQ(plan.out.find("gtest"), std::string::npos);
}

TEST(Examples, CMakeSaysWhyAModelIsNotCompiled) {
  const Shell shell;
  expect_success(shell.run(cat("cmake --install ", KERATIN_BINARY_DIR, " --prefix \"$PWD/installed\"")));
  shell.write("bad.keras", "PK");
  shell.write(
      "CMakeLists.txt",
      "cmake_minimum_required(VERSION 3.25)\nproject(Bad LANGUAGES C)\nfind_package(Keratin REQUIRED)\n"
      "keratin_add_model(bad MODEL bad.keras)\nadd_executable(app $ENV{MAIN})\n"
      "target_link_libraries(app PRIVATE bad)\n");
  expect_success(
      shell.run("MAIN=$examples/c/main.c cmake -G Ninja -B build -DCMAKE_PREFIX_PATH=\"$PWD/installed\""));
  const Outcome build = shell.run("cmake --build build");
  EXPECT_NE(build.status, 0);
  EXPECT_NE(build.out.find("bad.keras"), std::string::npos) << build.out;
}

}  // namespace
}  // namespace keratin::testing
