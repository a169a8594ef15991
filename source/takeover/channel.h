// Messages with file descriptors between two processes of Sluice, over a Unix socket that only its owner may
// use. Messages contain secrets.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/base/result.h"
#include "source/net/event_loop.h"
#include "source/net/poll.h"

namespace sluice::takeover {

enum class MessageKind : uint32_t {
  kHello,     // from the new process: its process id and number of workers
  kIdentity,  // from the old process: the data that the new one needs before it builds anything
  kTake,      // from the new process: it is ready
  kSnapshot,  // from the old process: all state. From now on it waits
  kAccepted,  // from the new process: it has loaded the snapshot
  kCommit,    // from the old process: it has stopped
  kRefused    // from either: the reason. Nothing has changed
};

struct Message {
  MessageKind kind = MessageKind::kRefused;
  std::string body;
  std::vector<int> descriptors;  // the receiver owns received ones
};

class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}
  ~Channel();
  Channel(Channel&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  static Result<Channel> connect(const std::string& path);

  // Both block for at most `timeout` without progress.
  Status send(const Message& message, Duration timeout);
  Result<Message> receive(Duration timeout);
  // Like receive(), but expects `kind`; a refusal is returned as an error.
  Result<Message> receive(MessageKind kind, Duration timeout);

  int descriptor() const { return fd_; }
  // True if the other end was found closed.
  bool isClosed() const { return closed_; }

 private:
  Status setTimeouts(Duration timeout);
  Status checkReceived(ssize_t received);
  Status receiveAll(void* data, size_t size);
  Status receiveBody(size_t size, std::string& body);
  Status receiveDescriptors(size_t count, std::vector<int>& out);

  int fd_;
  bool closed_ = false;
};

// A Unix socket that one process listens on and the next one inherits.
class Socket {
 public:
  // Replaces a socket file that no process listens on.
  static Result<int> bind(const std::string& path);

  // Calls `accepted` for each connection of the same user, or of root.
  Socket(net::EventLoop& loop, int fd, std::function<void(Channel)> accepted);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int descriptor() const { return fd_; }

 private:
  void onReady();

  const int fd_;
  const std::function<void(Channel)> accepted_;
  net::Poll poll_;
};

}  // namespace sluice::takeover
