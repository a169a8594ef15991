#include "source/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <string>

#include "source/base/log_format.h"

namespace sluice::log {

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
