// Datagrams to the socket that queries a STUN server for the external address. An input is a list of (kind,
// size, bytes); responses get the query's transaction id and a right FINGERPRINT, so that the code behind
// these checks is reached.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "source/codec/stun_writer.h"
#include "source/reload/nat_probe.h"
#include "test/fuzz/input.h"
#include "test/support/harness.h"

namespace {

using namespace sluice;

// A message with these bytes as its attributes.
std::vector<uint8_t> responseTo(Bytes query, uint8_t kind, Bytes attributes) {
  std::vector<uint8_t> bytes(net::Packet::kMaxPayload);
  const auto request = stun::parse(query);
  if (!request) std::abort();
  stun::Writer writer(bytes, stun::kBinding, (kind & 8) != 0 ? stun::Class::kError : stun::Class::kSuccess,
                      request->id);
  fuzz::Input input(attributes.data(), attributes.size());
  while (!input.atEnd()) {
    const uint16_t type = input.u16();
    writer.add(type, input.bytes(64));
  }
  writer.addFingerprint();
  bytes.resize(writer.finish().value_or(0));
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const bool v6 = (input.u8() & 1) != 0;
  const net::Address local = *net::Address::parseIp(v6 ? "2001:db8::7" : "192.0.2.7");
  const net::Address server = *net::Address::parse(v6 ? "[2001:db8::1]:3478" : "198.51.100.1:3478");
  ManualClock clock;
  test::FakeWorker worker(clock);
  net::Address external;
  {
    reload::NatProbe probe(
        worker.network(), worker.pool(), worker.timers(),
        {.local = local, .server = server, .interval = 30s, .found = [&](const auto& found) {
           external = found;
         }});
    while (!input.atEnd()) {
      const uint8_t kind = input.u8();
      const Bytes bytes = input.bytes(net::Packet::kMaxPayload);
      const net::Address from = (kind & 4) != 0 ? local : server;
      const Bytes query = worker.network().sent.back().data;
      switch (kind & 3) {
        case 0:
          worker.network().deliver(from, worker.network().lastOpened(), bytes);
          break;
        case 1:
          clock.advance(std::chrono::milliseconds{kind * 100});
          worker.timers().run();
          break;
        default:
          worker.network().deliver(from, worker.network().lastOpened(), responseTo(query, kind, bytes));
      }
    }
  }
  if (external.isSet() && external.ip().size() != local.ip().size()) std::abort();
  if (worker.pool().unaccounted() != 0) std::abort();
  return 0;
}
