// A day of a TURN server in virtual time: clients come and go in every possible way, and leave nothing
// behind.
#include <doctest/doctest.h>

#include <memory>

#include "filters/stun_turn/turn_process.h"
#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

// A small deterministic generator: the day is the same each time.
class Dice {
 public:
  uint32_t roll(uint32_t sides) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33) % sides;
  }

 private:
  uint64_t state_ = 42;
};

struct Guest {
  std::unique_ptr<TurnClient> client;
  bool forgetful;  // never refreshes
  Instant leaves;
};

constexpr int kUsers = 300;

struct Day {
  explicit Day(const std::string& relays)
      : server(kBothFamilies + "min_port: 50000 max_port: 50999 max_bandwidth_per_user_bps: 1000000 " +
               relays) {
    for (int i = 0; i < kUsers; ++i) server.users["user" + std::to_string(i)] = "a user's password";
  }

  TurnServer server;
  Dice dice;
  std::vector<Guest> guests;
  int allocated = 0, refreshed = 0, expired = 0, relayed = 0;

  std::string somePeer() {
    const std::string port = std::to_string(7000 + dice.roll(3));
    if (dice.roll(3) == 0) return "[2a01:4f8::" + std::to_string(1 + dice.roll(20)) + "]:" + port;
    return "203.0.113." + std::to_string(1 + dice.roll(20)) + ":" + port;
  }

  Attributes wishes() {
    Attributes attributes;
    switch (dice.roll(5)) {
      case 0:
        attributes.push_back(family(kIpv6));
        break;
      case 1:
        attributes.push_back(family(kIpv6, stun::kAdditionalAddressFamily));
        break;
      case 2:
        attributes.push_back(evenPort(dice.roll(2) == 0));
        break;
      default:
        break;
    }
    if (dice.roll(2) == 0) attributes.push_back(lifetime(600 + dice.roll(3600)));
    return attributes;
  }

  void arrive(int number) {
    const std::string address =
        "192.0." + std::to_string(number / 250 % 250) + "." + std::to_string(number % 250) + ":5000";
    const User user{"user" + std::to_string(number % kUsers), "a user's password"};
    auto client = std::make_unique<TurnClient>(server, address, user);
    const Response response = client->tryAllocate(wishes());
    REQUIRE(response.code() == kSuccess);
    client->relayed = response.addresses(stun::kXorRelayedAddress);
    ++allocated;
    guests.push_back({std::move(client), dice.roll(3) == 0, server.clock.now() + 60s * dice.roll(120)});
  }

  void live(Guest& guest) {
    TurnClient& client = *guest.client;
    const std::string peer = somePeer();
    const auto channel = static_cast<uint16_t>(0x4000 + dice.roll(8));
    if (dice.roll(2) == 0) client.permit({peer});
    if (dice.roll(2) == 0) client.bind(channel, peer);
    if (dice.roll(50) == 0) client.refresh({lifetime(0), family(dice.roll(2) == 0 ? kIpv4 : kIpv6)});
    relayed += flows(server, client, peer) == "both";
    relayed += flows(server, client, channel, peer) == "both";
    if (!guest.forgetful && dice.roll(3) > 0) refreshed += client.refresh().code() == kSuccess;
    client.forgetReceived();
    server.forgetSent();
  }

  // The runtime ends a session that nothing keeps alive.
  bool ended(Guest& guest) {
    TurnClient& client = *guest.client;
    if (client.chain.session.alive_until <= server.clock.now()) {
      ++expired;
      return true;
    }
    if (guest.leaves > server.clock.now()) return false;
    if (dice.roll(2) == 0) client.refresh({lifetime(0)});  // otherwise it vanishes with its session
    return true;
  }
};

TEST_CASE(
    "a day of clients that come and go leaves no port, no user, no reservation, no timer and no packet") {
  std::string relays;
  size_t ports_that_stay = 0;
  SUBCASE("separate ports") {}
  SUBCASE("shared ports") {
    relays = "relays: SHARED ";
    ports_that_stay = 16;  // eight of each family
  }
  Day day(relays);
  const size_t timers = day.server.worker.timers().size();
  int number = 0;
  for (int minute = 0; minute < 24 * 60; ++minute) {
    for (uint32_t i = day.dice.roll(4); i > 0; --i) day.arrive(++number);
    for (Guest& guest : day.guests)
      if (day.dice.roll(6) == 0) day.live(guest);
    std::erase_if(day.guests, [&](Guest& guest) { return day.ended(guest); });
    day.server.advance(1min);
  }
  CHECK(day.allocated > 1500);
  CHECK(day.refreshed > 1000);
  CHECK(day.expired > 100);
  CHECK(day.relayed > 1000);
  CHECK(day.server.network().open_ports() > 0);

  day.server.advance(2h);
  const auto process = day.server.process.get<stun_turn::TurnProcess>();
  CHECK(process->allocations() == 0);  // with the sessions still open
  CHECK(process->accounts() == 0);
  CHECK(process->reservations() == 0);
  CHECK(day.server.network().open_ports() == ports_that_stay);
  day.guests.clear();
  CHECK(day.server.network().open_ports() == ports_that_stay);
  CHECK(day.server.network().reserved_ports() == 0);
  CHECK(day.server.worker.timers().size() == timers);
  CHECK(day.server.worker.pool().unaccounted() == 0);
  CHECK(day.server.worker.posted.empty());
}

}  // namespace
}  // namespace sluice::test
