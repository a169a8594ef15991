// Sends datagrams from many flows at a steady rate to a relay and counts what arrives at a sink.
//   udp_blast RELAY_PORT SINK_PORT FLOWS BYTES PACKETS_PER_SECOND SECONDS
// Prints "SENT DELIVERED".
#include <sys/resource.h>

#include <vector>

#include "test/bench/load.h"

using namespace sluice::bench;

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: udp_blast RELAY_PORT SINK_PORT FLOWS BYTES PACKETS_PER_SECOND SECONDS\n");
    return 2;
  }
  constexpr int kReceiveBuffer = 8 << 20;
  const sockaddr_in relay = loopback(std::atoi(argv[1]));
  const int sink = udpSocket(loopback(std::atoi(argv[2])), kReceiveBuffer);
  const auto count = static_cast<size_t>(std::atoi(argv[3]));
  const std::vector<char> payload(static_cast<size_t>(std::atoi(argv[4])), 'v');
  rlimit files{65'536, 65'536};
  setrlimit(RLIMIT_NOFILE, &files);

  std::vector<int> flows;
  for (size_t i = 0; i < count; ++i) {
    flows.push_back(udpSocket(loopback(0), kReceiveBuffer));
    if (connect(flows.back(), reinterpret_cast<const sockaddr*>(&relay), sizeof relay) != 0) return 1;
  }
  const auto send_some = [&](uint64_t first, uint64_t number) {
    uint64_t sent = 0;
    for (uint64_t i = 0; i < number; ++i)
      sent += send(flows[(first + i) % count], payload.data(), payload.size(), 0) > 0;
    return sent;
  };
  const Count result =
      blast(std::atof(argv[5]), std::atof(argv[6]), send_some, [&] { return drain(sink, payload.size()); });
  std::printf("%lu %lu\n", result.sent, result.delivered);
}
