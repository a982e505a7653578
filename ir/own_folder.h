// Where this code is installed: what it needs when it runs lies beside it.
#pragma once

#include <string>

namespace keratin {

/// The folder of the shared object that this code is in or, if it is linked into the program, of the program.
std::string own_folder();

}  // namespace keratin
