// Binding requests of NAT behaviour discovery (RFC 5780), and the responses to them. The first byte of an
// input chooses the address that received the request; the rest is the request.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "filters/stun_turn/nat_discovery.h"

namespace {

using namespace sluice;

constexpr size_t kLimit = 500;

bool isOurs(const net::Address& address, const std::array<net::Address, 4>& ours) {
  return std::find(ours.begin(), ours.end(), address) != ours.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const net::Address first = *net::Address::parse("198.51.100.1:3478");
  const net::Address second = *net::Address::parse("198.51.100.2:3479");
  const net::Address client = *net::Address::parse("203.0.113.9:9999");
  const std::array<net::Address, 4> ours{first, first.withPort(second.port()), second,
                                         second.withPort(first.port())};
  const auto request = stun::parse(Bytes(data + 1, size - 1));
  if (!request) return 0;
  const stun_turn::NatDiscovery discovery{.primary = first, .other = second};
  const net::Address& local = ours[data[0] % ours.size()];
  const auto reply = discovery.plan(*request, client, local);
  if (!isOurs(reply.from, ours) || !isOurs(reply.other, ours)) std::abort();
  if (reply.to.withPort(0) != client.withPort(0)) std::abort();
  if (reply.elsewhere != (reply.from != local || reply.to != client)) std::abort();
  std::array<uint8_t, kLimit> buffer{};
  stun::Writer writer(buffer, stun::kBinding, stun::Class::kSuccess, request->id);
  stun_turn::NatDiscovery::addTo(writer, reply, client, kLimit);
  const auto written = writer.finish();
  if (!written || !stun::parse(Bytes(buffer).first(*written))) std::abort();
  return 0;
}
