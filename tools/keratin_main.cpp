#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tools/command.h"

namespace {

/// To ask for more memory than there is becomes an error; otherwise the system would end this process, or another.
void limit_memory() {
#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes
  rlimit limit;
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0 || getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, static_cast<rlim_t>(pages) * static_cast<rlim_t>(page));
  setrlimit(RLIMIT_DATA, &limit);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error like any other
  limit_memory();
  return keratin::run_command_line(argc, argv);
}
