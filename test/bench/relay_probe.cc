// The least a UDP relay can do: epoll, recvmmsg and sendmmsg of 64, no logic at all. What Sluice's forward is
// measured against.
//   relay_probe LISTEN_PORT UPSTREAM_PORT shared|per_flow
// shared sends everything from one socket; per_flow has a connected socket for each client, as a proxy with
// replies must.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unordered_map>

namespace {

constexpr unsigned kBatch = 64;
constexpr size_t kPacket = 1500;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int udpSocket(int port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const int size = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  const sockaddr_in local = loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    std::perror("bind");
    std::exit(1);
  }
  return fd;
}

char buffers[kBatch][kPacket];
sockaddr_in senders[kBatch];
iovec vectors[kBatch];
mmsghdr headers[kBatch];

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

void sendShared(int fd, int count, sockaddr_in& upstream) {
  for (int i = 0; i < count; ++i) headers[i].msg_hdr.msg_name = &upstream;
  for (int done = 0; done < count;) {
    const int n = sendmmsg(fd, headers + done, static_cast<unsigned>(count - done), 0);
    done += n > 0 ? n : 1;
  }
}

void sendPerFlow(int count, const sockaddr_in& upstream) {
  static std::unordered_map<uint64_t, int> sockets;
  for (int i = 0; i < count; ++i) {
    const uint64_t key = uint64_t{senders[i].sin_addr.s_addr} << 16 | senders[i].sin_port;
    auto [it, fresh] = sockets.try_emplace(key, -1);
    if (fresh) {
      it->second = udpSocket(0);
      if (connect(it->second, reinterpret_cast<const sockaddr*>(&upstream), sizeof upstream) != 0)
        std::exit(1);
    }
    headers[i].msg_hdr.msg_name = nullptr;
    headers[i].msg_hdr.msg_namelen = 0;
    sendmmsg(it->second, &headers[i], 1, 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: relay_probe LISTEN_PORT UPSTREAM_PORT shared|per_flow\n");
    return 2;
  }
  const int in = udpSocket(std::atoi(argv[1]));
  const int out = udpSocket(0);
  sockaddr_in upstream = loopback(std::atoi(argv[2]));
  const bool per_flow = std::strcmp(argv[3], "per_flow") == 0;
  const int poll = epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.fd = in}};
  epoll_ctl(poll, EPOLL_CTL_ADD, in, &event);
  for (;;) {
    if (epoll_wait(poll, &event, 1, -1) < 1) continue;
    const int n = receive(in);
    if (n <= 0) continue;
    if (per_flow) {
      sendPerFlow(n, upstream);
    } else {
      sendShared(out, n, upstream);
    }
  }
}
