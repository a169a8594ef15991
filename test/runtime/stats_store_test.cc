#include "source/runtime/stats_store.h"

#include <doctest/doctest.h>

namespace sluice::runtime {
namespace {

constexpr std::string_view kDrops[] = {"late"};

chain::FilterType typeNamed(std::string_view name, bool sockets) {
  return {.name = name,
          .config_type = {},
          .schema = {.drops = kDrops, .counters = {}, .histograms = {}, .sockets = sockets},
          .parse = {}};
}

std::string shown(const StatsStore& store) {
  stats::Samples samples;
  store.collect(samples);
  return samples.toText(false);
}

TEST_CASE("StatsStore: sockets that a filter opened are summed over workers") {
  StatsStore store(2);
  const auto type = typeNamed("forward", true);
  const auto blocks = store.filter("l", "c", "", "up", type, nullptr);
  REQUIRE(blocks.size() == 2);
  for (stats::FilterStats* block : blocks) {
    REQUIRE(block->sockets != nullptr);
    block->sockets->sent.add(3);
    block->sockets->received_bytes.add(160);
    block->sockets->truncated.add();
    block->sockets->pool_exhausted.add();
  }
  const std::string text = shown(store);
  CAPTURE(text);
  const std::string labels = "listener=l,chain=c,filter=up";
  CHECK(text.find("sluice_filter_socket_packets_total{" + labels + ",direction=out} 6\n") != text.npos);
  CHECK(text.find("sluice_filter_socket_bytes_total{" + labels + ",direction=in} 320\n") != text.npos);
  CHECK(text.find("sluice_filter_socket_drops_total{" + labels + ",reason=truncated} 2\n") != text.npos);
  CHECK(text.find("sluice_filter_socket_receive_stalls_total{" + labels + "} 2\n") != text.npos);
}

TEST_CASE("StatsStore: a filter without sockets has no socket metrics") {
  StatsStore store(1);
  const auto type = typeNamed("marker", false);
  const auto blocks = store.filter("l", "c", "", "m", type, nullptr);
  CHECK(blocks[0]->sockets == nullptr);
  stats::Samples samples;
  store.collect(samples);
  CHECK(samples.toText(true).find("socket") == std::string::npos);
}

TEST_CASE("StatsStore: a name keeps its counters over reloads, also when its filter type changes") {
  StatsStore store(1);
  const auto first = typeNamed("marker", false);
  const auto second = typeNamed("pacer", false);
  const auto block = store.filter("l", "c", "", "m", first, nullptr)[0];
  block->drops[0].add(2);
  CHECK(store.filter("l", "c", "", "m", first, nullptr)[0] == block);
  store.filter("l", "c", "", "m", second, nullptr)[0]->drops[0].add(3);
  CHECK(shown(store).find("sluice_filter_drops_total{listener=l,chain=c,filter=m,reason=late} 5\n") !=
        std::string::npos);
}

}  // namespace
}  // namespace sluice::runtime
