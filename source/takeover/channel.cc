#include "source/takeover/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "source/base/log.h"
#include "source/base/system_error.h"

namespace sluice::takeover {
namespace {

constexpr uint32_t kMagic = 0x534c485d;  // also identifies the version of the format
constexpr size_t kMaxBody = size_t{1} << 32;
constexpr size_t kBodyAtOnce = size_t{1} << 20;
constexpr size_t kMaxDescriptors = 1 << 20;
constexpr size_t kDescriptorsAtOnce = 250;  // the kernel's SCM_MAX_FD is 253

struct Header {
  uint32_t magic;
  MessageKind kind;
  uint64_t body;
  uint64_t descriptors;
};

// Calls `call(fd, address, size)` with a new socket. A Unix address holds only 107 characters, so the
// directory is passed as a descriptor.
template <typename Call>
Result<int> withSocket(const std::string& path, const char* what, Call call) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int folder_fd = open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd < 0) return systemError(what + (" " + path));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string short_path = "/proc/self/fd/" + std::to_string(folder_fd) + "/" + name;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool fits = short_path.size() < sizeof address.sun_path;
  if (fits) std::copy(short_path.begin(), short_path.end(), address.sun_path);
  const bool done =
      fits && fd >= 0 && call(fd, reinterpret_cast<sockaddr*>(&address), socklen_t{sizeof address});
  if (!fits) errno = ENAMETOOLONG;
  Error error = systemError(what + (" " + path));
  close(folder_fd);
  if (done) return fd;
  if (fd >= 0) close(fd);
  return error;
}

// A system call that is repeated when a signal interrupts it.
template <typename Call>
ssize_t untilDone(Call call) {
  ssize_t n;
  do {
    n = call();
  } while (n < 0 && errno == EINTR);
  return n;
}

bool sendAll(int fd, const void* data, size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = untilDone([&] { return send(fd, at, size, MSG_NOSIGNAL); });
    if (n <= 0) return false;
    at += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

// With one byte, since descriptors cannot be sent alone.
bool sendDescriptors(int fd, std::span<const int> descriptors) {
  char byte = 0;
  iovec vector{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(kDescriptorsAtOnce * sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = SOL_SOCKET;
  message->cmsg_type = SCM_RIGHTS;
  message->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(message), descriptors.data(), descriptors.size_bytes());
  return untilDone([&] { return sendmsg(fd, &header, MSG_NOSIGNAL); }) == 1;
}

bool isOurs(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == geteuid() || peer.uid == 0;
}

}  // namespace

Channel::~Channel() {
  if (fd_ >= 0) close(fd_);
}

Result<Channel> Channel::connect(const std::string& path) {
  auto fd = withSocket(path, "cannot connect to", [](int socket, const sockaddr* address, socklen_t size) {
    return ::connect(socket, address, size) == 0;
  });
  if (!fd.ok()) return fd.error();
  if (!isOurs(*fd)) {
    close(*fd);
    return Error{"", "another user's process listens at " + path};
  }
  return Channel(*fd);
}

Status Channel::setTimeouts(Duration timeout) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(timeout).count();
  const timeval limit{us / 1'000'000, us % 1'000'000};
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_NONBLOCK);  // libuv sets it on sockets that it watched
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (setsockopt(fd_, SOL_SOCKET, option, &limit, sizeof limit) != 0) return systemError("setsockopt");
  }
  return Done{};
}

Status Channel::send(const Message& message, Duration timeout) {
  if (Status status = setTimeouts(timeout); !status.ok()) return status;
  const Header header{kMagic, message.kind, message.body.size(), message.descriptors.size()};
  bool sent = sendAll(fd_, &header, sizeof header);
  for (std::span<const int> left = message.descriptors; sent && !left.empty();) {
    const auto some = left.first(std::min(left.size(), kDescriptorsAtOnce));
    sent = sendDescriptors(fd_, some);
    left = left.subspan(some.size());
  }
  sent = sent && sendAll(fd_, message.body.data(), message.body.size());
  return sent ? Status(Done{}) : Status(systemError("the other process does not receive"));
}

