// What the command line says and returns: help, errors, exit statuses.
#include <gtest/gtest.h>

#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(CommandLine, HelpGoesToStandardOutputAndBeginsWithExamples) {
  const Shell shell;
  const Outcome overview = shell.run("$keratin --help");
  EXPECT_EQ(overview.status, 0);
  EXPECT_TRUE(contains(overview.out, "keratin compile mnist.keras -o mnist.so"));
  EXPECT_EQ(overview.err, "");
  for (const std::string command : {"compile", "run", "dump", "summary", "opt", "ops"}) {
    EXPECT_TRUE(contains(overview.out, "\n  " + command + " ")) << command;
    const Outcome help = shell.run("$keratin " + command + " --help");
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_LT(help.out.find("  keratin " + command + " "), help.out.find("Usage:")) << help.out;
    EXPECT_EQ(shell.run("$keratin help " + command).out, help.out);
  }
}

TEST(CommandLine, VersionNamesLlvmAndTheMachine) {
  const Outcome version = Shell().run("$keratin --version");
  EXPECT_EQ(version.status, 0);
  EXPECT_TRUE(contains(version.out, "keratin ") && contains(version.out, "LLVM 19")) << version.out;
}

struct Wrong {
  const char* command;
  int status;
  const char* says;
};

TEST(CommandLine, ErrorsSayWhatToDoAndSetTheStatus) {
  const Shell shell;
  shell.write("bad.keras", "PK");
  shell.write("bad.kir",
              "module @m {\n  func @predict(%x: f32[N]) -> (%y: f32[N]) {\n    return %z\n  }\n}\n");
  shell.write("two.kir",
              "module @m {\n  func @a(%x: f32[N]) -> (%y: f32[N]) {\n    return %x\n  }\n"
              "  func @b(%x: f32[N]) -> (%y: f32[N]) {\n    return %x\n  }\n}\n");
  shell.write("free.kir",
              "module @m {\n  func @predict(%x: f32[N,T]) -> (%y: f32[N,T]) {\n    return %x\n  }\n}\n");
  shell.write("empty.npz", "");
  const Wrong cases[] = {
      {"$keratin", 2, ""},
      {"$keratin complie m.keras", 2, "did you mean compile?"},
      {"$keratin compile $models/digits_mlp.keras", 2, "output"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --naem x", 2, "did you mean --name?"},
      {"$keratin compile $models/digits_mlp.keras -o m.dll", 2, ".so, .o or .a"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --cpu i8086", 2, "i8086"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --shape 28", 2, "--shape NAME=28,28,1"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --shape pixels=28,x", 2, "'x' is not an extent"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --shape image=28", 2, "pixels"},
      {"$keratin compile two.kir -o m.so", 65, "a, b"},
      {"$keratin compile free.kir -o m.so", 69, "T"},
      {"$keratin compile nothing.keras -o m.so", 66, "nothing.keras"},
      {"$keratin compile bad.keras -o m.so", 65, "bad.keras"},
      {"$keratin compile bad.kir -o m.so", 65, "bad.kir:3"},
      {"$keratin compile $models/digits_mlp.keras -o no/such/folder/m.so", 73, "no/such/folder/m.so"},
      {"$keratin run $models/digits_mlp.keras --input $data/mnist10k.npz", 2, "--output"},
      {"$keratin run $models/digits_mlp.keras --input $data/mnist10k.npz --output y.npz", 65, "pixels"},
      {"$keratin run $models/digits_mlp.keras --input empty.npz --output y.npz", 65, "empty.npz"},
      {"$keratin run $models/digits_mlp.keras --input no.npz --output y.npz", 66, "no.npz"},
      {"$keratin run nothing.so --input no.npz --output y.npz", 66, "nothing.so"},
      {"$keratin run $models/digits_mlp.keras --input no.npz --output y.npz --threads many", 2, "--threads"},
      {"$keratin run $models/digits_mlp.keras --input no.npz --expect y.npz --atol -1", 2, "--atol"},
      {"$keratin dump $models/digits_mlp.keras --stage machine", 2, "graph, loops, llvm, asm"},
      {"$keratin dump $models/digits_mlp.keras --after magic", 2, "simplify"},
      {"$keratin dump $models/digits_mlp.keras --func train", 65, "predict"},
      {"$keratin opt bad.kir --passes magic", 2, "passes are"},
      {"$keratin opt", 2, "--list"},
      {"$keratin ops tahn", 2, "did you mean tanh?"},
      {"$keratin summary bad.kir", 2, "keratin dump bad.kir"},
  };
  for (const Wrong& wrong : cases) {
    const Outcome outcome = shell.run(wrong.command);
    EXPECT_EQ(outcome.status, wrong.status) << wrong.command << "\n" << outcome.err;
    EXPECT_TRUE(contains(outcome.err, wrong.says) || contains(outcome.out, wrong.says))
        << wrong.command << "\n"
        << outcome.err;
    if (wrong.says[0] != 0) {
      EXPECT_EQ(outcome.out, "") << wrong.command;
    }
    EXPECT_FALSE(fs::exists(shell / "m.so")) << wrong.command;
  }
}

TEST(CommandLine, AResultThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(Shell().run("$keratin dump $models/digits_mlp.keras >/dev/full").status, 74);
}

TEST(Summary, LooksAsKerasPrintsIt) {
  const Outcome summary = Shell().run("COLUMNS=100 $keratin summary $models/digits_mlp.keras");
  EXPECT_EQ(summary.out, R"(Model: "digits_mlp"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
│ dense (Dense)                        │ (None, 32)                  │          25,120 │
├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
│ dense_1 (Dense)                      │ (None, 10)                  │             330 │
└──────────────────────────────────────┴─────────────────────────────┴─────────────────┘
 Total params: 76,352 (298.25 KB)
 Trainable params: 25,450 (99.41 KB)
 Non-trainable params: 0 (0.00 B)
 Optimizer params: 50,902 (198.84 KB)
)");
}

TEST(Dump, EveryStageOfEveryModel) {
  const Shell shell;
  for (const std::string model : {"digits_mlp", "digits_cnn", "digits_lstm"}) {
    const std::string dump = "$keratin dump $models/" + model + ".keras ";
    EXPECT_TRUE(contains(shell.run(dump).out, "func @predict(")) << model;
    EXPECT_TRUE(contains(shell.run(dump + "--after fuse").out, "fusion")) << model;
    EXPECT_TRUE(contains(shell.run(dump + "--stage loops").out, "kernel @")) << model;
    EXPECT_TRUE(contains(shell.run(dump + "--stage llvm --func predict").out, "define ")) << model;
    EXPECT_TRUE(contains(shell.run(dump + "--stage asm --cpu x86-64-v3").out, "ymm")) << model;
    EXPECT_TRUE(contains(shell.run(dump + "--dot").out, "digraph")) << model;
  }
}

TEST(Ops, OneOrAll) {
  const Shell shell;
  const Outcome all = shell.run("$keratin ops"), one = shell.run("$keratin ops tanh");
  EXPECT_EQ(all.status, 0);
  EXPECT_TRUE(contains(one.out,
                       "tanh (x: T[S]) -> T[S], T floats\n"
                       "dx = mul(dy, sub(1.0, mul(y, y)))\n"))
      << one.out;
  EXPECT_TRUE(contains(all.out, one.out));
}

TEST(Opt, WhatIsDumpedCanBeReadAgain) {
  const Shell shell;
  ASSERT_EQ(shell.run("$keratin dump $models/digits_lstm.keras -o m.kir").status, 0);
  const Outcome dumped = shell.run("$keratin dump m.kir");
  EXPECT_EQ(dumped.out, read_all(shell / "m.kir"));
  const Outcome fused =
      shell.run("$keratin opt m.kir --passes simplify,hoist,pack,constants,prepare,fuse -o f.kir");
  EXPECT_EQ(fused.status, 0) << fused.err;
  EXPECT_EQ(read_all(shell / "f.kir"), shell.run("$keratin dump m.kir --after fuse").out);
  EXPECT_TRUE(contains(shell.run("$keratin opt --list").out, "simplify"));
}

}  // namespace
}  // namespace keratin::testing
