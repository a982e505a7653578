#include <algorithm>

#include "runtime/trainer/dataset.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/image_folder.h"
#include "runtime/trainer/label_targets.h"
#include "runtime/trainer/sample_checks.h"
#include "runtime/trainer/shuffle.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

/// The folder's images in another order.
ImageFolder reordered(const ImageFolder& folder, const std::vector<int64_t>& order) {
  ImageFolder other{.files = {}, .labels = {}, .classes = folder.classes};
  for (const int64_t i : order) {
    other.files.push_back(folder.files[static_cast<size_t>(i)]);
    other.labels.push_back(folder.labels[static_cast<size_t>(i)]);
  }
  return other;
}

/// Folders are counted, so one too few would make other classes of all behind it.
void check_classes(const ImageFolder& folder, const Signature& target, const Encoding& known,
                   const std::string& path) {
  if (folder.classes.empty())
    fail_data("has no folders of classes", path, "it has a folder for each class, named as the class");
  const std::string found = cat("folders are ", join(folder.classes, ", "));
  if (!known.labels.empty() && known.labels[0].classes != folder.classes)
    fail_data(cat("has other classes than those that were learned: ", join(known.labels[0].classes, ", ")),
              path, found);
  const int64_t wanted = class_count(target);
  if (wanted == static_cast<int64_t>(folder.classes.size())) return;
  if (wanted == 0)
    fail_data(cat("has classes, and the model's target is ", batch_shape_text(target.shape)), path);
  fail_data(cat("has ", counted(static_cast<int64_t>(folder.classes.size()), "folder"),
                ", one a class, and the model has ", wanted, " classes"),
            path, cat(found, "; a class without images is an empty folder"));
}

}  // namespace

Dataset read_image_dataset(const std::string& path, const TrainableInfo& model, Needs needs,
                           const Encoding& known) {
  const bool with_targets = needs == Needs::inputs_and_targets;
  if (model.inputs.size() != 1 || (with_targets && model.targets.size() != 1))
    throw Error(ErrorKind::usage, "a folder of images serves models with one input and one target", path,
                "write a .npz with an array x:NAME for each input and y:NAME for each target");
  ImageFolder folder = read_image_folder(path);
  const auto samples = static_cast<int64_t>(folder.files.size());
  Dataset data{.where = path, .samples = samples};
  if (with_targets) {
    check_classes(folder, model.targets[0], known, path);
    data.encoding.labels = {{"", folder.classes}};
    folder = reordered(folder, shuffled(samples, 0, 0));
    Array labels(DType::i64, {samples});
    std::copy(folder.labels.begin(), folder.labels.end(), reinterpret_cast<int64_t*>(labels.mutable_data()));
    data.targets.push_back(class_targets(labels, model.targets[0]));
    data.weights.resize(model.weights.size());
  }
  data.inputs.push_back(image_column(std::move(folder.files), model.inputs[0], path));
  return data;
}

}  // namespace keratin::trainer
