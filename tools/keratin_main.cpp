#include <csignal>

#include "tools/command.h"

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error like any other
  return keratin::run_command_line(argc, argv);
}
