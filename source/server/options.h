// The command line.
#pragma once

#include <optional>
#include <string>

namespace sluice::server {

struct Options {
  enum class Mode { kServe, kValidate, kDiff };

  std::string config;
  Mode mode = Mode::kServe;
  std::string against;  // of kDiff: "http://host:port"
  std::optional<unsigned> concurrency;
  bool takeover = false;
  std::string log_level = "info";
};

// Nothing when the process should end now with `exit_code` (help was asked for, or a flag is wrong).
std::optional<Options> parseOptions(int argc, char** argv, int& exit_code);

}  // namespace sluice::server
