// Messages between two processes, over a pair of sockets: arrival, and the handling of messages that do not
// arrive.
#include "source/takeover/channel.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace sluice::takeover {
namespace {

constexpr Duration kSoon = 5s;

size_t openFiles() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}
ino_t inodeOf(int fd) {
  struct stat status {};
  CHECK(fstat(fd, &status) == 0);
  return status.st_ino;
}

struct Pair {
  Pair() : Pair(make()) {}
  explicit Pair(std::array<int, 2> fds) : raw(fds[0]), here(fds[0]), there(fds[1]) {}
  static std::array<int, 2> make() {
    std::array<int, 2> fds{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    return fds;
  }
  void write(std::string_view bytes) {
    REQUIRE(::write(raw, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  void hangUp() { shutdown(raw, SHUT_WR); }

  const int raw;
  Channel here, there;
};

std::string header(uint32_t magic, uint64_t body, uint64_t descriptors) {
  std::string bytes(24, '\0');
  const auto kind = MessageKind::kSnapshot;
  std::memcpy(&bytes[0], &magic, 4);
  std::memcpy(&bytes[4], &kind, 4);
  std::memcpy(&bytes[8], &body, 8);
  std::memcpy(&bytes[16], &descriptors, 8);
  return bytes;
}
constexpr uint32_t kMagic = 0x534c485d;

// A file that no other descriptor refers to.
struct File {
  ~File() { close(fd); }
  const int fd = memfd_create("file", MFD_CLOEXEC);
};

TEST_CASE("a message arrives with its kind, its body and its descriptors, in order") {
  Pair pair;
  const File a, b;
  Message message{MessageKind::kSnapshot, "all of it", {}};
  constexpr size_t kMany = 600;  // more than the kernel accepts at once
  for (size_t i = 0; i < kMany; ++i) message.descriptors.push_back(i % 3 == 0 ? a.fd : b.fd);
  std::thread sender([&] { CHECK(pair.here.send(message, kSoon).ok()); });
  const auto got = pair.there.receive(MessageKind::kSnapshot, kSoon);
  sender.join();
  REQUIRE(got.ok());
  CHECK(got->body == "all of it");
  REQUIRE(got->descriptors.size() == kMany);
  bool in_order = true;
  for (size_t i = 0; i < kMany; ++i) {
    in_order &= inodeOf(got->descriptors[i]) == inodeOf(i % 3 == 0 ? a.fd : b.fd);
    CHECK((fcntl(got->descriptors[i], F_GETFD) & FD_CLOEXEC) != 0);
    close(got->descriptors[i]);
  }
  CHECK(in_order);
}

TEST_CASE("a long body arrives completely, and an empty message too") {
  Pair pair;
  const std::string body(10'000'000, 'x');
  std::thread sender([&] {
    CHECK(pair.here.send({MessageKind::kIdentity, body, {}}, kSoon).ok());
    CHECK(pair.here.send({MessageKind::kTake, {}, {}}, kSoon).ok());
  });
  CHECK(pair.there.receive(MessageKind::kIdentity, kSoon)->body == body);
  CHECK(pair.there.receive(MessageKind::kTake, kSoon)->body.empty());
  sender.join();
}

TEST_CASE(
    "a truncated message is an error wherever it is truncated, and the other end is reported as closed") {
  const std::string whole = header(kMagic, 4, 0) + "body";
  for (size_t size = 0; size < whole.size(); ++size) {
    Pair pair;
    pair.write(std::string_view(whole).substr(0, size));
    pair.hangUp();
    const auto got = pair.there.receive(kSoon);
    REQUIRE_FALSE(got.ok());
    CHECK(got.error().message == "the other process has closed the connection");
    CHECK(pair.there.isClosed());
  }
}

TEST_CASE("a message of another format is refused, before memory of its size is allocated") {
  struct Case {
    std::string bytes, why;
  };
  for (const Case& c : {Case{header(kMagic + 1, 0, 0), "another version of the takeover"},
                        Case{header(kMagic, (uint64_t{1} << 32) + 1, 0), "too long"},
                        Case{header(kMagic, 0, (1 << 20) + 1), "too long"}}) {
    Pair pair;
    pair.write(c.bytes);
    const auto got = pair.there.receive(kSoon);
    REQUIRE_FALSE(got.ok());
    CHECK(got.error().message.find(c.why) != std::string::npos);
    CHECK_FALSE(pair.there.isClosed());
  }
}

TEST_CASE("an announced length allocates no memory before its bytes arrive") {
  Pair pair;
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;  // KiB
  };
  const long before = peak();
  pair.write(header(kMagic, uint64_t{1} << 32, 0) + "the beginning");
  pair.hangUp();
  CHECK(pair.there.receive(kSoon).error().message == "the other process has closed the connection");
  CHECK(peak() - before < 64 * 1024);
}

TEST_CASE("announced descriptors that do not arrive are an error") {
  Pair pair;
  pair.write(header(kMagic, 0, 2) + "x");  // a byte without any
  const auto got = pair.there.receive(kSoon);
  REQUIRE_FALSE(got.ok());
  CHECK(got.error().message.find("descriptors were lost") != std::string::npos);
  Pair gone;
  gone.write(header(kMagic, 0, 2));
  gone.hangUp();
  CHECK(gone.there.receive(kSoon).error().message == "the other process has closed the connection");
  CHECK(gone.there.isClosed());
}

TEST_CASE("descriptors of a message that is not accepted are closed") {
  Pair pair;
  const File file;
  const size_t before = openFiles();
  SUBCASE("because it is a refusal") {
    CHECK(pair.here.send({MessageKind::kRefused, "not now", {file.fd}}, kSoon).ok());
    CHECK(pair.there.receive(MessageKind::kIdentity, kSoon).error().message == "not now");
  }
  SUBCASE("because another kind was expected") {
    CHECK(pair.here.send({MessageKind::kTake, "", {file.fd}}, kSoon).ok());
    CHECK(pair.there.receive(MessageKind::kIdentity, kSoon).error().message.find("unexpected") !=
          std::string::npos);
  }
  SUBCASE("because its body is missing") {
    pair.write(header(kMagic, 4, 1));
    char byte = 0;
    iovec vector{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &file.fd, sizeof file.fd);
    REQUIRE(sendmsg(pair.raw, &message, 0) == 1);
    pair.hangUp();
    CHECK_FALSE(pair.there.receive(kSoon).ok());
  }
  SUBCASE("because this process may have no more files") {
    rlimit limits{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limits) == 0);
    const rlimit few{before + 10, limits.rlim_max};
    Message message{MessageKind::kSnapshot, "", std::vector<int>(100, file.fd)};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(pair.here.send(message, kSoon).ok());
    const auto got = pair.there.receive(kSoon);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limits) == 0);
    REQUIRE_FALSE(got.ok());
    CHECK(got.error().message.find("too many open files") != std::string::npos);
  }
  CHECK(openFiles() == before);
}

