#include "source/net/udp_socket.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice {
namespace {

using net::Address;

// A port on its own loop; run() iterates until a condition holds.
struct Fixture : net::UdpReceiver {
  net::EventLoop loop;
  net::PacketPool pool{2048};
  net::SocketNetwork network{loop, pool};
  net::UdpStats stats;
  std::unique_ptr<net::UdpPort> port;
  std::vector<std::vector<uint8_t>> received;
  std::vector<uint8_t> tos;
  Address last_remote, last_local;
  int refused = 0;
  int send_error = 0;

  void open(const char* local, const Address& connect_to = {}) {
    auto opened = network.open(*Address::parse(local), {.connect_to = connect_to, .stats = &stats}, *this);
    REQUIRE(opened.ok());
    port = *std::move(opened);
  }
  void onPacket(net::PacketPtr&& packet) override {
    const Bytes data = packet->data();
    received.emplace_back(data.begin(), data.end());
    tos.push_back(packet->tos);
    last_remote = packet->remote;
    last_local = packet->local;
    packet->settle();
    packet.reset();
  }
  void onRefused() override { ++refused; }
  void onSendFailed(int error) override { send_error = error; }

  template <typename Condition>
  void runUntil(Condition condition) {
    bool met = condition();
    for (int turns = 0; turns < 1000 && !met; ++turns, met = condition()) {
      loop.post([] {});  // so that an iteration never waits
      uv_run(loop.raw(), UV_RUN_ONCE);
    }
    CHECK(met);
  }
  void send(std::vector<uint8_t> data, const Address& to, uint8_t mark = 0, uint8_t ttl = 0) {
    net::PacketPtr packet = pool.acquire();
    packet->assign(data);
    packet->remote = to;
    packet->tos = mark;
    packet->ttl = ttl;
    port->send(std::move(packet));
  }
};

// A plain socket that receives TOS and TTL.
struct Plain {
  explicit Plain(const char* local) {
    const Address address = *Address::parse(local);
    fd = socket(address.isV6() ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    const int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on);
    sockaddr_storage name{};
    socklen_t length = address.toSockaddr(name);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&name), length) == 0);
    getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
    this->local = Address::fromSockaddr(reinterpret_cast<sockaddr*>(&name));
  }
  ~Plain() { close(fd); }

  bool receive() {
    char data[2048];
    alignas(cmsghdr) char control[256];
    iovec vector{data, sizeof data};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    if (recvmsg(fd, &header, MSG_DONTWAIT) < 0) return false;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      int value = 0;
      std::memcpy(&value, CMSG_DATA(c),
                  c->cmsg_type == IP_TOS && c->cmsg_level == IPPROTO_IP ? 1 : sizeof value);
      const bool is_tos = c->cmsg_level == IPPROTO_IP ? c->cmsg_type == IP_TOS : c->cmsg_type == IPV6_TCLASS;
      (is_tos ? tos : ttl) = value;
    }
    return true;
  }
  void send(size_t size, const Address& to, int mark) {
    setsockopt(fd, IPPROTO_IP, IP_TOS, &mark, sizeof mark);
    setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &mark, sizeof mark);
    const std::vector<char> data(size);
    sockaddr_storage name{};
    const socklen_t length = to.toSockaddr(name);
    sendto(fd, data.data(), size, 0, reinterpret_cast<sockaddr*>(&name), length);
  }

  int fd;
  Address local;
  int tos = -1;
  int ttl = -1;
};

TEST_CASE("TOS and TTL are sent and TOS is received, for both families") {
  for (const char* local : {"127.0.0.1:0", "[::1]:0"}) {
    CAPTURE(local);
    Fixture f;
    f.open(local);
    Plain peer(local);
    f.send({1}, peer.local, 46 << 2 | 1, 33);
    f.runUntil([&] { return peer.receive(); });
    CHECK(peer.tos == (46 << 2 | 1));
    CHECK(peer.ttl == 33);
    peer.send(5, f.port->local(), 10 << 2);
    f.runUntil([&] { return !f.received.empty(); });
    CHECK(f.tos[0] == 10 << 2);
    CHECK(f.last_remote == peer.local);
  }
}

