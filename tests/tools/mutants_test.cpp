// 1,000 damaged files of each format that strangers hand us, through the whole command line, in a sandbox: one that is
// refused is refused with an error that names the file, and leaves nothing behind; one that is accepted gives a model whose
// self-test passes. Truncated files are refused, always.
// KERATIN_MUTANTS multiplies the number.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>

#include "frontend/archive.h"
#include "frontend/file.h"
#include "frontend/npy.h"
#include "ir/error.h"
#include "ir/op.h"
#include "ir/text_format.h"
#include "tests/mutation.h"
#include "tests/random_graph.h"
#include "tests/tools/campaign.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

#ifdef NDEBUG
constexpr int kMutants = 1000;
#else
constexpr int kMutants = 60;  // with sanitizers, a tenth as fast
#endif

int multiplied(int count) {
  const char* factor = std::getenv("KERATIN_MUTANTS");
  return factor == nullptr ? count : count * std::atoi(factor);
}

std::string golden(const std::string& path) {
  return read_file(cat(KERATIN_SOURCE_DIR, "/tests/golden/", path));
}

// Zip files, whole and by member: a changed member has the checksum that belongs to it.

using Members = std::vector<std::pair<std::string, std::string>>;

Members members_of(const std::string& zip) {
  const Archive archive = Archive::from_zip(zip, "sample");
  Members members;
  for (const std::string& name : archive.names()) members.emplace_back(name, archive.read(name, 1 << 24));
  return members;
}

template <typename MutateMember>
std::string mutate_zip(Mutator& mutator, const std::string& zip, const MutateMember& mutate_member) {
  if (mutator.one_in(4)) return mutator.bytes(zip, kZipLandmarks);
  Members members = members_of(zip);
  const size_t at = mutator.below(members.size()), other = mutator.below(members.size());
  switch (mutator.below(20)) {
    case 0: members.erase(members.begin() + static_cast<std::ptrdiff_t>(at)); break;
    case 1: std::swap(members[at].second, members[other].second); break;
    case 2: members[at].first = mutator.bytes(members[at].first + "/../x"); break;
    case 3: members.emplace_back("another" + members[at].first, members[at].second); break;
    default: mutate_member(members[at].first, members[at].second);
  }
  try {
    return make_zip(members);
  } catch (const Error&) {  // a name that libzip refuses to write
    return mutator.bytes(zip, kZipLandmarks);
  }
}

TEST(Mutants, Keras) {
  const std::string samples[] = {golden("layers/zip_deflated/model.keras"),
                                 golden("layers/dict_io/model.keras"),
                                 golden("legacy/keras2_mlp/model.keras")};
  const auto mutant = [&](int number) -> Sample {
    Mutator mutator(static_cast<uint64_t>(number));
    const std::string& good = mutator.one_of(samples);
    return {mutate_zip(mutator, good,
                       [&](const std::string& name, std::string& bytes) {
                         bytes = name.ends_with(".json") ? mutator.text(bytes)
                                                         : mutator.bytes(bytes, kHdf5Landmarks);
                       }),
            {}};
  };
  const int accepted = Campaign("keras", ".keras").run(multiplied(kMutants), mutant, Compilation());
  EXPECT_GT(accepted, multiplied(kMutants) / 10);
}

/// The configuration lies in the file as text: a mutant that is no longer than the text takes its place.
std::string mutate_config(Mutator& mutator, const std::string& h5) {
  const size_t begin = h5.find("{\"class_name\""), end = h5.find('\0', begin);
  std::string config = mutator.text(h5.substr(begin, end - begin));
  config.resize(std::max(config.size(), end - begin), ' ');
  return config.size() == end - begin ? std::string(h5).replace(begin, config.size(), config)
                                      : mutator.bytes(h5);
}

TEST(Mutants, Hdf5) {
  const std::string samples[] = {golden("legacy/keras2_mlp/model.h5"),
                                 golden("legacy/keras2_operators/model.h5")};
  const auto mutant = [&](int number) -> Sample {
    Mutator mutator(static_cast<uint64_t>(number));
    const std::string& good = mutator.one_of(samples);
    return {mutator.one_in(2) ? mutate_config(mutator, good) : mutator.bytes(good, kHdf5Landmarks), {}};
  };
  const int accepted = Campaign("h5", ".h5").run(multiplied(kMutants), mutant, Compilation());
  EXPECT_GT(accepted, multiplied(kMutants) / 10);
}

