#include "runtime/trainer/dataset.h"
#include "runtime/trainer/json.h"
#include "tests/mutation.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

/// Features, and a class of three.
TrainableInfo classifier(int64_t features) {
  TrainableInfo info;
  info.inputs = {{"points", DType::f32, {features}, 0}};
  info.targets = {{"kind", DType::i32, {1}, 3}};
  return info;
}

TrainableInfo regression(int64_t features, int64_t targets = 1) {
  TrainableInfo info = classifier(features);
  info.targets = {{"price", DType::f32, {targets}, 0}};
  return info;
}

Dataset read(const std::string& text, const TrainableInfo& model, const TableOptions& options,
             const Encoding& known = {}, Needs needs = Needs::inputs_and_targets) {
  const Folder folder;
  return read_dataset({folder.file("t.csv", text)}, model, needs, options, known);
}

void expect_refused(ErrorKind kind, const std::vector<std::string>& parts, const std::string& text,
                    const TrainableInfo& model, const TableOptions& options, const Encoding& known = {},
                    Needs needs = Needs::inputs_and_targets) {
  expect_error(kind, parts, [&] { read(text, model, options, known, needs); });
}

std::vector<double> numbers(const Array& array) {
  std::vector<double> values;
  for (int64_t i = 0; i < array.elements(); ++i) values.push_back(array.number(i));
  return values;
}
std::vector<double> features(const Dataset& data) { return numbers(*data.inputs[0].array()); }