TEST_CASE("a wildcard socket reports the address at which a datagram arrived, and responds from it") {
  Fixture f;
  f.open("0.0.0.0:0");
  Plain peer("127.0.0.1:0");
  peer.send(1, Address::parse("127.0.0.5:0")->withPort(f.port->local().port()), 0);
  f.runUntil([&] { return !f.received.empty(); });
  CHECK(f.last_local.ipString() == "127.0.0.5");
}

TEST_CASE("many datagrams keep their order; one that is too long is dropped and counted") {
  Fixture f;
  f.open("127.0.0.1:0");
  Fixture g;
  g.open("127.0.0.1:0");
  for (int i = 0; i < 200; ++i) f.send({static_cast<uint8_t>(i)}, g.port->local());
  f.runUntil([&] { return f.stats.sent.value() == 200; });
  g.runUntil([&] { return g.received.size() == 200; });
  for (int i = 0; i < 200; ++i) CHECK(g.received[static_cast<size_t>(i)][0] == static_cast<uint8_t>(i));
  Plain peer("127.0.0.1:0");
  peer.send(1501, g.port->local(), 0);
  peer.send(1500, g.port->local(), 0);
  g.runUntil([&] { return g.received.size() == 201; });
  CHECK(g.stats.truncated.value() == 1);
  CHECK(g.pool.unaccounted() == 0);
}

TEST_CASE("a connected port reports an ICMP error, and continues when the peer is back") {
  Address target;
  {
    Plain gone("127.0.0.1:0");
    target = gone.local;
  }
  Fixture f;
  f.open("127.0.0.1:0", target);
  f.send({1}, target);
  f.runUntil([&] { return f.refused > 0; });
  Plain back(target.toString().c_str());
  f.send({2}, target);
  f.runUntil([&] { return back.receive(); });
  back.send(3, f.port->local(), 0);
  f.runUntil([&] { return f.received.size() == 1; });
}

TEST_CASE("an address in use is an error that names the address") {
  Fixture f;
  f.open("127.0.0.1:0");
  const auto again = f.network.reserve(f.port->local(), {});
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().message.find(f.port->local().toString()) != std::string::npos);
}

TEST_CASE("a reservation belongs to any network of sockets; one of another kind refuses to send") {
  Fixture f;
  {
    net::EventLoop loop;
    net::SocketNetwork other(loop, f.pool);
    auto reserved = other.reserve(*Address::parse("127.0.0.1:0"), {});
    REQUIRE(reserved.ok());
    f.port = f.network.open(*std::move(reserved), {.connect_to = {}, .stats = &f.stats}, f);
  }
  Plain peer("127.0.0.1:0");
  peer.send(7, f.port->local(), 0);
  f.runUntil([&] { return f.received.size() == 1; });

  struct Foreign final : net::UdpReservation {
    const Address& local() const override { return address; }
    const Address address = *Address::parse("127.0.0.1:7");
  };
  f.port = f.network.open(std::make_unique<Foreign>(), {.connect_to = {}, .stats = &f.stats}, f);
  CHECK(f.port->local() == Foreign().address);
  f.send({1}, peer.local);
  CHECK(f.send_error == EBADF);
  CHECK(f.stats.send_refused.value() == 1);
  CHECK(f.pool.unaccounted() == 0);
}

TEST_CASE("an event that closes a socket may arrive with a datagram for it") {
  // Each socket's datagram closes the other socket, so whichever is read second is closed while it is being
  // read.
  Fixture f;
  struct Half final : net::UdpReceiver {
    void onPacket(net::PacketPtr&& packet) override {
      packet->settle();
      packet.reset();
      ++received;
      loop->post([this] { other->port.reset(); });
    }
    net::EventLoop* loop;
    Half* other;
    std::unique_ptr<net::UdpPort> port;
    int received = 0;
  } halves[2];
  Plain plain("127.0.0.1:0");
  for (int i = 0; i < 2; ++i) {
    halves[i].loop = &f.loop;
    halves[i].other = &halves[1 - i];
    auto opened =
        f.network.open(*Address::parse("127.0.0.1:0"), {.connect_to = {}, .stats = &f.stats}, halves[i]);
    REQUIRE(opened.ok());
    halves[i].port = *std::move(opened);
    plain.send(10, halves[i].port->local(), 0);
  }
  f.runUntil([&] { return halves[0].port == nullptr || halves[1].port == nullptr; });
  CHECK(halves[0].received + halves[1].received == 1);
}

}  // namespace
}  // namespace sluice
