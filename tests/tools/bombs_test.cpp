// Small files that ask for the moon: each ends soon, in little memory, with an error that names the file.
#include <gtest/gtest.h>

#include "frontend/archive.h"
#include "frontend/file.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

/// What a bomb may cost; the command is ended beyond.
[[maybe_unused]] constexpr const char* kLimits = "ulimit -v 4000000; ulimit -t 20; ";

constexpr const char* kNoMemory = "there is not enough memory";

struct Bomb {
  std::string name;
  int status;
  std::string says;
};

void expect_refused(const Shell& shell, const Bomb& bomb) {
#ifdef __SANITIZE_ADDRESS__  // reserves terabytes, and ends a process that asks for more
  if (bomb.says == kNoMemory) return;
  const std::string limits;
#else
  const std::string limits = kLimits;
#endif
  const Outcome outcome = shell.run(cat(limits, "$keratin compile ", bomb.name, " -o m.so"));
  EXPECT_EQ(outcome.status, bomb.status) << bomb.name << "\n" << outcome.err;
  EXPECT_NE(outcome.err.find(bomb.says), std::string::npos) << bomb.name << "\n" << outcome.err;
  EXPECT_NE(outcome.err.find(bomb.name), std::string::npos) << outcome.err;
  EXPECT_EQ(shell.run("ls -A m.* .m.* 2>&1 | grep -v 'cannot access'").out, "") << bomb.name;
}

// IR text.

/// A function of x that holds `statements`, the last of which gives %last.
std::string function_of_x(const std::string& statements) {
  return cat("module @m {\n  func @predict(%x: f32[N,2]) -> (%y: f32[N,2]) {\n", statements,
             "    return %last\n  }\n}\n");
}

/// y = ((x + x) + x) + x …, each sum a statement.
std::string chain(int length) {
  std::string text = "    %0 = add %x, %x : f32[N,2]\n";
  for (int i = 1; i < length; ++i) text += cat("    %", i, " = add %", i - 1, ", %x : f32[N,2]\n");
  return function_of_x(cat(text, "    %last = add %", length - 1, ", %x : f32[N,2]\n"));
}

/// A loop, in a loop, in a loop …
std::string nested_scans(int depth, const std::string& steps) {
  std::string open, close;
  for (int i = 0; i < depth; ++i) {
    open += cat("    %last = scan %x {axis = 0, carries = 1, length = ", steps,
                ", sequences = 0} (%x: f32[N,2]) {\n");
    close += i + 1 == depth ? "    } : f32[N,2]\n" : "    } : f32[N,2]\n    return %last\n";
  }
  return function_of_x(cat(open, "    %0 = add %x, 1.0 : f32[N,2]\n    return %0\n", close));
}

