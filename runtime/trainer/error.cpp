#include "runtime/trainer/error.h"

#include <utility>

namespace keratin::trainer {

Error::Error(ErrorKind kind, std::string message, std::string where, std::string hint)
    : kind_(kind), message_(std::move(message)), where_(std::move(where)), hint_(std::move(hint)) {
  text_ = where_.empty() ? message_ : where_ + ": " + message_;
  if (!hint_.empty()) text_ += "\nhint: " + hint_;
}

}  // namespace keratin::trainer