Status Channel::checkReceived(ssize_t received) {
  closed_ = received == 0 || (received < 0 && errno == ECONNRESET);
  if (closed_) return Error{"", "the other process has closed the connection"};
  if (received < 0) return systemError("the other process does not respond");
  return Done{};
}

Status Channel::receiveAll(void* data, size_t size) {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t n = untilDone([&] { return recv(fd_, at, size, 0); });
    if (Status status = checkReceived(n); !status.ok()) return status;
    at += n;
    size -= static_cast<size_t>(n);
  }
  return Done{};
}

Status Channel::receiveDescriptors(size_t count, std::vector<int>& out) {
  while (out.size() < count) {
    char byte;
    iovec vector{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(kDescriptorsAtOnce * sizeof(int))];
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t n = untilDone([&] { return recvmsg(fd_, &header, MSG_CMSG_CLOEXEC); });
    if (Status status = checkReceived(n); !status.ok()) return status;
    const cmsghdr* message = CMSG_FIRSTHDR(&header);
    const bool any = message != nullptr && message->cmsg_type == SCM_RIGHTS;
    if (any) {
      const size_t some = (message->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      const size_t before = out.size();
      out.resize(before + some);
      std::memcpy(out.data() + before, CMSG_DATA(message), some * sizeof(int));
    }
    if (!any || (header.msg_flags & MSG_CTRUNC) != 0) {
      return Error{"", "descriptors were lost during the transfer: too many open files?"};
    }
  }
  return Done{};
}

// The length is not trusted: memory grows as the bytes arrive.
Status Channel::receiveBody(size_t size, std::string& body) {
  while (body.size() < size) {
    const size_t at = body.size();
    body.resize(std::min(size, at + kBodyAtOnce));
    if (Status status = receiveAll(&body[at], body.size() - at); !status.ok()) return status;
  }
  return Done{};
}

Result<Message> Channel::receive(Duration timeout) {
  Header header{};
  if (Status status = setTimeouts(timeout); !status.ok()) return status.error();
  if (Status status = receiveAll(&header, sizeof header); !status.ok()) return status.error();
  if (header.magic != kMagic)
    return Error{"", "the other process uses another version of the takeover protocol"};
  if (header.body > kMaxBody || header.descriptors > kMaxDescriptors)
    return Error{"", "a message is too long"};
  Message message{.kind = header.kind, .body = {}, .descriptors = {}};
  Status status = receiveDescriptors(header.descriptors, message.descriptors);
  if (status.ok()) {
    status = receiveBody(header.body, message.body);
  }
  if (status.ok()) return message;
  for (const int fd : message.descriptors) close(fd);
  return status.error();
}

Result<Message> Channel::receive(MessageKind kind, Duration timeout) {
  auto message = receive(timeout);
  if (!message.ok() || message->kind == kind) return message;
  for (const int fd : message->descriptors) close(fd);
  if (message->kind == MessageKind::kRefused) return Error{"", message->body};
  return Error{"", "the other process sent an unexpected message"};
}

Result<int> Socket::bind(const std::string& path) {
  if (auto other = Channel::connect(path); other.ok()) {
    return Error{"", "another process listens at " + path};
  }
  struct stat existing {};
  if (lstat(path.c_str(), &existing) == 0 && S_ISSOCK(existing.st_mode)) unlink(path.c_str());
  auto fd = withSocket(path, "cannot bind", [](int socket, const sockaddr* address, socklen_t size) {
    const mode_t before = umask(0177);  // no one else may connect, from the first moment
    const bool bound = ::bind(socket, address, size) == 0;
    umask(before);
    return bound && listen(socket, 4) == 0;
  });
  return fd;
}

Socket::Socket(net::EventLoop& loop, int fd, std::function<void(Channel)> accepted)
    : fd_(fd),
      accepted_(std::move(accepted)),
      poll_(loop, fd, net::Poll::kReadable, [this](int) { onReady(); }) {}

Socket::~Socket() {
  poll_.stop();
  close(fd_);
}

void Socket::onReady() {
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  Channel channel(fd);
  if (!isOurs(fd)) return log::warn("another user tried to take over");
  accepted_(std::move(channel));
}

}  // namespace sluice::takeover