/// Where in `text` the place "file:line:column" is.
size_t offset_of(const std::string& place, const std::string& text) {
  const size_t column = place.rfind(':'), line = place.rfind(':', column - 1);
  size_t at = 0;
  for (int lines = std::atoi(place.c_str() + line + 1); lines > 1; --lines) at = text.find('\n', at) + 1;
  return at + static_cast<size_t>(std::atoi(place.c_str() + column + 1)) - 1;
}

/// Puts `to` in the place of the next `from`; whether there was one.
bool replace_next(std::string& text, size_t at, const std::string& from, const std::string& to) {
  const size_t found = text.find(from, at);
  if (found == std::string::npos) return false;
  text.replace(found, from.size(), to);
  return true;
}

/// Mends what the parser complains about if it is a stated type that is not the inferred one.
bool mend(std::string& text, const Error& error) {
  constexpr std::string_view kFound = "found ", kExpected = ", expected ",
                             kReturns = ", but the function returns ";
  const std::string& said = error.message();
  const size_t found = said.find(kFound), expected = said.find(kExpected), returns = said.find(kReturns);
  if (found == std::string::npos) return false;
  const size_t begin = found + kFound.size();
  if (returns != std::string::npos)
    return replace_next(text, text.find("->"), said.substr(returns + kReturns.size()),
                        said.substr(begin, returns - begin));
  return expected != std::string::npos &&
         replace_next(text, offset_of(error.where(), text), said.substr(begin, expected - begin),
                      said.substr(expected + kExpected.size()));
}

/// Most edits of IR text change a type: the others in the file are made to fit, so that the mutant is not found out by that
/// alone, as far as the parser gets.
void fit_types(const std::string& path) {
  std::string text = read_file(path);
  try {
    const TensorStore data = parse_safetensors(read_file(path + ".safetensors"), path);
    for (int repairs = 0; repairs < 40; ++repairs) {
      try {
        parse_module(text, path, &data);
        break;
      } catch (const Error& error) {
        if (!mend(text, error)) break;
      }
    }
  } catch (const Error&) {}  // damaged data
  write_file(path, text);
}

TEST(Mutants, IrText) {
  std::vector<Sample> samples;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Module module =
        random_graph({.seed = seed, .without = {Op::fusion}, .most_nodes = 8, .most_elements = 128}).module;
    if (seed % 5 == 0) module = with_gradients(module);
    samples.push_back({print(module), format_safetensors(collect_data(module))});
  }
  std::vector<std::string> words;
  for (size_t op = 0; op < kOpCount; ++op) words.emplace_back(to_text(static_cast<Op>(op)));
  for (const char* word :
       {"f64[N,2]", "bool", "i32[]", "{1:32}", "N", "T", "3N", "data(\"c0\")", "updates", "state"})
    words.emplace_back(word);
  const auto mutant = [&](int number) {
    Mutator mutator(static_cast<uint64_t>(number));
    Sample sample = mutator.one_of(samples);
    if (mutator.one_in(12))
      sample.beside = mutator.bytes(sample.beside);
    else
      sample.bytes = mutator.one_in(12) ? mutator.bytes(sample.bytes) : mutator.text(sample.bytes, words);
    return sample;
  };
  const Trial compile = [compilation = Compilation()](const std::string& path,
                                                      const std::string& out) mutable {
    fit_types(path);
    return compilation(path, out);
  };
  const int accepted = Campaign("ir", ".kir").run(multiplied(kMutants), mutant, compile);
  EXPECT_GT(accepted, multiplied(kMutants) / 10);
}

constexpr const char* kSumOfAll = R"(module @m {
  func @predict(%x: f32[N,3], %i: i32[N], %b: bool[2]) -> (%y: f32[N,3]) {
    %0 = cast %i : f32[N]
    %1 = broadcast %0 {dims = [0]} : f32[N,3]
    %2 = add %x, %1 : f32[N,3]
    %3 = reduce_or %b {axes = [0]} : bool[]
    %4 = broadcast %3 : bool[N,3]
    %5 = select %4, %2, 0.0 : f32[N,3]
    return %5
  }
}
)";

