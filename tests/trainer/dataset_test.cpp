#include "runtime/trainer/dataset.h"

#include <cmath>

#include "runtime/trainer/npz.h"
#include "runtime/trainer/safetensors.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

using Arrays = std::map<std::string, Array>;

/// Two features, a class of three.
TrainableInfo classifier() {
  TrainableInfo info;
  info.inputs = {{"points", DType::f32, {2}, 0}};
  info.targets = {{"kind", DType::i32, {1}, 3}};
  return info;
}

TrainableInfo two_of_each() {
  TrainableInfo info;
  info.inputs = {{"left", DType::f32, {2}, 0}, {"right", DType::f32, {}, 0}};
  info.targets = {{"sum", DType::f32, {1}, 0}, {"kind", DType::i32, {}, 3}};
  return info;
}

Dataset make(const Arrays& arrays, const TrainableInfo& model = classifier(),
             Needs needs = Needs::inputs_and_targets) {
  return make_dataset(arrays, "d.npz", model, needs);
}

void expect_refused(const Arrays& arrays, const std::vector<std::string>& parts,
                    const TrainableInfo& model = classifier()) {
  expect_error(ErrorKind::data, parts, [&] { make(arrays, model); });
}

const Array kX = array({3, 2}, {1, 2, 3, 4, 5, 6});
const Array kY = array({3}, {0, 1, 2});

TEST(Dataset, NamesOfArrays) {
  EXPECT_EQ(make({{"x", kX}, {"y", kY}}).samples, 3);
  EXPECT_EQ(make({{"x:points", kX}, {"y:kind", kY}}).samples, 3);
  const Dataset two = make({{"x:right", kY}, {"x:left", kX}, {"y:kind", kY}, {"y:sum", kY}}, two_of_each());
  EXPECT_EQ(two.inputs[0].shape(), (Shape{3, 2}));
  EXPECT_EQ(two.inputs[1].shape(), (Shape{3}));
  EXPECT_EQ(two.targets[0].shape(), (Shape{3, 1}));
}

TEST(Dataset, WrongNames) {
  expect_refused({{"y", kY}}, {"d.npz", "no array \"x\" for the input", "it holds y"});
  expect_refused({{"x", kX}}, {"no array \"y\" for the target"});
  expect_refused({}, {"holds no arrays"});
  expect_refused({{"x", kX}, {"y", kY}, {"z", kY}},
                 {"an array \"z\"", "arrays are x:points, x, y:kind, y, sample_weight"});
  expect_refused({{"x", kX}, {"y", kY}, {"sample_weights", kY}}, {"did you mean sample_weight?"});
  expect_refused({{"x", kX}, {"x:points", kX}, {"y", kY}},
                 {"an array \"x\", which the model has no use for"});
  expect_refused({{"x", kX}, {"y:kind", kY}, {"y:sum", kY}}, {"no array \"x:left\" for the input \"left\""},
                 two_of_each());
}

TEST(Dataset, Shapes) {
  EXPECT_EQ(make({{"x", kX}, {"y", kY.reshaped({3, 1})}}).targets[0].shape(), (Shape{3, 1}));
  TrainableInfo scalar = classifier();
  scalar.targets[0].shape = {};
  EXPECT_EQ(make({{"x", kX}, {"y", kY.reshaped({3, 1})}}, scalar).targets[0].shape(), (Shape{3}));
  expect_refused({{"x", kX.reshaped({2, 3})}, {"y", kY}},
                 {"array \"x\"", "has the shape (2, 3), wanted is (N, 2)"});
  expect_refused({{"x", kX.reshaped({3, 2, 1})}, {"y", kY}}, {"has the shape (3, 2, 1)"});
  expect_refused({{"x", Array(DType::f32, {})}, {"y", kY}}, {"has the shape ()"});
  expect_refused({{"x", kX}, {"y", Array(DType::f32, {3, 3})}},
                 {"has the shape (3, 3), wanted is (N, 1)", "y.argmax(axis=-1)"}, classifier());
  TrainableInfo one_hot = classifier();
  one_hot.targets[0] = {"kind", DType::f32, {3}, 0};
  expect_refused({{"x", kX}, {"y", kY}}, {"wanted is (N, 3)", "numpy.eye(3)[y]"}, one_hot);
}

TEST(Dataset, StringsAreNoNumbers) {
  const Array bytes(DType::i8, {3, 2});
  EXPECT_EQ(make({{"x", bytes}, {"y", kY}}).samples, 3);
  expect_refused({{"x", bytes.as_strings()}, {"y", kY}},
                 {"array \"x\": holds strings, where numbers are needed"});
}

TEST(Dataset, Counts) {
  expect_refused({{"x", kX}, {"y", kY.rows(0, 2)}}, {"array \"y\": has 2 samples, \"x\" has 3"});
  expect_refused({{"x", kX}, {"y", kY}, {"sample_weight", kY.rows(0, 1)}},
                 {"array \"sample_weight\": has 1 sample,"});
  expect_refused({{"x", kX.rows(0, 0)}, {"y", kY.rows(0, 0)}}, {"has no samples"});
}