TEST(Table, FeaturesAndLabel) {
  const Dataset data = read("a,kind,b\n1,0,2\n3,1,4\n", classifier(2), {.labels = {"kind"}});
  EXPECT_EQ(data.samples, 2);
  EXPECT_EQ(features(data), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(numbers(data.targets[0]), (std::vector<double>{0, 1}));
}

TEST(Table, PredictionNeedsNoLabel) {
  for (const char* text : {"a,b\n1,2\n", "a,kind,b\n1,0,2\n"})
    EXPECT_EQ(features(read(text, classifier(2), {.labels = {"kind"}}, {}, Needs::inputs)),
              (std::vector<double>{1, 2}));
}

TEST(Table, ColumnsAreChosen) {
  const std::string text = "id,a,kind,b\n9,1,0,2\n";
  EXPECT_EQ(features(read(text, classifier(2), {.labels = {"kind"}, .ignored = {"id"}})),
            (std::vector<double>{1, 2}));
  EXPECT_EQ(features(read(text, classifier(2), {.labels = {"kind"}, .features = {"b", "a"}})),
            (std::vector<double>{2, 1}));
}

TEST(Table, Refused) {
  const auto refused = [](ErrorKind kind, const std::string& text, const std::string& label,
                          const std::vector<std::string>& parts) {
    TableOptions options;
    if (!label.empty()) options.labels = {label};
    expect_refused(kind, parts, text, classifier(2), options);
  };
  refused(ErrorKind::usage, "a,kind,b\n1,0,2\n", "", {"--label", "columns are a, kind, b"});
  refused(ErrorKind::data, "a,kind,b\n1,0,2\n", "kin", {"no column \"kin\"", "did you mean kind?"});
  refused(ErrorKind::data, "kind,kind,b\n1,0,2\n", "kind", {"two columns"});
  refused(ErrorKind::data, "a,kind\n1,0\n", "kind", {"has 1 column of features", "takes 2", "--features"});
  refused(ErrorKind::data, "a,kind,b\n", "kind", {"no samples"});
  refused(ErrorKind::data, "a,kind,b\n1,0,2\n1,7,2\n", "kind", {"line 3", "the label 7 is no class"});
  refused(ErrorKind::data, ",a,kind\n0,1,0\n", "kind", {"a column without a name", "index=False"});
  refused(ErrorKind::data, "a,kind,b\n1,0,2\n1,,2\n", "kind",
          {"line 3, column \"kind\"", "is empty", "drop"});
  refused(ErrorKind::data, "a,kind,b\n1,0,1e39\n", "kind", {"line 2", "no value of type f32"});
}

TEST(Table, AColumnHasOneUse) {
  const auto refused = [](const TableOptions& options, const std::string& part) {
    expect_refused(ErrorKind::usage, {part}, "a,b,c,kind\n1,2,3,0\n", classifier(2), options);
  };
  refused({.labels = {"kind"}, .features = {"a", "kind"}},
          "--features: names \"kind\", which --label names, too");
  refused({.labels = {"kind"}, .ignored = {"kind"}}, "--ignore: names \"kind\", which --label");
  refused({.labels = {"kind"}, .sample_weight = "kind"}, "--sample-weight: names \"kind\", which --label");
  refused({.labels = {"kind"}, .features = {"a", "b"}, .ignored = {"b"}},
          "--features: names \"b\", which --ignore");
  refused({.labels = {"kind"}, .ignored = {"c"}, .categorical = {"c"}},
          "--categorical: names \"c\", which --ignore");
  refused({.labels = {"kind"}, .one_hot = {"c"}, .sample_weight = "c"}, "--one-hot: names \"c\"");
  refused({.labels = {"kind"}, .features = {"a", "c"}, .categorical = {"c"}, .one_hot = {"c"}},
          "--categorical: names \"c\", which --one-hot names, too");
  refused({.labels = {"kind"}, .features = {"a", "a"}}, "--features: names \"a\" twice");
  refused({.labels = {"kind"}, .features = {"a", "b"}, .categorical = {"c"}},
          "--categorical: names \"c\", which is no feature");
  EXPECT_EQ(features(read("a,b,kind\n1,x,0\n", classifier(2),
                          {.labels = {"kind"}, .features = {"b", "a"}, .categorical = {"b"}})),
            (std::vector<double>{0, 1}));
}

TEST(Table, WordsBecomeNumbersOrColumns) {
  const std::string text = "size,city,kind\n1,Rome,0\n2,Oslo,1\n3,Rome,2\n";
  EXPECT_EQ(features(read(text, classifier(2), {.labels = {"kind"}, .categorical = {"city"}})),
            (std::vector<double>{1, 1, 2, 0, 3, 1}));
  EXPECT_EQ(features(read(text, classifier(3), {.labels = {"kind"}, .one_hot = {"city"}})),
            (std::vector<double>{1, 0, 1, 2, 1, 0, 3, 0, 1}));
  expect_refused(ErrorKind::data, {"line 2, column \"city\"", "--one-hot and"}, text, classifier(2),
                 {.labels = {"kind"}});
}

TEST(Table, OtherDataAreReadAsTheFirst) {
  const TrainableInfo model = classifier(3);
  const Dataset first =
      read("size,city,kind\n1,Rome,small\n2,Oslo,large\n", model, {.labels = {"kind"}, .one_hot = {"city"}});
  const Encoding known = parse_encoding(format_encoding(first.encoding), "w");
  EXPECT_EQ(known, first.encoding);
  // Fewer words, other columns between, another order.
  const Dataset other = read("kind,city,id,size\nsmall,Rome,8,5\n", model, {}, known);
  EXPECT_EQ(features(other), (std::vector<double>{5, 0, 1}));
  EXPECT_EQ(numbers(other.targets[0]), (std::vector<double>{1}));
  EXPECT_EQ(features(read("city,size\nOslo,5\n", model, {}, known, Needs::inputs)),
            (std::vector<double>{5, 1, 0}));

  expect_refused(ErrorKind::data,
                 {"line 2, column \"city\"", "\"Paris\" is a word that training did not have"},
                 "size,city\n1,Paris\n", model, {}, known, Needs::inputs);
  expect_refused(ErrorKind::data, {"line 2, column \"kind\"", "\"huge\" is none that was learned"},
                 "size,city,kind\n1,Rome,huge\n", model, {}, known);
  expect_refused(ErrorKind::data, {"no column \"size\""}, "city,kind\nRome,small\n", model, {}, known);
  expect_refused(ErrorKind::usage, {"--label", "they were trained with kind"},
                 "size,city,kind\n1,Rome,small\n", model, {.labels = {"city"}}, known);
}

TEST(Table, OptionsAreThoseOfTheWeightsOrNone) {
  const TrainableInfo model = regression(4);
  const std::string text = "size,city,kind,w,price\n1,Rome,x,1,2\n,Oslo,y,1,3\n";
  const TableOptions options = {.labels = {"price"},
                                .categorical = {"kind"},
                                .one_hot = {"city"},
                                .missing = "5",
                                .sample_weight = "w"};
  const Encoding known = read(text, model, options).encoding;
  EXPECT_EQ(read(text, model, options, known).weights, (SampleWeights{{1, 1}}));
  EXPECT_EQ(features(read(text, model, {.ignored = {"w"}, .missing = "mean"}, known)),
            (std::vector<double>{1, 0, 1, 0, 5, 1, 0, 1}));
  const auto refused = [&](const TableOptions& other, const std::vector<std::string>& parts) {
    expect_refused(ErrorKind::usage, parts, text, model, other, known);
  };
  refused({.one_hot = {"kind"}},
          {"--one-hot: is not what the weights were trained with", "trained with city;"});
  refused({.categorical = {"w"}}, {"--categorical: is not what", "trained with kind;"});
  refused({.missing = "6"}, {"--missing: is not what", "trained with 5 in \"size\""});
  refused({.ignored = {"city"}}, {"--ignore: names \"city\", which is a feature of what the weights"});
  refused({.ignored = {"price"}}, {"--ignore: names \"price\", which is a label of what"});
  refused({.sample_weight = "size"}, {"--sample-weight: names \"size\", which is a feature"});
}

TEST(Table, GapsAreFilled) {
  const std::string text = "a,city,price\n1,Rome,1\n,,2\n2,Oslo,3\n6,Rome,4\n";
  const auto filled = [&](const std::string& missing) {
    return read(text, regression(3), {.labels = {"price"}, .one_hot = {"city"}, .missing = missing});
  };
  EXPECT_EQ(features(filled("mean")), (std::vector<double>{1, 0, 1, 3, 0, 0, 2, 1, 0, 6, 0, 1}));
  EXPECT_EQ(features(filled("median")), (std::vector<double>{1, 0, 1, 2, 0, 0, 2, 1, 0, 6, 0, 1}));
  EXPECT_EQ(features(filled("-1")), (std::vector<double>{1, 0, 1, -1, 0, 0, 2, 1, 0, 6, 0, 1}));
  EXPECT_EQ(features(filled("drop")), (std::vector<double>{1, 0, 1, 2, 1, 0, 6, 0, 1}));
  EXPECT_EQ(numbers(filled("drop").targets[0]), (std::vector<double>{1, 3, 4}));
  EXPECT_EQ(
      features(read(text, regression(2), {.labels = {"price"}, .categorical = {"city"}, .missing = "0"})),
      (std::vector<double>{1, 1, 0, 2, 2, 0, 6, 1}));  // a gap is one more word
  expect_refused(ErrorKind::data, {"line 3, column \"a\"", "is empty", "--missing mean"}, text, regression(3),
                 {.labels = {"price"}, .one_hot = {"city"}});

  // What filled them is kept, and new words are gaps.
  EXPECT_EQ(features(read("a,city\n,Paris\n", regression(3), {}, filled("mean").encoding, Needs::inputs)),
            (std::vector<double>{3, 0, 0}));
  expect_refused(ErrorKind::data, {"line 2, column \"a\"", "is empty"}, "a,city\n,Rome\n", regression(3),
                 {.missing = "drop"}, filled("drop").encoding, Needs::inputs);
  EXPECT_EQ(features(read("a,city\n,Rome\n", regression(3), {.missing = "7"}, filled("drop").encoding,
                          Needs::inputs)),
            (std::vector<double>{7, 0, 1}));
}

TEST(Table, LabelsAsTheTargetTakesThem) {
  const auto targets = [](const std::string& labels, const Signature& target,
                          const std::vector<std::string>& names = {"y"}) {
    TrainableInfo model = classifier(1);
    model.targets = {target};
    return numbers(read(labels, model, {.labels = names}).targets[0]);
  };
  const Signature number{"t", DType::i32, {1}, 3}, each{"t", DType::f32, {3}, 0},
      one{"t", DType::f32, {1}, 0};
  EXPECT_EQ(targets("a,y\n1,c\n1,a\n1,b\n", number), (std::vector<double>{2, 0, 1}));
  EXPECT_EQ(targets("a,y\n1,c\n1,a\n", each), (std::vector<double>{0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(targets("a,y\n1,2\n1,0\n", each), (std::vector<double>{0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(targets("a,y\n1,yes\n1,no\n", one), (std::vector<double>{1, 0}));
  EXPECT_EQ(targets("a,y\n1,2.5\n", one), (std::vector<double>{2.5}));
  EXPECT_EQ(targets("p,a,q,r\n1,0,2,3\n", each, {"p", "q", "r"}), (std::vector<double>{1, 2, 3}));

  const auto refused = [&](const std::string& labels, const Signature& target, const std::string& part) {
    expect_error(ErrorKind::data, {part}, [&] { targets(labels, target); });
  };
  refused("a,y\n1,a\n1,b\n1,c\n1,d\n", number, "has 4 different labels, and the model has 3 classes");
  refused("a,y\n1,a\n1,b\n1,c\n", one, "has 3 different labels, and the model has 2 classes");
  refused("a,y\n1,3\n", each, "line 2: the label 3 is no class");
  expect_error(ErrorKind::usage, {"--label", "2 of them, and the model takes 1 or 3"},
               [&] { targets("p,a,q,r\n1,0,2,3\n", each, {"p", "q"}); });
}

TEST(Table, SeveralInputsAndTargets) {
  TrainableInfo model;
  model.inputs = {{"age", DType::f32, {1}, 0}, {"height", DType::f32, {}, 0}};
  model.targets = {{"sum", DType::f32, {1}, 0}, {"kind", DType::i32, {}, 3}};
  const Dataset data = read("s,height,id,age,k\n1,2,3,4,a\n5,6,7,8,b\n", model, {.labels = {"s", "k"}});
  EXPECT_EQ(numbers(*data.inputs[0].array()), (std::vector<double>{4, 8}));
  EXPECT_EQ(numbers(*data.inputs[1].array()), (std::vector<double>{2, 6}));
  EXPECT_EQ(numbers(data.targets[0]), (std::vector<double>{1, 5}));
  EXPECT_EQ(numbers(data.targets[1]), (std::vector<double>{0, 1}));
  expect_refused(ErrorKind::data, {"no column \"height\""}, "s,age,k\n1,2,3\n", model,
                 {.labels = {"s", "k"}});
  expect_refused(ErrorKind::usage, {"\"age\" is an input of the model, and an option gives it another use"},
                 "s,height,age,k\n1,2,3,a\n", model, {.labels = {"s", "k"}, .ignored = {"age"}});
  model.inputs[1].shape = {2};
  expect_refused(ErrorKind::usage, {"gives each of several inputs one column", "\"height\" takes (N, 2)"},
                 "s,age,k\n1,2,3\n", model, {.labels = {"s", "k"}});
}

TEST(Table, WeightsOfSamples) {
  const Dataset data =
      read("a,w,price\n1,0.5,2\n3,2,4\n", regression(1), {.labels = {"price"}, .sample_weight = "w"});
  EXPECT_EQ(data.weights, (SampleWeights{{0.5, 2}}));
  EXPECT_EQ(features(data), (std::vector<double>{1, 3}));
  expect_refused(ErrorKind::data, {"line 2, column \"w\"", "is empty"}, "a,w,price\n1,,2\n", regression(1),
                 {.labels = {"price"}, .sample_weight = "w"});
}

TEST(Table, MutantsOfEncodings) {
  const std::string good = format_encoding(read("size,city,kind\n1,Rome,small\n,Oslo,large\n", classifier(3),
                                                {.labels = {"kind"}, .one_hot = {"city"}, .missing = "mean"})
                                               .encoding);
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    testing::Mutator mutator(seed);
    try {
      const Encoding known = parse_encoding(
          seed % 2 == 0 ? mutator.bytes(good) : mutator.text(good, {"{", "[", "\"", ",", "null"}), "w");
      if (seed % 8 == 0) read("size,city,kind\n1,Rome,small\n", classifier(3), {}, known);
    } catch (const Error&) {}
  }
}

}  // namespace
}  // namespace keratin::trainer
