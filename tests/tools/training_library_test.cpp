// Libraries that train, as C programs use them: what they compute is what trainers compute, to the bit.
#include <gtest/gtest.h>

#include "frontend/file.h"
#include "frontend/npy.h"
#include "ir/safetensors.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

const std::string kGolden = KERATIN_SOURCE_DIR "/tests/golden/training/";

/// What all programs below begin with: a state and a workspace, data in raw files.
constexpr const char* kHead = R"C(
#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "m.h"
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#define CHECK(x) do { if (!(x)) { printf("line %d: %s\n", __LINE__, #x); return 1; } } while (0)
static void *aligned(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }
static void *raw(const char *path, size_t bytes) {
  FILE *file = fopen(path, "rb");
  void *memory = aligned(bytes);
  if (!file || fread(memory, 1, bytes, file) != bytes) exit(9);
  fclose(file);
  return memory;
}
)C";

/// A library of digits_mlp (640 samples), a trainer's weights after an epoch in order, and the data as raw files x and y.
class Library : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shell_ = std::make_unique<Shell>();
    const std::string golden = kGolden + "digits_mlp/";
    const Outcome made = shell_->run(cat(
        "$keratin compile ", golden, "model.keras --training -o m.so && $keratin compile ", golden,
        "model.keras --trainer -o trainer && ./trainer fit --data ", golden,
        "data.npz --epochs 1 --no-shuffle --verbose 0 --save w.safetensors --checkpoint run.safetensors"));
    ASSERT_EQ(made.status, 0) << made.err;
    for (const auto& [name, array] : read_npz(golden + "data.npz"))
      shell_->write(name.substr(0, 1), std::string(reinterpret_cast<const char*>(array.data()),
                                                   static_cast<size_t>(array.bytes())));
  }
  static void TearDownTestSuite() { shell_.reset(); }

  /// Builds and runs a program that ends well; what it prints.
  static std::string run(const std::string& body, const std::string& flags = "./m.so -Wl,-rpath,.") {
    shell_->write("main.c", cat(kHead, "int main(void) {\n", body, "\nreturn 0;\n}\n"));
    const Outcome outcome = shell_->run(
        cat("cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -g main.c ", flags, " -lm -o main && ./main"));
    EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
    return outcome.out;
  }

  static std::unique_ptr<Shell> shell_;
};
std::unique_ptr<Shell> Library::shell_;

constexpr const char* kTrain = R"C(
  enum { N = 640, IN = M_INPUT_X_SIZE };
  const float *x = raw("x", N * IN * sizeof(float));
  const int32_t *y = raw("y", N * sizeof *y);
  struct keratin_pool *pool = m_pool_create(THREADS);
  void *state = aligned(m_state_size()), *workspace = aligned(m_workspace_size(32, THREADS));
  float loss = 0;
  CHECK(m_state_init(state) == KERATIN_OK);
  const size_t allocated = mallinfo2().uordblks;
  for (int at = 0; at < N; at += 32)
    CHECK(m_train_step(x + at * IN, y + at, NULL, &loss, state, 32, workspace, pool) == KERATIN_OK);
  CHECK(isfinite(loss) && (SANITIZED || mallinfo2().uordblks == allocated));
)C";

std::string train(const char* threads) { return cat("#define THREADS ", threads, "\n", kTrain); }

