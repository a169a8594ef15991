#include "source/base/log_format.h"

#include <doctest/doctest.h>
#include <spdlog/details/log_msg.h>

#include <regex>

using namespace sluice;

namespace {

std::string formatted(const std::string& message) {
  spdlog::memory_buf_t out;
  log::makeFormatter()->format({"sluice", spdlog::level::err, message}, out);
  return {out.data(), out.size()};
}

const std::string kTime = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d error \[\d+\] )";

}  // namespace

TEST_CASE("a log line begins with the ISO 8601 time and its time zone") {
  CHECK(std::regex_match(formatted("refused"), std::regex(kTime + "refused\n")));
}

TEST_CASE("every line of a multi-line message begins with the time") {
  CHECK(std::regex_match(formatted("a\nb\nc"), std::regex(kTime + "a\n" + kTime + "b\n" + kTime + "c\n")));
  CHECK(std::regex_match(formatted("a\n"), std::regex(kTime + "a\n")));
}
