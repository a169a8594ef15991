#include "filters/stun_turn/relay_table.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace sluice::stun_turn {
namespace {

net::Address at(const std::string& text) {
  return *net::Address::parse(text);
}

TEST_CASE("RelayTable: contains the relays that were added and not removed, by address and port") {
  RelayTable table;
  CHECK_FALSE(table.has(at("192.0.2.1:50000")));
  for (const char* relay : {"192.0.2.1:50000", "192.0.2.1:65535", "192.0.2.2:1", "[2001:db8::1]:50000"}) {
    table.add(at(relay));
    CHECK(table.has(at(relay)));
  }
  for (const char* other : {"192.0.2.1:50001", "192.0.2.1:65534", "192.0.2.2:50000", "[2001:db8::2]:50000"})
    CHECK_FALSE(table.has(at(other)));
  table.remove(at("192.0.2.1:50000"));
  CHECK_FALSE(table.has(at("192.0.2.1:50000")));
  CHECK(table.has(at("192.0.2.1:65535")));
}

TEST_CASE("workers add, remove and look up at the same time") {
  RelayTable table;
  std::vector<std::thread> workers;
  for (uint16_t worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&table, worker] {
      for (int ip = 1; ip < 9; ++ip) {
        for (int port = worker; port < 4096; port += 4) {
          const auto relay = at("192.0.2." + std::to_string(ip) + ":" + std::to_string(50'000 + port));
          table.add(relay);
          CHECK(table.has(relay));
          if (port % 8 < 4) table.remove(relay);
        }
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (int port = 0; port < 4096; ++port)
    CHECK(table.has(at("192.0.2.8:" + std::to_string(50'000 + port))) == (port % 8 >= 4));
}

}  // namespace
}  // namespace sluice::stun_turn
