// The reason for which a program ends at once.
#pragma once

#include <string>

namespace sluice::command_line {

// --help, --version or a wrong flag.
struct Ending {
  int exit_code = 0;  // 0 or 2
  std::string text;
};

// Prints the text, to standard error if the exit code is not 0, and returns the exit code.
int finish(const Ending& ending);

}  // namespace sluice::command_line
