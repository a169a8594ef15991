#include "source/net/hairpin.h"

#include <doctest/doctest.h>

#include <string>

#include "source/net/packet_pool.h"

namespace sluice::net {
namespace {

const Address kListener = *Address::parse("192.0.2.1:3478");
const Address kRelay = *Address::parse("192.0.2.1:50000");

struct Port final : UdpReceiver {
  std::string received;
  std::function<void()> then;
  void onPacket(PacketPtr&& packet) override {
    received += std::string(asText(packet->data())) + " from " + packet->remote.toString() + "; ";
    packet->settle();
    packet.reset();
    if (then) then();
  }
};

struct Fixture {
  PacketPool pool{64};
  int scheduled = 0;
  Hairpin hairpin{[this] { ++scheduled; }};
  Port port;

  void send(const Address& from, const Address& to, std::string_view data) {
    PacketPtr packet = pool.acquire();
    packet->assign(asBytes(data));
    packet->remote = from;
    packet->local = to;
    hairpin.send(std::move(packet));
  }
};

TEST_CASE("Hairpin: datagrams arrive at the end of the iteration, in order, after one call for it") {
  Fixture f;
  f.hairpin.add(kListener, f.port);
  f.send(kRelay, kListener, "one");
  f.send(kRelay, kListener, "two");
  CHECK(f.port.received.empty());
  CHECK(f.scheduled == 1);
  f.hairpin.deliver();
  CHECK(f.port.received == "one from 192.0.2.1:50000; two from 192.0.2.1:50000; ");
  CHECK(f.pool.unaccounted() == 0);
}

TEST_CASE("Hairpin: datagrams that a datagram causes are delivered in the same iteration") {
  Fixture f;
  Port relay;
  f.hairpin.add(kListener, f.port);
  f.hairpin.add(kRelay, relay);
  f.port.then = [&] { f.send(kListener, kRelay, "answer"); };
  f.send(kRelay, kListener, "question");
  f.hairpin.deliver();
  CHECK(relay.received == "answer from 192.0.2.1:3478; ");
  CHECK(f.scheduled == 1);
}

TEST_CASE("Hairpin: datagrams to a port that closes are discarded") {
  Fixture f;
  f.hairpin.add(kListener, f.port);
  f.send(kRelay, kListener, "too late");
  f.hairpin.remove(kListener);
  CHECK_FALSE(f.hairpin.has(kListener));
  f.hairpin.deliver();
  CHECK(f.port.received.empty());
  CHECK(f.pool.unaccounted() == 0);
}

TEST_CASE("Hairpin: a wildcard port matches only this machine's addresses") {
  Fixture f;
  int group = 0;
  f.hairpin.add(*Address::parse("0.0.0.0:3478"), f.port, &group);
  CHECK_FALSE(f.hairpin.has(kListener));
  const uint64_t version = f.hairpin.version();
  f.hairpin.setMachineAddresses({kListener.withPort(0)});
  CHECK(f.hairpin.version() != version);
  CHECK(f.hairpin.groupOf(kListener) == &group);
  CHECK_FALSE(f.hairpin.has(*Address::parse("8.8.8.8:3478")));
  CHECK_FALSE(f.hairpin.has(kListener.withPort(53)));
}

}  // namespace
}  // namespace sluice::net
