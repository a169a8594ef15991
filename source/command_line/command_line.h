// The common part of the programs' command lines: --version, and errors in plain words.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <variant>
#include <vector>

#include "source/command_line/ending.h"

namespace sluice::command_line {

// "a, b or c".
std::string listOf(const std::vector<std::string>& words);
// Accepts these words only.
CLI::Validator oneOf(const std::vector<std::string>& words);

// Parses into the options of `app`, whose name is that of the program, and adds --version. Throws
// CLI::ParseError, which end() turns into an Ending. An unknown flag is reported before a required one that
// is missing.
void parse(CLI::App& app, int argc, const char* const* argv);
Ending end(const CLI::App& app, const CLI::ParseError& error);

}  // namespace sluice::command_line
