#include "source/base/log.h"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

using namespace sluice;

TEST_CASE("a line is formatted once and only from the configured level on") {
  std::ostringstream out;
  auto logger =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  logger->set_pattern("%l %v");
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::move(logger));
  REQUIRE(log::setLevel("info"));
  log::debug("not shown");
  log::info("player {}: {} packets", std::string("{0}"), 3);
  log::error("lost");
  CHECK(out.str() == "info player {0}: 3 packets\nerror lost\n");
  CHECK_FALSE(log::isEnabled(log::Level::kDebug));
  CHECK(log::isEnabled(log::Level::kInfo));
  CHECK(log::level() == "info");
  spdlog::set_default_logger(before);
}

TEST_CASE("an unknown level is refused") {
  CHECK_FALSE(log::setLevel("loud"));
  CHECK(log::setLevel("off"));
  CHECK_FALSE(log::isEnabled(log::Level::kError));
}