TEST(Dataset, Values) {
  expect_refused({{"x", array({3, 2}, {1, 2, 3, NAN, 5, 6})}, {"y", kY}},
                 {"d.npz: array \"x\", row 1: holds NaN"});
  expect_refused({{"x", array({3, 2}, {1, 2, 3, 4, INFINITY, 6})}, {"y", kY}}, {"row 2: holds infinity"});
  expect_refused({{"x", kX}, {"y", array({3}, {0, 3, 1})}},
                 {"array \"y\", row 1: the label 3 is no class", "0 to 2"});
  expect_refused({{"x", kX}, {"y", array({3}, {0, 1, -1})}}, {"row 2: the label -1"});
  expect_refused({{"x", kX}, {"y", array({3}, {0.5, 1, 1})}},
                 {"row 0: holds 0.5, which is no value of type i32"});
  expect_refused({{"x", kX}, {"y", kY}, {"sample_weight", array({3}, {1, NAN, 1})}},
                 {"sample_weight\", row 1: holds NaN"});
  TrainableInfo halves = classifier();
  halves.targets[0].dtype = DType::f32;
  expect_refused({{"x", kX}, {"y", array({3}, {0, 0.5, 1})}}, {"row 1: the label 0.5 is no class"}, halves);
}

TEST(Dataset, PredictionNeedsInputsOnly) {
  const Dataset data = make({{"x", kX}}, classifier(), Needs::inputs);
  EXPECT_TRUE(data.targets.empty());
  EXPECT_EQ(make({{"x", kX}, {"y", kY}, {"sample_weight", kY}}, classifier(), Needs::inputs).samples, 3);
  expect_error(ErrorKind::data, {"an array \"z\""},
               [] { make({{"x", kX}, {"z", kY}}, classifier(), Needs::inputs); });
}

TEST(Dataset, Weights) {
  EXPECT_EQ(make({{"x", kX}, {"y", kY}, {"sample_weight", kX.rows(0, 3).reshaped({6}).rows(0, 3)}}).weights,
            (SampleWeights{{1, 2, 3}}));
  TrainableInfo steps = classifier();
  steps.weights = {{"kind", DType::f32, {2}, 0}};
  for (const char* name : {"sample_weight", "sample_weight:kind"}) {
    const Dataset data = make({{"x", kX}, {"y", kY}, {name, kX}}, steps);
    EXPECT_EQ(data.weights, (SampleWeights{{1, 2, 3, 4, 5, 6}}));
    EXPECT_EQ(data.rows(1, 3).weights, (SampleWeights{{3, 4, 5, 6}}));
  }
  expect_refused({{"x", kX}, {"y", kY}, {"sample_weight", kY}},
                 {"sample_weight", "has the shape (3,), wanted is (N, 2)"}, steps);
  expect_refused({{"x", kX}, {"y", kY}, {"sample_weight", kX}},
                 {"has the shape (3, 2), wanted is (N,)", "--sample-weight-mode temporal"});
}

TEST(Dataset, Npy) {
  const Folder folder;
  const std::string x = folder.file("x.npy", npy("<f4", "(3, 2)", bytes_of<float>({1, 2, 3, 4, 5, 6}))),
                    y = folder.file("y=1.npy", npy("|u1", "(3,)", {0, 1, 2})),
                    nan = folder.file("nan.npy", npy("<f4", "(1, 2)", bytes_of<float>({1, NAN})));
  write_npz(folder / "y.npz", {{"y:kind", kY}});
  const auto read = [&](const std::vector<std::string>& files, Needs needs = Needs::inputs_and_targets) {
    return read_dataset(files, classifier(), needs);
  };
  const Dataset data = read({"x=" + x, "y:kind=" + y});
  EXPECT_EQ(data.samples, 3);
  EXPECT_EQ(data.inputs[0].array()->number(3), 4);
  EXPECT_EQ(data.targets[0].number(2), 2);
  EXPECT_EQ(read({folder / "y.npz", "x=" + x}).samples, 3);
  EXPECT_EQ(read({"x=" + x}, Needs::inputs).samples, 3);

  expect_error(ErrorKind::data, {"x=" + x, "no array \"y\" for the target", "it holds x"},
               [&] { read({"x=" + x}); });
  expect_error(ErrorKind::data, {"nan.npy: array \"x\", row 0: holds NaN"},
               [&] { read({"x=" + nan}, Needs::inputs); });
  expect_error(ErrorKind::no_input, {"no.npy: cannot open"}, [&] { read({"x=no.npy"}); });
  expect_error(ErrorKind::data, {"zip.npy: is no .npy array"},
               [&] { read({"x=" + folder.file("zip.npy", read_bytes(folder / "y.npz"))}); });
}

TEST(Dataset, Safetensors) {
  const Folder folder;
  StagedFile file(folder / "d.safetensors");
  write_safetensors(file, {{"x", kX}, {"y:kind", kY}});
  file.commit();
  const Dataset data = read_dataset({folder / "d.safetensors"}, classifier(), Needs::inputs_and_targets);
  EXPECT_EQ(data.inputs[0].array()->number(3), 4);
  EXPECT_EQ(data.targets[0].number(2), 2);
}

TEST(Dataset, WhichFiles) {
  const auto refused = [](const std::vector<std::string>& files, const std::vector<std::string>& parts) {
    expect_error(ErrorKind::usage, parts, [&] { read_dataset(files, classifier(), Needs::inputs); });
  };
  const Folder folder;
  write_npz(folder / "x.npz", {{"x", kX}});
  refused({folder.file("data.txt", "")}, {"data.txt", ".npz, .npy, .h5"});
  refused({"photos"}, {"photos: is no folder", "folders of images"});
  refused({"data.npy"}, {"data.npy: a .npy holds one array without a name", "x=data.npy"});
  refused({"=data.npy"}, {"as in x=data.npy"});
  refused({folder / "x.npz", "t.csv"}, {"t.csv", "stands alone"});
  refused({folder / "x.npz", folder / "x.npz"}, {"array \"x\" is in a file before it too"});
}

}  // namespace
}  // namespace keratin::trainer
