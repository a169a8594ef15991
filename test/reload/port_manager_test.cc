#include "source/reload/port_manager.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "source/net/udp_socket.h"

namespace sluice::reload {
namespace {

constexpr unsigned kWorkers = 2;

struct Listener {
  std::string name;
  std::vector<std::string> addresses;
};

runtime::Generation generation(const std::vector<Listener>& listeners) {
  runtime::Generation made;
  for (const Listener& listener : listeners) {
    auto spec = std::make_shared<runtime::ListenerSpec>();
    spec->name = listener.name;
    spec->socket.reuse_port = true;
    for (const std::string& address : listener.addresses) {
      spec->addresses.push_back(*net::Address::parse(address));
    }
    made.listeners.push_back(std::move(spec));
  }
  return made;
}

bool isOpen(int fd) {
  return fcntl(fd, F_GETFD) != -1;
}

// Stands in for the workers, which own the sockets.
struct Fixture {
  const PortManager::Change& apply(const std::vector<Listener>& listeners, Instant until = {}) {
    auto change = ports.prepare(generation(listeners));
    REQUIRE(change.ok());
    ports.commit(*change, until);
    changes.push_back(std::make_unique<PortManager::Change>(*std::move(change)));
    return *changes.back();
  }
  std::vector<uint16_t> expire(Instant now, int64_t sessions) {
    return ports.takeExpired(now, [&](const std::string&) { return sessions; });
  }

  net::EventLoop loop;
  net::PacketPool pool{256};
  net::SocketNetwork network{loop, pool};
  PortManager ports{network, kWorkers};
  std::vector<std::unique_ptr<PortManager::Change>> changes;
};

TEST_CASE("PortManager: each worker gets a socket of each address, all at the same port") {
  Fixture f;
  const auto& change = f.apply({{"a", {"127.0.0.1:0", "[::1]:0"}}});
  REQUIRE(change.added.size() == kWorkers);
  for (const auto& added : change.added) CHECK(added.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    const auto& first = change.added[0][i];
    const auto& second = change.added[1][i];
    CHECK(first.id == second.id);
    CHECK(first.socket->descriptor() != second.socket->descriptor());
    CHECK(first.socket->local() == second.socket->local());
  }
  CHECK(f.ports.addresses("a").size() == 2);
  CHECK(f.ports.addresses("a")[0].port() != 0);
  CHECK(f.ports.addresses("b").empty());
}

TEST_CASE("PortManager: an address in use is an error with the field's path, and nothing new stays bound") {
  Fixture f;
  f.apply({{"a", {"127.0.0.1:0"}}});
  const auto taken = f.network.reserve(*net::Address::parse("127.0.0.1:0"), {});
  REQUIRE(taken.ok());
  const std::string in_use = (*taken)->local().toString();
  const auto wanted = generation({{"a", {"127.0.0.1:0"}}, {"b", {"127.0.0.1:0", in_use}}});
  const auto change = f.ports.prepare(wanted);
  REQUIRE_FALSE(change.ok());
  REQUIRE(change.errors().size() == 1);
  CHECK(change.error().path == "listeners[1].additional_addresses[0]");
  CHECK(f.ports.addresses("a").size() == 1);
  CHECK(f.ports.addresses("b").empty());
}

TEST_CASE("PortManager: a reload without changes touches no port") {
  Fixture f;
  f.apply({{"a", {"127.0.0.1:0"}}});
  const auto bound = f.ports.addresses("a");
  const auto& change = f.apply({{"a", {"127.0.0.1:0"}}});
  for (const auto& added : change.added) CHECK(added.empty());
  CHECK(change.drained.empty());
  CHECK(f.ports.addresses("a") == bound);
}

TEST_CASE("PortManager: an unwanted port drains until its time, or its listener has no sessions") {
  Fixture f;
  const Instant now{};
  f.apply({{"a", {"127.0.0.1:0", "[::1]:0"}}, {"b", {"127.0.0.1:0"}}});
  const auto& second = f.apply({{"a", {"127.0.0.1:0"}}}, now + 30s);
  CHECK(second.drained.size() == 2);
  CHECK(f.expire(now, 5).empty());
  CHECK(f.expire(now, 0).size() == 1);  // of the listener that was removed
  CHECK(f.expire(now + 29s, 0).empty());
  CHECK(f.expire(now + 30s, 5).size() == 1);
  CHECK(f.expire(now + 60s, 0).empty());
}

TEST_CASE("PortManager: an address that is added again while it drains keeps its sockets") {
  Fixture f;
  const Instant now{};
  f.apply({{"a", {"127.0.0.1:0"}}, {"b", {"[::1]:0"}}});
  const auto bound = f.ports.addresses("a");
  const std::string address = bound[0].toString();
  f.apply({{"b", {"[::1]:0"}}}, now + 30s);
  const auto& change = f.apply({{"a", {"127.0.0.1:0"}}, {"b", {"[::1]:0"}}});
  for (const auto& added : change.added) CHECK(added.empty());
  REQUIRE(change.revived.size() == 1);
  CHECK(change.revived[0].listener->name == "a");
  CHECK(f.ports.addresses("a") == bound);
  CHECK(f.expire(now + 60s, 0).empty());
}

TEST_CASE("PortManager: an address that moves to another listener keeps its sockets") {
  Fixture f;
  auto reserved = f.network.reserve(*net::Address::parse("127.0.0.1:0"), {});
  REQUIRE(reserved.ok());
  const std::string address = (*reserved)->local().toString();
  reserved->reset();
  f.apply({{"a", {address}}});
  const auto& change = f.apply({{"b", {address}}});
  for (const auto& added : change.added) CHECK(added.empty());
  CHECK(change.drained.empty());
  REQUIRE(change.revived.size() == 1);
  CHECK(change.revived[0].listener->name == "b");
  CHECK(f.ports.addresses("a").empty());
  CHECK(f.ports.addresses("b").size() == 1);
}

TEST_CASE("PortManager: lostBy names the bound addresses that a generation no longer has") {
  Fixture f;
  f.apply({{"a", {"127.0.0.1:0"}}, {"b", {"127.0.0.1:0"}}});
  CHECK(f.ports.lostBy(generation({{"a", {"127.0.0.1:0"}}, {"b", {"127.0.0.1:0"}}})).empty());
  CHECK(f.ports.lostBy(generation({{"a", {"127.0.0.1:0"}}})) == f.ports.addresses("b"));
}

TEST_CASE("PortManager: inherited ports keep their id and sockets; the others are closed") {
  Fixture before;
  before.apply({{"a", {"127.0.0.1:0"}}, {"b", {"127.0.0.1:0"}}});
  std::vector<PortManager::Saved> saved = before.ports.save();
  REQUIRE(saved.size() == 2);
  for (PortManager::Saved& port : saved) {
    for (int& fd : port.descriptors) fd = dup(fd);  // as a message does
  }
  const auto inherited = saved[0];
  const auto unwanted = saved[1];
  Fixture after;
  after.ports.inherit(std::move(saved));
  const auto& change = after.apply({{"a", {"127.0.0.1:0"}}, {"c", {"127.0.0.1:0"}}});
  REQUIRE(change.added[0].size() == 2);
  CHECK(change.added[0][0].id == inherited.id);
  CHECK(change.added[0][0].socket->descriptor() == inherited.descriptors[0]);
  CHECK(change.added[0][1].id != inherited.id);
  CHECK(after.ports.addresses("a") == before.ports.addresses("a"));
  for (const int fd : unwanted.descriptors) CHECK_FALSE(isOpen(fd));
}

}  // namespace
}  // namespace sluice::reload
