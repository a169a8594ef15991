// The format of log lines.
#pragma once

#include <spdlog/formatter.h>

#include <memory>

namespace sluice::log {

// "2026-11-29T17:00:00.123+01:00 info  [thread] message": local time in ISO 8601 with its offset from UTC. A
// multi-line message becomes several log lines, each with its time.
std::unique_ptr<spdlog::formatter> makeFormatter();

}  // namespace sluice::log
