// The file that Keras's CSVLogger writes: a row for each epoch, in a table of its number and logs.
//
//     epoch,accuracy,loss,val_accuracy,val_loss
//     0,0.7682,0.8210,0.8945,0.3702
//
// Without a validation the columns val_… are there all the same, with NA in every row. What is logged only in a later epoch, as by a
// callback that training has since it went on, becomes one more column, and the table is written again; Keras leaves it out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/growing_file.h"

namespace keratin::trainer {

class CsvLogger : public Callback {
 public:
  explicit CsvLogger(std::string path) : path_(std::move(path)) {}

  // Training that goes on after an interruption writes the epochs that are behind it again: none is missing or there twice.
  bool writes() const override { return true; }
  void on_epoch_begin(Training& training, int64_t epoch) override;
  void on_resume(Training& training, int64_t epoch, int64_t step) override;
  void on_epoch_end(Training& training, int64_t epoch, Logs& logs) override;
  void on_train_end(Training& training) override;

 private:
  void begin(const History& history);
  bool add_columns(const Logs& logs);
  std::string table(const History& history) const;
  std::string row(int64_t epoch, const Logs& logs) const;

  std::string path_;
  std::optional<GrowingFile> file_;
  std::vector<std::string> columns_;  // behind the epoch
};

}  // namespace keratin::trainer
