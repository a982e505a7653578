// The .kir files in tests/kir/passes/<pass>, one per rule or question. Their commands:
//
//   pass NAME   the pass makes of the module what stands below the line
//   keep NAME   the pass leaves the module as it is, word for word
//
// All but simplify, sink, bf16, bf16_storage, winograd and fast_conv keep every bit, and so do these where a note says "exact"; elsewhere they may round
// otherwise, and Winograd's convolutions spread what is not finite. A note "once" says that a second run may find more to do, which
// is so of no other file. The other notes are for readers.
#include "passes/pass.h"

#include <algorithm>

#include "ir/text.h"
#include "ir/text_format.h"
#include "tests/kir_file.h"
#include "tests/passes/runs.h"

namespace keratin::testing {
namespace {

void expect_round_trip(const Module& module) {
  const TensorStore data = collect_data(module);
  const std::string text = print(module);
  const Module again = parse_module(text, "printed", &data);
  EXPECT_TRUE(equal(module, again)) << text;
  EXPECT_EQ(print(again), text);
}

void expect_same_meaning(const Module& before, const Module& after, Closeness closeness, bool keeps_awkward) {
  EXPECT_EQ(difference(before, after, closeness, Numbers::plain), "");
  if (!keeps_awkward) return;
  EXPECT_EQ(difference(before, after, closeness, Numbers::awkward), "");
}

class PassFile : public ::testing::TestWithParam<std::string> {};

TEST_P(PassFile, GivesWhatIsExpected) {
  const KirFile file = read_kir_file(GetParam());
  auto has_note = [&](std::string_view note) {
    return std::find(file.notes.begin(), file.notes.end(), note) != file.notes.end();
  };
  const Pass& pass = find_pass(file.argument);
  const Module before = parse_module(file.input_in_place(), file.name());
  const Module after = run_pass(pass, before);
  if (file.command == "pass") {
    expect_output(file, print(after));
  } else {
    ASSERT_EQ(file.command, "keep") << file.path;
    expect_input(file, print(after));
  }
  expect_round_trip(after);
  const bool is_winograd = pass.name == "winograd" || pass.name == "fast_conv";
  const bool may_round = pass.name == "wide_sums" || pass.name == "simplify" || pass.name == "sink" ||
                         pass.name == "free_windows" || is_winograd;
  const bool rounds = may_round && !has_note("exact");
  if (pass.name.starts_with("bf16"))
    EXPECT_EQ(difference(before, after, Closeness::bf16, Numbers::plain), "");
  else
    expect_same_meaning(before, after, rounds ? Closeness::rounding : Closeness::bits, !is_winograd);
  // Codegen's input is not a pass's: fusions are not fused again.
  if (pass.name == "fuse" || has_note("once")) return;
  EXPECT_EQ(print(run_pass(pass, after)), print(after));
}

INSTANTIATE_TEST_SUITE_P(Passes, PassFile,
                         ::testing::ValuesIn(kir_files(KERATIN_SOURCE_DIR "/tests/kir/passes")),
                         kir_test_name);

}  // namespace
}  // namespace keratin::testing
