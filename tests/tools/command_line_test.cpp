// What the command line says and returns: help, errors, exit statuses.
#include <gtest/gtest.h>

#include "frontend/json.h"
#include "frontend/npy.h"
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
  for (const std::string command : {"compile", "export", "run", "bench", "dump", "summary", "opt", "ops"}) {
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
  std::string command;
  int status;
  std::string says;
};

/// The command fails as it should: says something on standard error, and nothing on the other.
void expect_outcome(const Shell& shell, const Wrong& wrong) {
  const Outcome outcome = shell.run(wrong.command);
  EXPECT_EQ(outcome.status, wrong.status) << wrong.command << "\n" << outcome.err;
  EXPECT_TRUE(contains(outcome.err, wrong.says) || contains(outcome.out, wrong.says)) << wrong.command << "\n"
                                                                                      << outcome.err;
  if (!wrong.says.empty()) {
    EXPECT_EQ(outcome.out, "") << wrong.command;
  }
}

TEST(CommandLine, ErrorsSayWhatToDoAndSetTheStatus) {
  const Shell shell;
  shell.write("bad.keras", "PK");
  shell.write("bad.kir",
              "module @m {\n  func @predict(%x: f32[N]) -> (%y: f32[N]) {\n    return %z\n  }\n}\n");
  shell.write("two.kir",
              "module @m {\n  func @a(%x: f32[N]) -> (%y: f32[N]) {\n    return %x\n  }\n"
              "  func @b(%x: f32[N]) -> (%y: f32[N]) {\n    return %x\n  }\n}\n");
  shell.write("empty.npz", "");
  const Wrong cases[] = {
      {"$keratin", 2, ""},
      {"$keratin complie m.keras", 2, "did you mean compile?"},
      {"$keratin compile $models/digits_mlp.keras", 2, "output"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --naem x", 2, "did you mean --name?"},
      {"$keratin compile $models/digits_mlp.keras -o m.dll", 2, ".so, .o or .a"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --cpu i8086", 2, "i8086"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --target x86_64-linux-gnu --cpu x86-64,x86-64", 2,
       "are one level"},
      {"$keratin compile $models/digits_mlp.keras -o m.o --target aarch64-linux-gnu --cpu generic,a64fx", 2,
       "only levels of x86-64"},
      {"$keratin dump $models/digits_mlp.keras --stage loops --cpu x86-64-v2,x86-64-v3", 2,
       "only `keratin compile` takes several processors"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --shape 28", 2, "--shape NAME=28,28,1"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --shape pixels=28,0x", 2, "'0x' is not an extent"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --shape image=28", 2, "pixels"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --batch 0", 2, "--batch"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --precision fp8", 2, "f32, bf16"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --trainer --precision bf16", 2, "trained in f32"},
      {"$keratin compile $models/digits_mlp.keras -o m.so --samples x.npz", 2, "--precision bf16"},
      {"$keratin dump $models/digits_mlp.keras --after bf16", 2, "--precision bf16"},
      {"$keratin bench $models/digits_mlp.keras --func train_step --precision bf16", 2, "trained in f32"},
      {"$keratin compile two.kir -o m.so --batch 3", 2, "IR text states its shapes"},
      {"$keratin compile two.kir -o m.so", 65, "a, b"},
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
      {"$keratin dump $models/digits_mlp.keras --why --func train", 2, "predict"},
      {"$keratin dump $models/digits_mlp.keras --why --stage loops", 2, "--stage"},
      {"$keratin opt bad.kir --passes magic", 2, "passes are"},
      {"$keratin opt", 2, "--list"},
      {"$keratin ops tahn", 2, "did you mean tanh?"},
      {"$keratin summary bad.kir", 2, "keratin dump bad.kir"},
  };
  for (const Wrong& wrong : cases) {
    expect_outcome(shell, wrong);
    EXPECT_FALSE(fs::exists(shell / "m.so")) << wrong.command;
  }
}

TEST(CommandLine, AResultThatCannotBeWrittenIsAnError) {
  const Shell shell;
  shell.run("mkdir folder folder.so folder.h && ln -s /dev/full full && mkfifo pipe pipe.so");
  write_npz((shell / "x.npz").string(), {{"pixels", Tensor(DType::f32, {1, 784})}});
  const Wrong cases[] = {
      {"$keratin dump $models/digits_mlp.keras >/dev/full", 74, "standard output"},
      {"$keratin dump $models/digits_mlp.keras --stage loops -o full", 74, "full: cannot write"},
      {"$keratin dump $models/digits_mlp.keras -o folder", 73, "folder: cannot create"},
      {"$keratin dump $models/digits_mlp.keras -o no/folder/m.kir", 73, "no/folder/m.kir"},
      {"$keratin run $models/digits_mlp.keras --input x.npz --output folder", 73, "folder: cannot create"},
      {"$keratin run $models/digits_mlp.keras --input x.npz --output no/y.npz", 73, "no/y.npz"},
      {"$keratin run $models/digits_mlp.keras --input x.npz --output full", 74, "full: cannot write"},
      {"$keratin compile $models/digits_mlp.keras -o folder.so", 73, "folder.so: cannot be created"},
      {"$keratin compile $models/digits_mlp.keras -o folder.o", 73, "folder.h: cannot be created"},
      {"$keratin compile $models/digits_mlp.keras -o pipe.so", 73, "pipe.so: is no regular file"},
      {"$keratin compile $models/digits_mlp.keras --trainer -o pipe && test -p pipe", 73,
       "pipe: is no regular file"},
  };
  for (const Wrong& wrong : cases) {
    expect_outcome(shell, wrong);
    EXPECT_EQ(shell.run("ls -A | grep -v -e .out -e .err").out,
              "folder\nfolder.h\nfolder.so\nfull\npipe\npipe.so\nx.npz\n")
        << wrong.command;
    EXPECT_EQ(shell.run("ls -A folder folder.so folder.h | grep -v :").out, "\n\n") << wrong.command;
  }
}

/// Arrays for the inputs pixels: f32[N,784] that are not what the model takes.
TEST(CommandLine, ArraysThatDoNotFitAreNamed) {
  const Shell shell;
  ASSERT_EQ(shell.run("$keratin compile $models/digits_mlp.keras -o m.so").status, 0);
  const Tensor good(DType::f32, {2, 784});
  const struct {
    std::map<std::string, Tensor> arrays;
    const char* says;
  } cases[] = {
      {{{"pixels", Tensor(DType::f64, {2, 784})}},
       "the array pixels is f64[2,784], the model takes f32[N,784]"},
      {{{"pixels", Tensor(DType::f32, {2, 783})}}, "f32[2,783]"},
      {{{"pixels", Tensor(DType::f32, {2, 28, 28})}}, "f32[2,28,28]"},
      {{{"pixels", Tensor(DType::f32, {})}}, "f32[]"},
      {{{"pixel", good}}, "there is no array for the input pixels"},
      {{}, "there is no array for the input pixels"},
      {{{"pixels", good}, {"labels", good}}, "no input of the model is called labels"},
  };
  for (const auto& wrong : cases) {
    write_npz((shell / "x.npz").string(), wrong.arrays);
    for (const char* model : {"m.so", "$models/digits_mlp.keras --interpret"})
      expect_outcome(shell, {cat("$keratin run ", model, " --input x.npz --output y.npz"), 65, wrong.says});
    EXPECT_FALSE(fs::exists(shell / "y.npz"));
  }
}

TEST(CommandLine, WhatIsNoModelIsRefused) {
  const Shell shell;
  ASSERT_EQ(shell
                .run("$keratin compile $models/digits_mlp.keras -o m.so && mkdir folder other && echo {} "
                     ">other/config.json && mkfifo pipe.keras && : >empty.keras && : >empty.so && "
                     "head -c 9000 m.so >truncated.so && echo 'int f(void);' | cc -x c -shared -o other.so -")
                .status,
            0);
  const Wrong cases[] = {
      {"$keratin compile folder -o n.so", 65, "folder: has no config.json"},
      {"$keratin compile other -o n.so", 65, "other/config.json"},
      {"$keratin compile pipe.keras -o n.so", 66, "pipe.keras: is no regular file"},
      {"$keratin compile empty.keras -o n.so", 65, "empty.keras: is no Keras model file"},
      {"$keratin compile m.so -o n.so", 65, "m.so: is no Keras model file"},
      {"$keratin run empty.so --input x.npz --output y.npz", 65, "empty.so: is no shared object"},
      {"$keratin run truncated.so --input x.npz --output y.npz", 65, "truncated.so: is truncated"},
      {"$keratin run other.so --input x.npz --output y.npz", 65,
       "other.so: this shared object is no compiled model"},
      {"$keratin run ./folder --input x.npz --output y.npz", 65, "folder"},
  };
  for (const Wrong& wrong : cases) {
    expect_outcome(shell, wrong);
    EXPECT_FALSE(fs::exists(shell / "n.so") || fs::exists(shell / "n.h")) << wrong.command;
  }
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
    EXPECT_TRUE(contains(shell.run(dump + "--why").out, "has loops of its own")) << model;
  }
}