TEST_CASE("the wait for a silent process ends at the timeout, and the process does not count as closed") {
  Pair pair;
  CHECK_FALSE(pair.there.receive(10ms).ok());
  CHECK_FALSE(pair.there.isClosed());
  pair.write(header(kMagic, 4, 0));
  CHECK_FALSE(pair.there.receive(10ms).ok());
  const std::string body(10'000'000, 'x');  // unread
  CHECK_FALSE(pair.here.send({MessageKind::kSnapshot, body, {}}, 10ms).ok());
}

TEST_CASE("sending to a closed channel is an error and raises no signal") {
  const auto fds = Pair::make();
  Channel here(fds[0]);
  close(fds[1]);
  CHECK_FALSE(here.send({MessageKind::kTake, {}, {}}, kSoon).ok());
  CHECK_FALSE(here.receive(kSoon).ok());
  CHECK(here.isClosed());
}

std::string fresh(const std::string& name) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
  std::filesystem::remove_all(path);
  return path;
}

TEST_CASE(
    "a socket is accessible only to its owner, however long its folder's name, and accepts connections") {
  const std::string folder = fresh(std::string(120, 'p'));
  std::filesystem::create_directory(folder);
  const std::string path = folder + "/socket";
  const auto fd = Socket::bind(path);
  REQUIRE(fd.ok());
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::mask) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  net::EventLoop loop;
  std::string received;
  {
    Socket socket(loop, *fd,
                  [&](Channel channel) { received = channel.receive(MessageKind::kHello, kSoon)->body; });
    auto client = Channel::connect(path);
    REQUIRE(client.ok());
    CHECK(client->send({MessageKind::kHello, "hello", {}}, kSoon).ok());
    uv_run(loop.raw(), UV_RUN_ONCE);  // it has arrived already
  }
  CHECK(received == "hello");
  uv_run(loop.raw(), UV_RUN_NOWAIT);
}

TEST_CASE("a path where a process listens is refused; a stale socket is replaced; a file is not a socket") {
  const std::string path = fresh("socket");
  const auto first = Socket::bind(path);
  REQUIRE(first.ok());
  const auto second = Socket::bind(path);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message.find("another process listens") != std::string::npos);
  close(*first);
  CHECK_FALSE(Channel::connect(path).ok());
  const auto third = Socket::bind(path);
  REQUIRE(third.ok());
  close(*third);
  const std::string file = fresh("file");
  std::ofstream(file) << "precious";
  CHECK_FALSE(Socket::bind(file).ok());
  CHECK(std::filesystem::file_size(file) == 8);
  CHECK_FALSE(Socket::bind(fresh("no/such/folder")).ok());
  CHECK_FALSE(Channel::connect(fresh("nobody")).ok());
}

}  // namespace
}  // namespace sluice::takeover
