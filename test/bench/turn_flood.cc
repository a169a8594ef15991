// Floods a TURN server with Allocate requests of unknown clients from many loopback addresses.
//   turn_flood SERVER_PORT SOURCES PACKETS_PER_SECOND bare|login
// bare: without credentials; login: with a username, and an invalid integrity and nonce. For
// every line "SECONDS" on its input prints "SENT ANSWERED".
#include <cstring>

#include "source/base/random.h"
#include "source/codec/stun_writer.h"
#include "test/bench/load.h"
#include "test/bench/turn_client.h"

namespace {

using namespace sluice;
using namespace sluice::bench;

constexpr int kReceiveBuffer = 8 << 20;

// 127.32.0.1 and those that follow.
in_addr source(size_t index) {
  const auto host = static_cast<uint32_t>(index / 250 << 8 | (1 + index % 250));
  return ipv4((127u << 24 | 32u << 16) + host, 0).sin_addr;
}

std::vector<uint8_t> request(bool login) {
  std::vector<uint8_t> bytes(stun::kMaxMessage);
  stun::TransactionId id;
  fillRandom(id);
  stun::Writer writer(bytes, stun::kAllocate, stun::Class::kRequest, id);
  writer.addU32(stun::kRequestedTransport, uint32_t{IPPROTO_UDP} << 24);
  if (login) {
    writer.add(stun::kUsername, "2000000000:mallory");
    writer.add(stun::kRealm, "example.org");
    writer.add(stun::kNonce, "obMatJos2gAAAAAAAAAA");
    writer.add(stun::kMessageIntegrity, std::string(20, 'x'));
  }
  bytes.resize(writer.finish().value());
  return bytes;
}

uint64_t drainAll(int fd) {
  static Batch batch;
  uint64_t total = 0;
  for (int n; (n = batch.receive(fd)) > 0;) total += static_cast<uint64_t>(n);
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: turn_flood SERVER_PORT SOURCES PACKETS_PER_SECOND bare|login\n");
    return 2;
  }
  const sockaddr_in server = loopback(std::atoi(argv[1]));
  const auto sources = static_cast<size_t>(std::atoi(argv[2]));
  const std::vector<uint8_t> bytes = request(std::strcmp(argv[4], "login") == 0);
  const int fd = udpSocket(ipv4(INADDR_ANY, 0), kReceiveBuffer);
  std::vector<Outgoing> packets;
  for (size_t i = 0; i < sources; ++i) packets.push_back({source(i), server, bytes});
  uint64_t next = 0;
  const auto send = [&](uint64_t, uint64_t count) {
    const size_t at = next % sources;
    const uint64_t sent = sendFrom(fd, &packets[at], std::min<size_t>(count, sources - at));
    next += sent;
    return sent;
  };
  for (double seconds; std::scanf("%lf", &seconds) == 1;) {
    const Count count = blast(std::atof(argv[3]), seconds, send, [&] { return drainAll(fd); });
    std::printf("%lu %lu\n", count.sent, count.delivered);
    std::fflush(stdout);
  }
}
