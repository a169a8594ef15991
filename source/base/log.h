// Logging for the control path. Levels: trace debug info warn error off. The data path logs nothing above
// debug, and debug only on a change of state, never per packet. No secret is ever logged.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

namespace sluice::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::trace;
using spdlog::warn;

// Sends log lines to standard error, with time, level and thread.
void init();

// False when `level` is not one of the names above.
bool setLevel(std::string_view level);
std::string_view level();

}  // namespace sluice::log
