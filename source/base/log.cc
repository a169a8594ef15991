#include "source/base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <string>

#include "source/base/log_format.h"

namespace sluice::log {
namespace {

spdlog::level::level_enum toSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::off;
}

}  // namespace

bool isEnabled(Level level) {
  return spdlog::should_log(toSpdlog(level));
}

void write(Level level, fmt::string_view format, fmt::format_args args) {
  if (isEnabled(level)) spdlog::log(toSpdlog(level), fmt::vformat(format, args));
}

void init() {
  auto logger = spdlog::stderr_color_mt("sluice");
  logger->set_formatter(makeFormatter());
  spdlog::set_default_logger(std::move(logger));
}

bool setLevel(std::string_view level) {
  const auto parsed = spdlog::level::from_str(std::string(level));
  if (parsed == spdlog::level::off && level != "off") return false;
  spdlog::set_level(parsed);
  return true;
}

std::string_view level() {
  const auto name = spdlog::level::to_string_view(spdlog::get_level());
  return {name.data(), name.size()};
}

}  // namespace sluice::log
