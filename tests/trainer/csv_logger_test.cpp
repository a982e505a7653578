#include "runtime/trainer/csv_logger.h"

#include <cmath>

#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

std::string recorded(const std::string& name) {
  return read_bytes(KERATIN_SOURCE_DIR "/tests/data/logs/" + name);
}

const std::vector<Logs> kRun = {{{"loss", 4.529895782470703F},
                                 {"mae", 1.8002663850784302F},
                                 {"val_loss", 1.1691617965698242F},
                                 {"val_mae", 0.9556001424789429F}},
                                {{"loss", 2.521470785140991F},
                                 {"mae", 1.4586398601531982F},
                                 {"val_loss", 0.8045767545700073F},
                                 {"val_mae", 0.7902926802635193F}}};

/// What is logged of these epochs, the first of which training has behind it when it begins.
std::string logged(const std::vector<Logs>& epochs, size_t behind = 0, const std::string& before = {}) {
  const Folder folder;
  const std::string path = folder.file("log.csv", before);
  SomeTraining training;
  training.history_.epochs.assign(epochs.begin(), epochs.begin() + static_cast<std::ptrdiff_t>(behind));
  CsvLogger logger(path);
  logger.on_train_begin(training);
  for (size_t i = behind; i < epochs.size(); ++i) {
    logger.on_epoch_begin(training, static_cast<int64_t>(i));
    training.end_epoch(logger, epochs[i]);
  }
  logger.on_train_end(training);
  return read_bytes(path);
}

TEST(CsvLogger, FilesAreThoseOfKeras) {
  EXPECT_EQ(logged(kRun), recorded("run.csv"));
  EXPECT_EQ(logged({{{"loss", NAN}, {"a,\"b\"", 1e-5}, {"learning_rate", 1e-4}},
                    {{"loss", INFINITY}, {"a,\"b\"", 100000.0}, {"learning_rate", 123456789012345680.0}},
                    {{"loss", -INFINITY}, {"a,\"b\"", 0.0}, {"learning_rate", 9007199254740992.0}}}),
            recorded("unvalidated.csv"));
  EXPECT_EQ(logged({{{"loss", 0.5}, {"mae", 2.0}},
                    {{"loss", 0.25}, {"mae", 1.0}, {"val_loss", 0.125}, {"val_mae", 4.0}}}),
            recorded("validated_late.csv"));
}

TEST(CsvLogger, WhatALostRunWroteIsReplaced) {
  const std::string whole = recorded("run.csv");
  for (size_t size = 0; size <= whole.size(); size += 9)
    for (size_t behind = 0; behind <= kRun.size(); ++behind)
      ASSERT_EQ(logged(kRun, behind, whole.substr(0, size)), whole) << size << ", " << behind;
}

TEST(CsvLogger, EachEpochIsThereWhenItEnds) {
  const Folder folder;
  SomeTraining training;
  training.history_.first_epoch = 7;
  CsvLogger logger(folder / "log.csv");
  logger.on_epoch_begin(training, 7);
  EXPECT_EQ(read_bytes(folder / "log.csv"), "");
  training.end_epoch(logger, {{"loss", 1}});
  EXPECT_EQ(read_bytes(folder / "log.csv"), "epoch,loss,val_loss\r\n7,1.0,NA\r\n");
  // Going on in the middle of the next one.
  CsvLogger next(folder / "log.csv");
  next.on_resume(training, 8, 3);
  training.end_epoch(next, {{"loss", 0.5}});
  EXPECT_EQ(read_bytes(folder / "log.csv"), "epoch,loss,val_loss\r\n7,1.0,NA\r\n8,0.5,NA\r\n");
}

TEST(CsvLogger, WhatIsLoggedLaterIsAColumnToo) {
  const std::vector<Logs> run = {
      {{"loss", 4}}, {{"loss", 2}}, {{"loss", 1}, {"learning_rate", 0.5}}, {{"loss", 0.5}}};
  for (size_t behind = 0; behind <= run.size(); ++behind)
    EXPECT_EQ(logged(run, behind),
              "epoch,loss,val_loss,learning_rate\r\n"
              "0,4.0,NA,NA\r\n1,2.0,NA,NA\r\n2,1.0,NA,0.5\r\n3,0.5,NA,NA\r\n")
        << behind;
}

}  // namespace
}  // namespace keratin::trainer
