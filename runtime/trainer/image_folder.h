// Folders of images, one for each class, as keras.utils.image_dataset_from_directory reads them.
#pragma once

#include <string>
#include <vector>

#include "runtime/trainer/column.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

bool is_folder(const std::string& path);

struct ImageFolder {
  std::vector<std::string> files;  ///< class by class, in each by name
  std::vector<int64_t>
      labels;  ///< of the files, numbers of classes; none if the images lie in no folders of classes
  std::vector<std::string> classes;  ///< the folders' names, sorted
};

/// All images in the folder's folders and below, or, if it has no folders, in it. All begin as images do that can be read;
/// whether they are whole shows when they are. Throws Error(no_input) or Error(data).
ImageFolder read_image_folder(const std::string& path);

/// Images as an input takes them: of its height, width and channels. Throws Error(usage) if it takes none.
Column image_column(std::vector<std::string> files, const Signature& input, const std::string& where);

}  // namespace keratin::trainer
