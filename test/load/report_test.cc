#include "source/load/report.h"

#include <doctest/doctest.h>

#include <cstdio>

#include "source/load/live_table.h"

namespace sluice::load {
namespace {

std::string drawn(bool terminal, int times) {
  std::FILE* file = std::tmpfile();
  LiveTable table(file, terminal);
  Totals totals;
  for (int i = 1; i <= times; ++i) {
    totals.sent += 100;
    totals.received += 300;
    totals.latency.record(2ms);
    table.show(totals, 4, 5);
  }
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST_CASE("LatencyHistogram: quantiles match the recorded values, within a step") {
  LatencyHistogram histogram;
  CHECK(histogram.quantileMs(0.5) == 0);
  for (int i = 1; i <= 100; ++i) histogram.record(std::chrono::milliseconds{i});
  CHECK(histogram.quantileMs(0.5) == doctest::Approx(51).epsilon(0.01));
  CHECK(histogram.quantileMs(0.99) == doctest::Approx(100).epsilon(0.01));
  CHECK(histogram.maxMs() == 100);
}

TEST_CASE(
    "SpeakerReception: a packet is new, out of order or a duplicate; the span includes missing packets") {
  SpeakerReception reception;
  using Verdict = SpeakerReception::Verdict;
  CHECK(reception.onPacket(3) == Verdict::kNew);
  CHECK(reception.onPacket(5) == Verdict::kNew);
  CHECK(reception.onPacket(4) == Verdict::kOutOfOrder);
  CHECK(reception.onPacket(4) == Verdict::kDuplicate);
  CHECK(reception.onPacket(9) == Verdict::kNew);
  CHECK(reception.received() == 4);
  CHECK(reception.span() == 7);
}

TEST_CASE("LiveTable: without a terminal it prints a plain line per second") {
  CHECK(drawn(false, 2) ==
        "connected 4/5 sent 100 (+100) received 300 (+300) integrity errors 0 p50 2.01 ms p99 2.01 ms\n"
        "connected 4/5 sent 200 (+100) received 600 (+300) integrity errors 0 p50 2.01 ms p99 2.01 ms\n");
}

TEST_CASE("LiveTable: on a terminal it redraws the table over the previous one") {
  const std::string text = drawn(true, 2);
  const size_t second = text.find("\033[8A\033[J");
  REQUIRE(second != std::string::npos);
  CHECK(text.find("\033[", second + 7) == std::string::npos);
  CHECK(text.substr(0, second).find("packets sent") != std::string::npos);
  CHECK(text.substr(second).find("4/5") != std::string::npos);
}

}  // namespace
}  // namespace sluice::load
