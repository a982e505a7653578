#include "tools/command.h"

int main(int argc, char** argv) { return keratin::run_command_line(argc, argv); }
