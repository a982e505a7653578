#include "runtime/trainer/dataset.h"

#include "runtime/trainer/csv.h"
#include "runtime/trainer/image_folder.h"

namespace keratin::trainer {

Dataset Dataset::rows(int64_t begin, int64_t end) const {
  Dataset part{where, end - begin, {}, {}, {}, encoding};
  for (const Column& column : inputs) part.inputs.push_back(column.rows(begin, end));
  for (const Array& array : targets) part.targets.push_back(array.rows(begin, end));
  for (const std::vector<float>& all : weights) {
    const int64_t each = static_cast<int64_t>(all.size()) / samples;
    part.weights.emplace_back(all.begin() + begin * each, all.begin() + end * each);
  }
  return part;
}

Dataset read_dataset(const std::vector<std::string>& files, const TrainableInfo& model, Needs needs,
                     const TableOptions& options, const Encoding& known) {
  if (files.size() == 1 && is_table(files[0]))
    return read_table_dataset(files[0], model, needs, options, known);
  if (files.size() == 1 && is_folder(files[0])) return read_image_dataset(files[0], model, needs, known);
  return read_array_dataset(files, model, needs);
}

}  // namespace keratin::trainer
