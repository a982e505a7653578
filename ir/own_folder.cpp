#include "ir/own_folder.h"

#include <dlfcn.h>
#include <sys/auxv.h>

#include <filesystem>
#include <system_error>

namespace keratin {

std::string own_folder() {
  namespace fs = std::filesystem;
  std::error_code ignored;
  Dl_info own, program;
  const bool known = dladdr(reinterpret_cast<const void*>(&own_folder), &own) != 0 &&
                     dladdr(reinterpret_cast<const void*>(getauxval(AT_ENTRY)), &program) != 0;
  // Of the program dladdr says what it was called as, which may be found anywhere.
  if (known && own.dli_fbase != program.dli_fbase)
    return fs::canonical(own.dli_fname, ignored).parent_path().string();
  return fs::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

}  // namespace keratin