TEST(Compile, AFixedBatchIsTheOnlyOne) {
  const Shell shell;
  write_npz((shell / "x.npz").string(), {{"pixels", Tensor(DType::f32, {3, 784})}});
  const Wrong cases[] = {
      {"$keratin run $models/digits_mlp.keras --input x.npz --output y.npz", 0, ""},
      {"$keratin compile $models/digits_mlp.keras -o m.so --batch 3", 0, ""},
      {"grep -q 'define M_BATCH 3 ' m.h", 0, ""},
      {"$keratin run m.so --input x.npz --expect y.npz", 0, ""},
      {"$keratin compile $models/digits_mlp.keras -o m.so --batch 2", 0, ""},
      {"$keratin run m.so --input x.npz --expect y.npz", 65, "the model takes f32[2,784]"},
      {"$keratin dump $models/digits_mlp.keras --batch 3 | grep -q f32.N", 1, ""},
      {"$keratin dump $models/digits_mlp.keras --batch 3 --func train_step | grep -q f32.N", 1, ""},
  };
  for (const Wrong& each : cases) expect_outcome(shell, each);
}

// What it measures is not tested, but that it measures the kernels that there are.
TEST(Bench, NamesTheKernelsOfAFunction) {
  const Shell shell;
  const auto kernels_of = [&](const std::string& options) {
    const Outcome measured =
        shell.run("$keratin bench $models/digits_mlp.keras --seconds 0 --json " + options);
    EXPECT_EQ(measured.status, 0) << measured.err;
    const Json json = Json::parse(measured.out, "bench");
    EXPECT_GT(json["seconds"].as_double(), 0);
    EXPECT_GT(json["limit"]["seconds"].as_double(), 0);
    EXPECT_GT(json["ceilings"]["flops_per_second"].as_double(), 0);
    double flops = 0;
    for (const Json& launch : json["launches"].items()) flops += launch["flops"].as_double();
    EXPECT_EQ(json["flops"].as_double(), flops);
    std::vector<std::string> names;
    for (const Json& launch : json["launches"].items()) {
      EXPECT_GT(launch["bytes"].as_int(), 0);
      names.push_back(launch["kernel"].as_string());
    }
    return names;
  };
  EXPECT_EQ(kernels_of("--batch 3 --free-batch").size(), 3u);
  EXPECT_EQ(kernels_of("--batch 3"), (std::vector<std::string>{"predict.0", "predict.1", "predict.2"}));
  EXPECT_GT(kernels_of("--func train_step --threads 2").size(), 10u);
  const Outcome table = shell.run("$keratin bench $models/digits_mlp.keras --seconds 0");
  EXPECT_TRUE(contains(table.out, "predict of \"digits_mlp\", batch 1, 1 thread")) << table.out;
  EXPECT_TRUE(contains(table.out, "The whole has 50.8 kFLOP")) << table.out;
  const Outcome any = shell.run("$keratin bench $models/digits_mlp.keras --seconds 0 --free-batch");
  EXPECT_TRUE(contains(any.out, "batch 1 of any")) << any.out;
  EXPECT_EQ(shell.run("$keratin bench $models/digits_mlp.keras --func nothing").status, 2);
  EXPECT_EQ(shell.run("$keratin bench $models/digits_mlp.keras --batch 0").status, 2);
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
      shell.run("$keratin opt m.kir --passes simplify,hoist,sink,pack,constants,prepare,fuse -o f.kir");
  EXPECT_EQ(fused.status, 0) << fused.err;
  EXPECT_EQ(read_all(shell / "f.kir"), shell.run("$keratin dump m.kir --after fuse").out);
  EXPECT_TRUE(contains(shell.run("$keratin opt --list").out, "simplify"));
}

}  // namespace
}  // namespace keratin::testing
