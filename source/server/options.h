// The command line.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "source/command_line/ending.h"

namespace sluice::server {

struct Options {
  enum class Mode { kServe, kValidate, kDiff };

  std::string config;
  Mode mode = Mode::kServe;
  std::string against;  // for kDiff: "http://host:port"
  std::optional<unsigned> concurrency;
  bool takeover = false;
  std::string log_level = "info";
};

std::variant<Options, command_line::Ending> parseOptions(int argc, const char* const* argv);

}  // namespace sluice::server
