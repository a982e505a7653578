// HDF5 files, as far as Keras uses them. They are parsed by the helper process keratin-h5 (frontend/h5_helper_main.c)
// because libhdf5 does not survive malformed ones; its answer is checked here byte by byte.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/tensor.h"

namespace keratin {

struct H5File {
  using Attributes = std::map<std::string, std::vector<std::string>, std::less<>>;

  std::map<std::string, Tensor, std::less<>> datasets;  ///< by path: "layers/dense/vars/0"
  std::map<std::string, std::string, std::less<>>
      skipped;  ///< datasets that hold no numbers: path → what they are
  std::map<std::string, Attributes, std::less<>>
      attributes;  ///< by the path of group or dataset; the root's is ""

  /// The attribute `name` of `path`; null if absent.
  const std::vector<std::string>* attribute(std::string_view path, std::string_view name) const;
  /// The same for one text: null also for a list of none or several.
  const std::string* text(std::string_view path, std::string_view name) const;
  /// A list of names, put together from name0, name1, … where it was too long for one attribute; empty if absent.
  std::vector<std::string> names(std::string_view path, std::string_view name) const;
};

bool is_h5(std::string_view bytes);  ///< begins like one

/// Throws Error(data) with `where` if the file is malformed, uses what is refused (links to other files, virtual
/// datasets) or takes the helper too much memory or time; Error(no_input) if the helper is not installed.
H5File parse_h5(std::string_view bytes, const std::string& where);

}  // namespace keratin