TEST_F(Library, TrainsAsTheTrainerToTheBit) {
  for (const char* threads : {"1", "2"}) {
    run(cat(train(threads), R"C(
  CHECK(m_save(state, "s.safetensors") == KERATIN_OK);
  float values[M_METRIC_COUNT];
  CHECK(m_metrics(state, workspace, values) == KERATIN_OK);
  CHECK(values[0] > 0.1f && values[0] < 1);
  m_pool_destroy(pool);
)C"));
    const TensorStore ours = parse_safetensors(read_file((*shell_ / "s.safetensors").string()), "s"),
                      theirs = parse_safetensors(read_file((*shell_ / "w.safetensors").string()), "w"),
                      all = parse_safetensors(read_file((*shell_ / "run.safetensors").string()), "run");
    for (const auto& [name, tensor] : theirs) EXPECT_EQ(*ours.at(name), *tensor) << name;
    for (const auto& [name, tensor] : ours) {
      if (!name.starts_with("optimizer/")) continue;
      EXPECT_EQ(*tensor, *all.at(name)) << name;
    }
    EXPECT_GT(ours.size(), theirs.size());
  }
}

TEST_F(Library, StatesAreSavedAndLoaded) {
  run(cat(train("1"), R"C(
  CHECK(m_save(state, "s.safetensors") == KERATIN_OK);
  void *other = aligned(m_state_size()), *saved = malloc(m_saved_size());
  CHECK(m_state_init(other) == KERATIN_OK && m_load(other, "s.safetensors") == KERATIN_OK);
  CHECK(memcmp(state, other, m_state_size()) == 0);
  CHECK(m_initialize(7, other, workspace) == KERATIN_OK);
  CHECK(memcmp(state, other, m_state_size()) != 0);
  CHECK(m_save_to(state, saved) == KERATIN_OK);
  CHECK(m_load_from(other, saved, m_saved_size()) == KERATIN_OK);
  CHECK(memcmp(state, other, m_state_size()) == 0);
  void *file = raw("s.safetensors", m_saved_size());
  CHECK(memcmp(file, saved, m_saved_size()) == 0);
  /* cut off, or with another byte in its header, it is refused, and nothing is changed */
  CHECK(m_initialize(7, other, workspace) == KERATIN_OK);
  void *before = aligned(m_state_size());
  memcpy(before, other, m_state_size());
  for (size_t size = 0; size < m_saved_size(); size += size < 2000 ? 1 : 997)
    CHECK(m_load_from(other, saved, size) == KERATIN_FOREIGN_STATE);
  uint64_t header;
  memcpy(&header, saved, 8);
  for (size_t at = 0; at < 8 + header; ++at) {
    for (int flip = 1; flip < 256; flip *= 4) {
      ((unsigned char *)saved)[at] ^= (unsigned char)flip;
      int status = m_load_from(other, saved, m_saved_size());
      CHECK(status == KERATIN_OK || status == KERATIN_FOREIGN_STATE);
      if (status != KERATIN_OK) CHECK(memcmp(before, other, m_state_size()) == 0);
      memcpy(other, before, m_state_size());
      ((unsigned char *)saved)[at] ^= (unsigned char)flip;
    }
  }
  /* weights alone, as a trainer saves them: the optimizer stays as it is */
  CHECK(m_state_init(other) == KERATIN_OK);
  CHECK(m_load(other, "w.safetensors") == KERATIN_OK);
  uint32_t variable = m_find_variable("optimizer/iteration");
  CHECK(variable != UINT32_MAX && m_variable_size(variable) <= sizeof(int64_t));
  int64_t steps = 0;
  CHECK(m_get_variable(state, variable, &steps) == KERATIN_OK && steps == 20);
  CHECK(m_get_variable(other, variable, &steps) == KERATIN_OK && steps == 0);
  CHECK(m_load(other, "none.safetensors") == KERATIN_FILE_FAILED && errno == ENOENT);
  CHECK(m_load(other, ".") == KERATIN_FOREIGN_STATE || errno == EISDIR);
  CHECK(m_load(other, "m.h") == KERATIN_FOREIGN_STATE);
  CHECK(m_save(state, "nowhere/s.safetensors") == KERATIN_FILE_FAILED && errno == ENOENT);
)C"));
  EXPECT_EQ(shell_->run("ls | grep tmp").out, "");
}

TEST_F(Library, VariablesAndTheLearningRate) {
  run(cat(train("1"), R"C(
  const struct keratin_variable *all = m_variables();
  int weights = 0, trainable = 0;
  for (uint32_t i = 0; i < M_VARIABLE_COUNT; ++i) {
    weights += all[i].role == KERATIN_WEIGHT;
    trainable += (int)all[i].trainable;
    CHECK(m_find_variable(all[i].array.name) == i);
  }
  CHECK(weights == 4 && trainable == 4);
  float rate = 0, before = 0;
  CHECK(m_learning_rate(state, &rate) == KERATIN_OK && rate > 0);
  before = rate;
  CHECK(m_set_learning_rate(state, before * 2) == KERATIN_OK);
  CHECK(m_learning_rate(state, &rate) == KERATIN_OK && rate == 2 * before);
  /* a learning rate of 0 changes nothing */
  CHECK(m_set_learning_rate(state, 0) == KERATIN_OK);
  uint32_t first = 0;
  while (!all[first].trainable) ++first;
  void *a = malloc(m_variable_size(first)), *b = malloc(m_variable_size(first));
  CHECK(m_get_variable(state, first, a) == KERATIN_OK);
  CHECK(m_train_step(x, y, NULL, &loss, state, 32, workspace, pool) == KERATIN_OK);
  CHECK(m_get_variable(state, first, b) == KERATIN_OK);
  CHECK(memcmp(a, b, m_variable_size(first)) == 0);
  memset(b, 0, m_variable_size(first));
  CHECK(m_set_variable(state, first, b) == KERATIN_OK && m_get_variable(state, first, a) == KERATIN_OK);
  CHECK(memcmp(a, b, m_variable_size(first)) == 0);
  CHECK(m_get_variable(state, M_VARIABLE_COUNT, a) == KERATIN_UNKNOWN_VARIABLE);
  CHECK(m_find_variable("no such") == UINT32_MAX && m_find_variable(NULL) == UINT32_MAX);
  CHECK(m_selftest() == KERATIN_OK);
  for (int status = 0; status < 20; ++status) CHECK(m_strerror(status) != NULL);
)C"));
}

TEST_F(Library, WeightsOfSamplesAndWrongArguments) {
  run(cat(train("1"), R"C(
  float ones[32], halves[32], other = 0;
  for (int i = 0; i < 32; ++i) ones[i] = 1, halves[i] = i % 2 ? 1 : 0;
  CHECK(m_reset_metrics(state, workspace) == KERATIN_OK);
  CHECK(m_evaluate_step(x, y, NULL, &loss, state, 32, workspace, pool) == KERATIN_OK);
  CHECK(m_reset_metrics(state, workspace) == KERATIN_OK);
  CHECK(m_evaluate_step(x, y, ones, &other, state, 32, workspace, pool) == KERATIN_OK && other == loss);
  CHECK(m_reset_metrics(state, workspace) == KERATIN_OK);
  CHECK(m_evaluate_step(x, y, halves, &other, state, 32, workspace, pool) == KERATIN_OK && other != loss);
  CHECK(m_train_step(NULL, y, NULL, &loss, state, 32, workspace, pool) == KERATIN_NULL_ARGUMENT);
  CHECK(m_train_step(x, NULL, NULL, &loss, state, 32, workspace, pool) == KERATIN_NULL_ARGUMENT);
  CHECK(m_train_step(x, y, NULL, NULL, state, 32, workspace, pool) == KERATIN_NULL_ARGUMENT);
  CHECK(m_train_step(x, y, NULL, &loss, NULL, 32, workspace, pool) == KERATIN_NULL_ARGUMENT);
  CHECK(m_train_step(x, y, NULL, &loss, state, 32, NULL, pool) == KERATIN_NULL_ARGUMENT);
  CHECK(m_train_step(x, y, NULL, &loss, (char *)state + 4, 32, workspace, pool) == KERATIN_MISALIGNED);
  CHECK(m_train_step(x, y, NULL, &loss, state, 32, (char *)workspace + 4, pool) == KERATIN_MISALIGNED);
  CHECK(m_train_step(x, y, NULL, &loss, state, SIZE_MAX, workspace, pool) == KERATIN_BAD_COUNT);
  CHECK(m_workspace_size(SIZE_MAX, 1) == SIZE_MAX);
  CHECK(m_save(NULL, "s") == KERATIN_NULL_ARGUMENT && m_load(state, NULL) == KERATIN_NULL_ARGUMENT);
  float *out = aligned(32 * M_OUTPUT_OUT_SIZE * sizeof(float));
  CHECK(m_predict(x, out, state, 32, workspace, pool) == KERATIN_OK);
  float sum = 0;
  for (int i = 0; i < M_OUTPUT_OUT_SIZE; ++i) sum += out[i];
  CHECK(fabsf(sum - 1) < 1e-4f);
  m_pool_destroy(pool);
)C"));
}

TEST_F(Library, StaysInTheMemoryThatItAsksFor) {
  ASSERT_EQ(shell_
                ->run(cat("$keratin compile ", kGolden,
                          "digits_mlp/model.keras --training --check-bounds --name m -o m.o"))
                .status,
            0);
  run(cat(train("2"), R"C(
  CHECK(m_initialize(1, state, workspace) == KERATIN_OK && m_set_seed(2, state) == KERATIN_OK);
  CHECK(m_finish_training(state, workspace) == KERATIN_OK);
  CHECK(m_save(state, "s.safetensors") == KERATIN_OK && m_load(state, "s.safetensors") == KERATIN_OK);
  m_pool_destroy(pool);
  free(workspace); free(state); free((void *)x); free((void *)y);
)C"),
      "m.o -fsanitize=address,undefined -lpthread");
}

TEST(TrainingLibrary, FrozenLayersStayAsTheyAre) {
  const Shell shell;
  const Outcome made =
      shell.run(cat("$keratin compile ", kGolden, "ops_and_frozen/model.keras --training -o m.so"));
  ASSERT_EQ(made.status, 0) << made.err;
  shell.write("main.c", cat(kHead, R"C(
int main(void) {
  enum { N = 32 };
  static float x[N * M_INPUT_X_SIZE], y[N * M_INPUT_Y_OUT_SIZE];
  for (int i = 0; i < N * M_INPUT_X_SIZE; ++i) x[i] = (float)(i % 7) / 7;
  for (int i = 0; i < N * M_INPUT_Y_OUT_SIZE; ++i) y[i] = (float)(i % 2);
  void *state = aligned(m_state_size()), *workspace = aligned(m_workspace_size(N, 1));
  void *before = aligned(m_state_size());
  float loss;
  CHECK(m_state_init(state) == KERATIN_OK);
  memcpy(before, state, m_state_size());
  for (int i = 0; i < 3; ++i) CHECK(m_train_step(x, y, NULL, &loss, state, N, workspace, NULL) == KERATIN_OK);
  const struct keratin_variable *all = m_variables();
  int frozen = 0;
  for (uint32_t i = 0; i < M_VARIABLE_COUNT; ++i) {
    if (all[i].role != KERATIN_WEIGHT) continue;
    const int is_same = memcmp((char *)before + all[i].offset, (char *)state + all[i].offset, m_variable_size(i)) == 0;
    CHECK(is_same != (int)all[i].trainable);
    frozen += is_same;
  }
  CHECK(frozen >= 4);
  CHECK(m_selftest() == KERATIN_OK);
  return 0;
}
)C"));
  const Outcome run = shell.run("cc main.c ./m.so -Wl,-rpath,. -lm -o main && ./main");
  EXPECT_EQ(run.status, 0) << run.out << run.err;
}

TEST(TrainingLibrary, WhatCannotBeIsRefused) {
  const Shell shell;
  const auto refused = [&](const std::string& command, int status, const std::string& says) {
    const Outcome outcome = shell.run("$keratin compile " + command);
    EXPECT_EQ(outcome.status, status) << command;
    EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
  };
  const std::string model = kGolden + "digits_mlp/model.keras";
  refused(model + " --training --trainer -o m.so", 2, "exclude each other");
  refused(model + " --training --precision bf16 -o m.so", 2, "models are trained in f32");
  refused(model + " --training -o m.exe", 2, "an artefact's name ends in .so, .o or .a");
  refused(KERATIN_SOURCE_DIR "/tests/golden/layers/activation_layers/model.keras --training -o m.so", 2,
          "the model was not compiled");
  EXPECT_EQ(shell.run("ls m.*").out, "");
}

}  // namespace
}  // namespace keratin::testing
