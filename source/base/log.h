// Logging for the control path. Levels: trace debug info warn error off. The data path logs nothing above
// debug, and debug only on a change of state, never per packet. No secret is ever logged.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace sluice::log {

enum class Level { kDebug, kInfo, kWarn, kError };
bool isEnabled(Level level);

// Not a template, so that a caller compiles neither the formatting nor the logging library.
void write(Level level, fmt::string_view format, fmt::format_args args);

template <typename... Args>
void debug(fmt::format_string<Args...> format, const Args&... args) {
  write(Level::kDebug, format, fmt::make_format_args(args...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, const Args&... args) {
  write(Level::kInfo, format, fmt::make_format_args(args...));
}
template <typename... Args>
void warn(fmt::format_string<Args...> format, const Args&... args) {
  write(Level::kWarn, format, fmt::make_format_args(args...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, const Args&... args) {
  write(Level::kError, format, fmt::make_format_args(args...));
}

// Sends log lines to standard error, with time, level and thread.
void init();

// False when `level` is not one of the names above.
bool setLevel(std::string_view level);
std::string_view level();

}  // namespace sluice::log