TEST(Bombs, IrText) {
  const Shell shell;
  shell.write("long.kir", chain(1'000'000));
  shell.write("scan.kir", nested_scans(1, "1000000000"));
  shell.write("scans.kir", nested_scans(60, "10"));
  shell.write("deeper.kir", nested_scans(100'000, "1"));
  shell.write("brackets.kir", "module @m { var @w : f32" + std::string(1'000'000, '['));
  shell.write(
      "large.kir",
      function_of_x("    %0 = iota {axis = 0} : f32[281474976710656]\n"
                    "    %1 = reduce_sum %0 {axes = [0]} : f32[]\n    %last = broadcast %1 : f32[N,2]\n"));
  shell.write("larger.kir", function_of_x("    %0 = iota {axis = 0} : f32[281474976710656,281474976710656]\n"
                                          "    %1 = reduce_sum %0 {axes = [0, 1]} : f32[]\n"
                                          "    %last = broadcast %1 : f32[N,2]\n"));
  shell.write(
      "memory.kir",
      function_of_x("    %0 = iota {axis = 0} : f32[8589934592]\n"
                    "    %1 = reduce_sum %0 {axes = [0]} : f32[]\n    %last = broadcast %1 : f32[N,2]\n"));
  shell.write("variable.kir", "module @m {\n  var @w : f32[281474976710656,4]\n" +
                                  function_of_x("    %last = neg %x : f32[N,2]\n").substr(12));
  const Bomb bombs[] = {
      {"long.kir", 69, "nodes are more than the"},
      {"scan.kir", 69, "operations per sample"},
      {"scans.kir", 69, "operations per sample"},
      {"deeper.kir", 65, "regions are nested deeper than 64"},
      {"brackets.kir", 65, "expected a dimension"},
      {"large.kir", 69, "operations per sample"},
      {"larger.kir", 69, "operations per sample"},
      {"memory.kir", 65, kNoMemory},
      {"variable.kir", 65, kNoMemory},
  };
  for (const Bomb& bomb : bombs) expect_refused(shell, bomb);
}

/// A chain as long as a very deep network is no bomb.
TEST(Bombs, DeepGraphsAreCompiled) {
  const Shell shell;
  shell.write("deep.kir", chain(10'000));
  const Outcome outcome = shell.run("$keratin compile deep.kir -o m.so");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

// Keras files.

/// A sequential model of these layers, with the weights of another.
void write_keras(const Shell& shell, const std::string& name, const std::string& input_shape,
                 const std::string& layers) {
  const Archive other =
      Archive::open(cat(KERATIN_SOURCE_DIR, "/tests/golden/layers/zip_deflated/model.keras"));
  const std::string config = cat(
      R"({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "InputLayer", "config": )",
      R"({"name": "x", "dtype": "float32", "batch_shape": )", input_shape, "}}", layers, "]}}");
  write_file((shell / name).string(),
             make_zip({{"config.json", config},
                       {"metadata.json", R"({"keras_version": "3.0.0"})"},
                       {"model.weights.h5", other.read("model.weights.h5", 1 << 20)}}));
}

std::string layer(const std::string& class_name, const std::string& config) {
  return cat(R"(, {"class_name": ")", class_name, R"(", "config": {"name": "bomb", )", config, "}}");
}

TEST(Bombs, Keras) {
  const Shell shell;
  write_keras(shell, "units.keras", "[null, 2]", layer("Dense", R"("units": 1000000000)"));
  write_keras(shell, "weights.keras", "[null, 2]", layer("Dense", R"("units": 10000000)"));
  write_keras(shell, "padding.keras", "[null, 8, 2]",
              layer("ZeroPadding1D", R"("padding": [10000000, 1000000000])"));
  write_keras(shell, "input.keras", "[null, 8589934592]", layer("Activation", R"("activation": "relu")"));
  write_keras(shell, "sides.keras", "[null, 4294967296, 4294967296, 4294967296]",
              layer("Flatten", R"("trainable": true)"));
  write_keras(shell, "batch.keras", "[8589934592, 1]", layer("Activation", R"("activation": "relu")"));
  std::vector<std::pair<std::string, std::string>> members;
  for (int i = 0; i < 60'000; ++i) members.emplace_back(cat("config.json", i), "");
  write_file((shell / "members.keras").string(), make_zip(members));
  const std::string depth(5'000'000, '[');
  write_file((shell / "depth.keras").string(), make_zip({{"config.json", R"({"config": )" + depth}}));
  const Bomb bombs[] = {
      {"units.keras", 65, "argument units is 1000000000"},
      {"weights.keras", 65, "bomb"},
      {"padding.keras", 65, kNoMemory},
      {"input.keras", 65, kNoMemory},
      {"sides.keras", 69, "too large"},
      {"batch.keras", 65, kNoMemory},
      {"members.keras", 65, "has no config.json"},
      {"depth.keras", 65, "nested more than"},
  };
  for (const Bomb& bomb : bombs) expect_refused(shell, bomb);
}

void append(std::string& bytes, uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * i);
}

/// A zip file with one member, so many zeros: gzip makes a thousandth of it.
std::string zip_of_zeros(const Shell& shell, const std::string& name, uint64_t mebibytes) {
  shell.run(cat("head -c ", mebibytes, "M /dev/zero | gzip -9n >zeros.gz"));
  const std::string gzip = read_all(shell / "zeros.gz");  // 10 bytes, the deflated data, checksum and length
  const std::string data = gzip.substr(10, gzip.size() - 18), checksum = gzip.substr(gzip.size() - 8, 4);
  std::string about;  // what the member's header and the directory have in common
  append(about, 20, 2), append(about, 0, 2), append(about, 8, 2), append(about, 0x00210000, 4);
  about += checksum;
  append(about, data.size(), 4), append(about, mebibytes << 20, 4), append(about, name.size(), 2),
      append(about, 0, 2);
  std::string zip = "PK\3\4" + about + name + data;
  const size_t directory = zip.size();
  zip += "PK\1\2";
  append(zip, 20, 2);
  zip += about;
  zip.append(14, '\0');
  zip += name;
  const size_t end = zip.size();
  zip += "PK\5\6";
  append(zip, 0, 4), append(zip, 1, 2), append(zip, 1, 2);
  append(zip, end - directory, 4), append(zip, directory, 4), append(zip, 0, 2);
  return zip;
}

TEST(Bombs, CompressedZeros) {
  const Shell shell;
  write_file((shell / "text.keras").string(), zip_of_zeros(shell, "config.json", 100));
  expect_refused(shell, {"text.keras", 65, "claims 104857600 bytes"});
  write_file((shell / "short.keras").string(), zip_of_zeros(shell, "config.json", 60));
  expect_refused(shell, {"short.keras", 65, "zero byte"});

  write_file((shell / "x.npz").string(), zip_of_zeros(shell, "x.npy", 100));
  shell.write("m.kir", function_of_x("    %last = neg %x : f32[N,2]\n"));
  const Outcome outcome = shell.run("$keratin run m.kir --input x.npz --output y.npz");
  EXPECT_EQ(outcome.status, 65);
  EXPECT_NE(outcome.err.find("x.npz: arrays of 104857600 bytes in so small a file"), std::string::npos)
      << outcome.err;
}

}  // namespace
}  // namespace keratin::testing
