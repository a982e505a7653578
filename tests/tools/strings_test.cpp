// Models whose inputs are strings, as users run them: what Keras computed for the same strings is in tests/data/strings.
#include <gtest/gtest.h>

#include "frontend/archive.h"
#include "frontend/file.h"
#include "frontend/h5_writer.h"
#include "frontend/json.h"
#include "frontend/npy.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

const std::string kFolder = cat(KERATIN_SOURCE_DIR, "/tests/data/strings/");

std::string on_strings_of(const std::string& name) {
  return cat(" --input ", kFolder, name, "/inputs.npz --expect ", kFolder, name, "/outputs.npz");
}

void expect_silence(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out + outcome.err, "");
}

class Strings : public ::testing::TestWithParam<const char*> {};

TEST_P(Strings, BecomeWhatKerasMakesOfThem) {
  const std::string name = GetParam();
  const Shell shell;
  expect_silence(
      shell.run(cat("$keratin run ", kFolder, name, "/model.keras --interpret", on_strings_of(name))));
  expect_silence(
      shell.run(cat("$keratin compile ", kFolder, name, "/model.keras -o m.so && $keratin run m.so",
                    on_strings_of(name), " && cc -std=c99 -pedantic -Wall -Wextra -Werror -c -x c m.h")));
}

INSTANTIATE_TEST_SUITE_P(Data, Strings,
                         ::testing::Values("lookups", "texts", "unsplit", "classifier", "tags"));

TEST(StringsInC, TextsOfAnyLength) {
  const Shell shell;
  shell.write("main.c", R"(#include <stdio.h>
#include <stdlib.h>
#include "classifier.h"
int main(void) {
  const char* texts[] = {"the cat sat on the mat", "", "A b c d e f g h i j k l"};
  const size_t longest = classifier_length_text(texts, NULL, 3);
  int64_t* text = malloc(3 * longest * sizeof *text);
  float scores[3 * CLASSIFIER_OUTPUT_DENSE_SIZE];
  int status = classifier_encode_text(texts, NULL, 3, longest, text);
  if (status == KERATIN_OK) status = classifier_predict_alloc(text, scores, 3, longest);
  printf("%s %zu\n", classifier_strerror(status), longest);
  for (int i = 0; i < 9; ++i) printf("%.4f ", scores[i]);
  const size_t sizes[] = {7, 0, 1};
  printf("\n%zu\n", classifier_length_text(texts, sizes, 3));
  const char* no_text[] = {NULL};
  printf("%d %d", classifier_encode_text(no_text, NULL, 1, 4, text), classifier_length_text(no_text, NULL, 1) == SIZE_MAX);
  printf(" %d %d", classifier_encode_text(texts, NULL, 1, 0, text), classifier_encode_text(NULL, NULL, 1, 1, text));
  printf(" %d", classifier_encode_text(NULL, NULL, 0, 1, NULL));
  printf(" %d\n", classifier_info()->encode(1, texts, NULL, 1, 1, text));
  return 0;
}
)");
  const Outcome ran = shell.run(
      cat("$keratin compile ", kFolder,
          "classifier/model.keras -o classifier.so && cc main.c ./classifier.so -Wl,-rpath,. "
          "-o main && ./main && $keratin compile ",
          kFolder,
          "classifier/model.keras -o classifier.a && cc main.c classifier.a -o main -lpthread && ./main"));
  EXPECT_EQ(ran.status, 0) << ran.err;
  const std::string once =  // the scores are Keras's
      "success 12\n0.3317 0.3329 0.3353 0.3333 0.3333 0.3333 0.3330 0.3337 0.3333 \n2\n1 1 9 1 0 11\n";
  EXPECT_EQ(ran.out, once + once);
}

TEST(StringsInC, SelfTestsReadStrings) {
  const Shell shell;
  shell.write("main.c", "#include \"tags.h\"\nint main(void) { return tags_selftest(); }\n");
  const std::string made = " && cc main.c ./tags.so -Wl,-rpath,. -o main && ./main";
  ASSERT_EQ(shell.run(cat("$keratin compile ", kFolder, "tags/model.keras -o tags.so", made)).status, 0);
  // The strings of a vocabulary lie one after the other: of the lookup's, and, with a space, of no other.
  std::string bytes = read_all(shell / "tags.so");
  const size_t at = bytes.find("catdogCat");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'b';
  shell.write("tags.so", bytes);
  EXPECT_EQ(shell.run("./main").status, 7) << "KERATIN_SELFTEST_FAILED";
}

