#include "source/base/log_format.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>

#include <string_view>

namespace sluice::log {
namespace {

constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ [%t] %v";

class LineFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    std::string_view rest(message.payload.data(), message.payload.size());
    for (bool more = true; more;) {
      const size_t end = rest.find('\n');
      more = end != std::string_view::npos && end + 1 < rest.size();
      spdlog::details::log_msg line = message;
      line.payload = {rest.data(), end == std::string_view::npos ? rest.size() : end};
      line_.format(line, out);
      message.color_range_start = line.color_range_start;
      message.color_range_end = line.color_range_end;
      if (more) rest.remove_prefix(end + 1);
    }
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LineFormatter>(); }

 private:
  spdlog::pattern_formatter line_{kPattern};
};

}  // namespace

std::unique_ptr<spdlog::formatter> makeFormatter() {
  return std::make_unique<LineFormatter>();
}

}  // namespace sluice::log