/// An .npy file: half of the edits are in its header's text.
void mutate_npy(Mutator& mutator, const std::string&, std::string& npy) {
  const size_t begin = npy.find('{'), end = npy.find('\n', begin);
  if (begin == std::string::npos || end == std::string::npos || mutator.one_in(2)) {
    npy = mutator.bytes(npy, {"\x93NUMPY"});
    return;
  }
  std::string header = mutator.text(npy.substr(begin, end - begin), {"True", "'<f8'", "'>i4'", "'|O'", "()"});
  if (header.size() < end - begin) header.resize(end - begin, ' ');
  npy.replace(begin, end - begin, header);
  if (mutator.one_in(4)) return;  // the length of the header is as it was
  const size_t length = header.size() + 1;
  npy[8] = static_cast<char>(length);
  npy[9] = static_cast<char>(length >> 8);
}

/// A model of three inputs, arrays for it, and what runs it on others.
class SumOfAll {
 public:
  SumOfAll() {
    shell_.write("sum.kir", kSumOfAll);
    EXPECT_EQ(shell_.run("$keratin compile sum.kir -o sum.so --cpu x86-64").status, 0);
    const std::string path = (shell_ / "x.npz").string();
    write_npz(path, {{"x", Tensor(DType::f32, {4, 3})},
                     {"i", Tensor(DType::i32, {4})},
                     {"b", Tensor(DType::boolean, {2})}});
    arrays = read_file(path);
  }

  Verdict operator()(const std::string& path, const std::string& out) const {
    const std::string model = (shell_ / "sum.so").string();
    const Verdict verdict = run_keratin(path, {"run", model, "--input", path, "--output", out + "/y.npz"});
    const std::set<std::string> found = names_in(out);
    if (verdict.kind == Verdict::accepted && found != std::set<std::string>{"y.npz"})
      return {Verdict::wrong, "there is no y.npz"};
    if (verdict.kind == Verdict::refused && !found.empty()) return {Verdict::wrong, "it leaves a file"};
    return verdict;
  }

  std::string arrays;

 private:
  Shell shell_;
};

TEST(Mutants, Npz) {
  const SumOfAll model;
  const auto mutant = [&](int number) -> Sample {
    Mutator mutator(static_cast<uint64_t>(number));
    return {
        mutate_zip(mutator, model.arrays,
                   [&](const std::string& name, std::string& bytes) { mutate_npy(mutator, name, bytes); }),
        {}};
  };
  const int accepted = Campaign("npz", ".npz").run(multiplied(kMutants), mutant, std::ref(model));
  EXPECT_GT(accepted, multiplied(kMutants) / 100);
}

/// The first lengths, the last, and some in between; none is `size`.
std::vector<size_t> lengths_below(size_t size) {
  std::vector<size_t> lengths;
  for (size_t length = 0; length < size; ++length)
    if (length < 40 || size - length <= 40 || length % (size / 60) == 0) lengths.push_back(length);
  return lengths;
}

void expect_truncated_are_refused(const std::string& extension, const std::string& good, size_t needed,
                                  const Trial& trial) {
  const std::vector<size_t> lengths = lengths_below(needed);
  const auto truncated = [&](int number) -> Sample {
    return {good.substr(0, lengths[static_cast<size_t>(number)]), {}};
  };
  EXPECT_EQ(Campaign("truncated", extension).run(static_cast<int>(lengths.size()), truncated, trial), 0);
}

TEST(Truncated, FilesAreRefused) {
  for (const char* file : {"layers/zip_deflated/model.keras", "legacy/keras2_mlp/model.h5"}) {
    const std::string good = golden(file);
    expect_truncated_are_refused(fs::path(file).extension(), good, good.size(), Compilation());
  }
  const std::string text = kSumOfAll;
  expect_truncated_are_refused(".kir", text, text.rfind('}'), Compilation());
  const SumOfAll model;
  expect_truncated_are_refused(".npz", model.arrays, model.arrays.size(), std::ref(model));
}

}  // namespace
}  // namespace keratin::testing
