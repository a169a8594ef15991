// The parts that the load generators and the probe share: loopback sockets, batches and a steady rate.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace sluice::bench {

using Clock = std::chrono::steady_clock;
constexpr unsigned kBatch = 64;
constexpr size_t kPacket = 1500;

inline sockaddr_in ipv4(uint32_t ip, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(ip);
  return address;
}
inline sockaddr_in loopback(int port) {
  return ipv4(INADDR_LOOPBACK, port);
}

inline int udpSocket(const sockaddr_in& local, int receive_buffer_bytes) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    std::perror("socket");
    std::exit(1);
  }
  return fd;
}

// Datagrams in the form that recvmmsg fills in and sendmmsg reads.
struct Batch {
  char buffers[kBatch][kPacket];
  sockaddr_in senders[kBatch];
  iovec vectors[kBatch];
  mmsghdr headers[kBatch];

  // The number of datagrams received; less than one if none was waiting.
  int receive(int fd) {
    for (unsigned i = 0; i < kBatch; ++i) {
      vectors[i] = {buffers[i], kPacket};
      headers[i] = {};
      headers[i].msg_hdr.msg_name = &senders[i];
      headers[i].msg_hdr.msg_namelen = sizeof senders[i];
      headers[i].msg_hdr.msg_iov = &vectors[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    const int n = recvmmsg(fd, headers, kBatch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < n; ++i) vectors[i].iov_len = headers[i].msg_len;
    return n;
  }
};

// The number of datagrams of this size received.
inline uint64_t drain(int sink, size_t size) {
  static Batch batch;
  uint64_t total = 0;
  for (int n; (n = batch.receive(sink)) > 0;) {
    for (int i = 0; i < n; ++i) total += batch.vectors[i].iov_len == size;
  }
  return total;
}

struct Count {
  uint64_t sent = 0;
  uint64_t delivered = 0;
};

// `send(first, count)` sends datagrams with these numbers and returns how many were sent; `receive()` returns
// how many arrived meanwhile.
template <typename Send, typename Receive>
Count blast(double packets_per_second, double seconds, Send send, Receive receive) {
  Count count;
  for (const auto start = Clock::now();;) {
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    if (elapsed >= seconds) break;
    const auto due = static_cast<uint64_t>(elapsed * packets_per_second);
    if (due > count.sent) count.sent += send(count.sent, std::min<uint64_t>(kBatch, due - count.sent));
    count.delivered += receive();
  }
  for (const auto end = Clock::now() + std::chrono::milliseconds{300}; Clock::now() < end;)
    count.delivered += receive();
  return count;
}

}  // namespace sluice::bench
