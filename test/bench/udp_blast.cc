// Sends datagrams from many flows at a steady rate to a relay and counts what comes out at a sink.
//   udp_blast RELAY_PORT SINK_PORT FLOWS BYTES PACKETS_PER_SECOND SECONDS
// Prints "SENT DELIVERED".
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned kBatch = 64;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int udpSocket(int port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const int size = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  const sockaddr_in local = loopback(port);
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    std::perror("socket");
    std::exit(1);
  }
  return fd;
}

uint64_t drain(int sink) {
  static char buffers[kBatch][2048];
  iovec vectors[kBatch];
  mmsghdr headers[kBatch]{};
  for (unsigned i = 0; i < kBatch; ++i) {
    vectors[i] = {buffers[i], sizeof buffers[i]};
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  uint64_t total = 0;
  int n;
  while ((n = recvmmsg(sink, headers, kBatch, MSG_DONTWAIT, nullptr)) > 0) total += static_cast<uint64_t>(n);
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: udp_blast RELAY_PORT SINK_PORT FLOWS BYTES PACKETS_PER_SECOND SECONDS\n");
    return 2;
  }
  const sockaddr_in relay = loopback(std::atoi(argv[1]));
  const int sink = udpSocket(std::atoi(argv[2]));
  const auto count = static_cast<size_t>(std::atoi(argv[3]));
  const std::vector<char> payload(static_cast<size_t>(std::atoi(argv[4])), 'v');
  const double rate = std::atof(argv[5]);
  const double seconds = std::atof(argv[6]);
  rlimit files{65'536, 65'536};
  setrlimit(RLIMIT_NOFILE, &files);

  std::vector<int> flows;
  for (size_t i = 0; i < count; ++i) {
    flows.push_back(udpSocket(0));
    if (connect(flows.back(), reinterpret_cast<const sockaddr*>(&relay), sizeof relay) != 0) return 1;
  }
  uint64_t sent = 0;
  uint64_t delivered = 0;
  const auto start = Clock::now();
  for (;;) {
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    if (elapsed >= seconds) break;
    const auto due = static_cast<uint64_t>(elapsed * rate);
    for (unsigned i = 0; i < kBatch && sent < due; ++i) {
      if (send(flows[sent % count], payload.data(), payload.size(), 0) > 0) ++sent;
    }
    delivered += drain(sink);
  }
  for (const auto end = Clock::now() + std::chrono::milliseconds{300}; Clock::now() < end;)
    delivered += drain(sink);
  std::printf("%lu %lu\n", sent, delivered);
}
