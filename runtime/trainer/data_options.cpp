#include "runtime/trainer/data_options.h"

namespace keratin::trainer {

Dataset read_data(const Arguments& arguments, std::string_view option, const TrainableInfo& model,
                  Needs needs) {
  return read_dataset(arguments.get_all(option), model, needs, arguments.get("label"));
}

int64_t batch_size(const Arguments& arguments) { return arguments.get_int("batch-size", 32, 1, INT64_MAX); }

}  // namespace keratin::trainer
