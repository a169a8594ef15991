// A minimal UDP relay, the baseline for Sluice: epoll, recvmmsg and sendmmsg of 64, no logic.
//   relay_probe LISTEN_PORT UPSTREAM_PORT shared|per_flow|two_way|unconnected
// shared sends everything from one socket; per_flow has a connected socket for each client, as a proxy with
// replies must; two_way also relays their replies; unconnected is per_flow with sockets that could have
// many peers, as a TURN server's must, so that the kernel looks up the route for each packet.
#include <sys/epoll.h>

#include <cstring>
#include <unordered_map>

#include "test/bench/load.h"

namespace {

using namespace sluice::bench;

constexpr int kReceiveBuffer = 4 << 20;
constexpr uint64_t kListener = 0;  // among the keys of flows

Batch batch;

void watch(int poll, int fd, uint64_t key) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = key}};
  epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

void sendAll(int fd, int count) {
  for (int done = 0; done < count;) {
    const int n = sendmmsg(fd, batch.headers + done, static_cast<unsigned>(count - done), 0);
    done += n > 0 ? n : 1;
  }
}

struct Flow {
  sockaddr_in client;
  int fd = -1;
};
std::unordered_map<uint64_t, Flow> flows;

void sendPerFlow(int count, sockaddr_in& upstream, int poll, bool two_way, bool connected) {
  for (int i = 0; i < count; ++i) {
    const sockaddr_in& client = batch.senders[i];
    const uint64_t key = uint64_t{client.sin_addr.s_addr} << 16 | client.sin_port;
    auto [it, fresh] = flows.try_emplace(key, Flow{client});
    Flow& flow = it->second;
    if (fresh) {
      flow.fd = udpSocket(loopback(0), kReceiveBuffer);
      const auto* to = reinterpret_cast<const sockaddr*>(&upstream);
      if (connected && connect(flow.fd, to, sizeof upstream) != 0) std::exit(1);
      if (two_way) watch(poll, flow.fd, key);
    }
    batch.headers[i].msg_hdr.msg_name = connected ? nullptr : &upstream;
    batch.headers[i].msg_hdr.msg_namelen = connected ? 0 : sizeof upstream;
    sendmmsg(flow.fd, &batch.headers[i], 1, 0);
  }
}

void fromClients(int in, int out, sockaddr_in& upstream, int poll, const char* mode) {
  const int n = batch.receive(in);
  if (std::strcmp(mode, "shared") != 0) {
    return sendPerFlow(n, upstream, poll, std::strcmp(mode, "two_way") == 0,
                       std::strcmp(mode, "unconnected") != 0);
  }
  for (int i = 0; i < n; ++i) batch.headers[i].msg_hdr.msg_name = &upstream;
  sendAll(out, n);
}

// Appends what waits on a flow's socket, one datagram, to the batch.
int fromUpstream(Flow& flow, int at) {
  const ssize_t n = recv(flow.fd, batch.buffers[at], kPacket, 0);
  if (n < 0) return at;
  batch.vectors[at] = {batch.buffers[at], static_cast<size_t>(n)};
  batch.headers[at] = {};
  batch.headers[at].msg_hdr.msg_name = &flow.client;
  batch.headers[at].msg_hdr.msg_namelen = sizeof flow.client;
  batch.headers[at].msg_hdr.msg_iov = &batch.vectors[at];
  batch.headers[at].msg_hdr.msg_iovlen = 1;
  return at + 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr,
                 "usage: relay_probe LISTEN_PORT UPSTREAM_PORT shared|per_flow|two_way|unconnected\n");
    return 2;
  }
  const int in = udpSocket(loopback(std::atoi(argv[1])), kReceiveBuffer);
  const int out = udpSocket(loopback(0), kReceiveBuffer);
  sockaddr_in upstream = loopback(std::atoi(argv[2]));
  const int poll = epoll_create1(0);
  watch(poll, in, kListener);
  epoll_event events[kBatch];
  for (;;) {
    const int ready = epoll_wait(poll, events, kBatch, -1);
    int replies = 0;
    bool clients = false;
    for (int i = 0; i < ready; ++i) {
      const uint64_t key = events[i].data.u64;
      if (key == kListener) {
        clients = true;
      } else {
        replies = fromUpstream(flows[key], replies);
      }
    }
    sendAll(in, replies);
    if (clients) fromClients(in, out, upstream, poll, argv[3]);
  }
}