// What the text form says of a model is all of it.
TEST(StringsInText, AreReadByTheirTable) {
  const Shell shell;
  expect_silence(
      shell.run(cat("$keratin dump ", kFolder, "classifier/model.keras -o m.kir && $keratin run m.kir",
                    on_strings_of("classifier"))));
}

TEST(StringsInC, UnknownOnesAreAnErrorWithoutAnIndexForThem) {
  const Shell shell;
  const std::string config = R"({"class_name": "Functional", "config": {"name": "m", "layers": [
    {"class_name": "InputLayer", "name": "w", "config": {"name": "w", "batch_shape": [null, 1], "dtype": "string"}, "inbound_nodes": []},
    {"class_name": "StringLookup", "name": "l", "config": {"name": "l", "vocabulary": ["a", "b"], "num_oov_indices": 0},
     "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["w", 0, 0]}}], "kwargs": {}}]}],
    "input_layers": [["w", 0, 0]], "output_layers": [["l", 0, 0]]}})";
  write_file((shell / "m.keras").string(),
             make_zip({{"config.json", config}, {"model.weights.h5", format_h5({}, "test")}}));
  shell.write("main.c", R"(#include <stdio.h>
#include "m.h"
int main(void) {
  const char *known[] = {"b", "a"}, *unknown[] = {"b", "c"};
  int64_t w[2];
  int status = m_encode_w(known, NULL, 2, w);
  printf("%d %d %d\n", status, (int)w[0], (int)w[1]);
  puts(m_strerror(m_encode_w(unknown, NULL, 2, w)));
  return 0;
}
)");
  const Outcome ran =
      shell.run("$keratin compile m.keras -o m.so && cc main.c ./m.so -Wl,-rpath,. -o main && ./main");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "0 1 0\na string is not in the vocabulary, and the model has no index for unknown ones\n");
}

TEST(StringsInTrainers, AreReadFromDataSets) {
  const Shell shell;
  const std::string data = cat(kFolder, "tags/data.npz");
  const Outcome ran = shell.run(cat(
      "$keratin compile ", kFolder, "tags/model.keras --trainer -o trainer && ./trainer fit --data ", data,
      " --epochs 3 --batch-size 4 --no-shuffle --verbose 0 --history h.json && ./trainer predict --data ",
      data, " --output p.npz"));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Json losses = Json::parse(read_all(shell / "h.json"), "h.json")["loss"];
  const Json expected = Json::parse(read_all(kFolder + "tags/losses.json"), "losses.json");
  ASSERT_EQ(losses.size(), expected.size());
  for (size_t i = 0; i < losses.size(); ++i)
    EXPECT_NEAR(losses.at(i).as_double(), expected.at(i).as_double(), 1e-5);
}

// The integers that strings become may be given in their place, in any dtype.
TEST(StringsInTrainers, NumbersOfAByteAreNoStrings) {
  const Shell shell;
  for (const DType dtype : {DType::i64, DType::i8}) {
    std::map<std::string, Tensor> arrays{{"x:text", Tensor(dtype, {4, 6})},
                                         {"x:kind", Tensor(dtype, {4, 2})},
                                         {"x:size", Tensor(DType::f32, {4, 3})}};
    for (auto& [name, array] : arrays)
      for (int64_t i = 0; i < array.elements(); ++i) array.set(i, static_cast<double>(i % 3));
    write_npz((shell / cat(to_text(dtype), ".npz")).string(), arrays);
  }
  const Outcome ran = shell.run(cat("$keratin compile ", kFolder, "tags/model.keras --trainer -o trainer && ",
                                    "for dtype in i64 i8; do ./trainer predict --data $dtype.npz --output ",
                                    "$dtype-out.npz || exit 1; done; cmp i64-out.npz i8-out.npz"));
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
}

}  // namespace
}  // namespace keratin::testing
