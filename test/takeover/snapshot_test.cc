// The state that a process hands over to the one that takes over, as one message.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "source/takeover/snapshot.h"

namespace sluice::takeover {
namespace {

int file() {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}
bool isOpen(int fd) {
  return fcntl(fd, F_GETFD) != -1;
}

Snapshot example() {
  Snapshot snapshot;
  snapshot.ports.push_back({.listener = "voice",
                            .address = *net::Address::parse("0.0.0.0:0"),
                            .bound = *net::Address::parse("0.0.0.0:3478"),
                            .id = 7,
                            .descriptors = {file(), file()}});
  snapshot.admin = file();
  snapshot.takeover = file();
  snapshot.rooms = "rooms";
  snapshot.process = "process";
  snapshot.workers = {{"first", {file()}}, {"second", {}}, {"third", {file(), file()}}};
  return snapshot;
}

TEST_CASE("all parts arrive in their places, each descriptor once") {
  Snapshot before = example();
  const Message message = before.toMessage();
  CHECK(message.kind == MessageKind::kSnapshot);
  CHECK(message.descriptors.size() == 2 + 2 + 3);
  const auto after = Snapshot::fromMessage(message);
  REQUIRE(after.ok());
  REQUIRE(after->ports.size() == 1);
  CHECK(after->ports[0].listener == "voice");
  CHECK(after->ports[0].bound.port() == 3478);
  CHECK(after->ports[0].id == 7);
  CHECK(after->ports[0].descriptors == before.ports[0].descriptors);
  CHECK(after->admin == before.admin);
  CHECK(after->join == -1);
  CHECK(after->takeover == before.takeover);
  CHECK(after->rooms == "rooms");
  CHECK(after->process == "process");
  REQUIRE(after->workers.size() == 3);
  CHECK(after->workers[0].bytes == "first");
  CHECK(after->workers[1].descriptors.empty());
  CHECK(after->workers[2].descriptors == before.workers[2].descriptors);
  for (const int fd : message.descriptors) CHECK((isOpen(fd) && close(fd) == 0));
}

TEST_CASE(
    "a truncated message, or one with a wrong number of descriptors, is refused, and its descriptors are "
    "closed") {
  const auto refused = [](Message message) {
    const std::vector<int> fds = message.descriptors;
    CHECK_FALSE(Snapshot::fromMessage(std::move(message)).ok());
    for (const int fd : fds) CHECK_FALSE(isOpen(fd));
  };
  const size_t size = example().toMessage().body.size();
  for (size_t cut = 0; cut < size; ++cut) {
    Message message = example().toMessage();
    message.body.resize(cut);
    refused(std::move(message));
  }
  Message more = example().toMessage(), fewer = example().toMessage();
  more.descriptors.push_back(file());
  refused(std::move(more));
  close(fewer.descriptors.back());
  fewer.descriptors.pop_back();
  refused(std::move(fewer));
}

TEST_CASE("small parts are read completely or not at all") {
  const std::string bytes = toBytes(Hello{.workers = 2, .process = 99});
  Hello hello;
  CHECK(fromBytes(bytes, hello));
  CHECK(hello.workers == 2);
  CHECK(hello.process == 99);
  CHECK_FALSE(fromBytes(bytes + "x", hello));
  CHECK_FALSE(fromBytes(bytes.substr(1), hello));
}

}  // namespace
}  // namespace sluice::takeover
