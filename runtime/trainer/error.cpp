#include "runtime/trainer/error.h"

#include <utility>

namespace keratin::trainer {

Error::Error(ErrorKind kind, std::string message, std::string where, std::string hint) : kind_(kind) {
  text_ = where.empty() ? std::move(message) : where + ": " + message;
  if (!hint.empty()) text_ += "\nhint: " + hint;
}

}  // namespace keratin::trainer
