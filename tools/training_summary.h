// What training a model takes.
#pragma once

#include <string>

#include "tools/command.h"

namespace keratin {

/// Loss and metrics, what is trained, optimizer slots, and the memory that a step is planned to need. Throws Error.
std::string training_summary(const Arguments& arguments);

}  // namespace keratin
