#include "runtime/trainer/event_file.h"

#include <sys/stat.h>

#include <cmath>
#include <cstdio>
#include <cstring>

#include "runtime/trainer/crc32c.h"
#include "runtime/trainer/histogram.h"
#include "runtime/trainer/npz.h"
#include "tests/trainer/event_reader.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

double noon() { return 1e9 + 0.5; }

TEST(EventFile, IsThatOfTensorFlow) {
  const std::string suffix = "/histogram";
  const std::map<std::string, Array> weights = read_npz(KERATIN_SOURCE_DIR "/tests/data/logs/weights.npz");
  for (const std::string name : {"train.tfevents", "validation.tfevents"}) {
    const std::string expected = read_bytes(KERATIN_SOURCE_DIR "/tests/data/logs/" + name);
    const std::vector<Event> events = read_events(expected);
    ASSERT_GT(events.size(), 8u);
    EXPECT_EQ(events[0].version, "brain.Event:2");
    size_t next = 0;
    const Folder folder;
    EventFile file(folder / "logs", [&] { return events[next].time; });
    while (++next < events.size()) {
      const Event& event = events[next];
      if (event.plugin == "scalars")
        file.add_scalar(event.tag, event.values.at(0), event.step);
      else
        file.add_histogram(event.tag, weights.at(event.tag.substr(0, event.tag.size() - suffix.size())),
                           event.step);
    }
    file.flush();
    EXPECT_TRUE(read_bytes(file.path()) == expected) << name;
  }
}

TEST(EventFile, IsNamedByItsTimeAndProcess) {
  const Folder folder;
  const EventFile a(folder / "x/y", noon), b(folder / "x/y", noon);
  EXPECT_NE(a.path(), b.path());
  EXPECT_EQ(a.path().rfind((folder / "x/y/events.out.tfevents.1000000000."), 0), 0u) << a.path();
  EXPECT_EQ(a.path().substr(a.path().size() - 3), ".v2");
}

TEST(EventFile, CutOffAnywhereKeepsWholeRecords) {
  const Folder folder;
  EventFile file(folder / "logs", noon);
  for (int64_t step = 0; step < 3; ++step) file.add_scalar("loss", NAN, step);
  file.flush();
  const std::string bytes = read_bytes(file.path());
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string rest;
    EXPECT_LT(read_events(bytes.substr(0, size), &rest).size(), 4u);
    EXPECT_LT(rest.size(), 100u);
  }
  const std::vector<Event> events = read_events(bytes);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[3].step, 2);
  EXPECT_TRUE(std::isnan(events[3].values.at(0)));
}

TEST(EventFile, FolderThatCannotBe) {
  const Folder folder;
  const std::string file = folder.file("taken", "");
  expect_error(ErrorKind::cannot_create, {"taken", "cannot create the folder"},
               [&] { EventFile(file + "/train", noon); });
  expect_error(ErrorKind::cannot_create, {"taken"}, [&] { EventFile(file, noon); });
}

TEST(Histogram, OfFewNumbers) {
  const auto counts = [](const std::vector<float>& numbers) {
    std::vector<double> counts;
    for (const Bucket& bucket : histogram(array({static_cast<int64_t>(numbers.size())}, numbers)))
      counts.push_back(bucket.count);
    return counts;
  };
  std::vector<double> expected(kBuckets, 0.0);
  EXPECT_EQ(counts({}), expected);
  EXPECT_EQ(counts({NAN, INFINITY, -INFINITY}), expected);
  expected.back() = 2;
  EXPECT_EQ(counts({7, 7, NAN}), expected);
  expected.front() = 1;
  EXPECT_EQ(counts({0, 29.5F, 30}), expected);
  const std::vector<Bucket> buckets = histogram(array({3}, {-1, 0.1F, 2}));
  EXPECT_EQ(buckets.front().left, -1);
  EXPECT_EQ(buckets.back().right, 2);
  // Where the width is no number to divide by, everything is in the last bucket.
  Array wide(DType::f64, {2});
  const double ends[] = {-1e308, 1e308};
  std::memcpy(wide.mutable_data(), ends, sizeof ends);
  EXPECT_EQ(histogram(wide).back().count + histogram(wide).front().count, 2);
}

TEST(Crc32c, OfPublishedExamples) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
}

TEST(GrowingFile, HasWhatWasAppended) {
  const Folder folder;
  const std::string path = folder.file("log", "of another run");
  GrowingFile file(path);
  EXPECT_EQ(read_bytes(path), "");
  file.append("one\n");
  file.append("two\n");
  EXPECT_EQ(read_bytes(path), "one\ntwo\n");
  if (FILE* full = std::fopen("/dev/full", "w")) {
    std::fclose(full);
    expect_error(ErrorKind::io, {"cannot write", "No space left"},
                 [&] { GrowingFile("/dev/full").append("x"); });
  }
  expect_error(ErrorKind::cannot_create, {"cannot create"}, [&] { GrowingFile(folder / "no/such"); });
  expect_error(ErrorKind::cannot_create, {"cannot create"}, [&] { GrowingFile(folder / "."); });
  mkfifo((folder / "fifo").c_str(), 0600);
  expect_error(ErrorKind::cannot_create, {"cannot create"}, [&] { GrowingFile(folder / "fifo"); });
}

}  // namespace
}  // namespace keratin::trainer
