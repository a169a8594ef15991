// The state that one process hands over to the next, and the protocol by which the new process asks for it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "source/runtime/handover.h"
#include "source/server/handover_channel.h"
#include "source/server/port_manager.h"

namespace sluice::server {

// What the new process needs before it builds anything.
struct Identity {
  std::string certificate;  // crypto::Certificate::save()
  std::map<net::Address, net::Address> discovered;
  std::vector<std::pair<std::vector<std::string>, std::string>> stepped_back;  // config::SteppedBack
  void archive(Archive& a) { a(certificate, discovered, stepped_back); }
};

// Everything else. Written while no worker runs.
struct TakeoverSnapshot {
  std::vector<PortManager::Saved> ports;
  int admin = -1;  // listening sockets
  int join = -1;
  int takeover = -1;
  std::string rooms;    // rooms::Directory
  std::string process;  // chain::ProcessState
  std::vector<runtime::WorkerState> workers;

  // Does not transfer ownership of the descriptors.
  HandoverMessage toMessage();
  // Takes ownership of the message's descriptors.
  static Result<TakeoverSnapshot> fromMessage(HandoverMessage message);

 private:
  void archive(Archive& a);
};

struct Hello {
  uint32_t workers = 0;
  uint32_t process = 0;
  void archive(Archive& a) { a(workers, process); }
};

// Small parts of messages, without descriptors.
template <typename T>
std::string toBytes(T value) {
  Descriptors none;
  Archive out(none);
  out(value);
  return out.takeBytes();
}
template <typename T>
bool fromBytes(const std::string& bytes, T& value) {
  Descriptors none;
  Archive in(asBytes(bytes), none);
  in(value);
  return in.ok() && in.atEnd();
}

// The new process's side: the process that it takes over from.
class Predecessor {
 public:
  explicit Predecessor(HandoverChannel channel) : channel_(std::move(channel)) {}

  // Sends a hello; a refusal is returned as an error.
  Result<Identity> identify(unsigned workers);
  // From now on the old process waits, until the channel is closed or it has received taken().
  Result<TakeoverSnapshot> take();
  // We have everything. On an error the old process continues, and nothing is ours.
  Status taken();

 private:
  HandoverChannel channel_;
};

// The old process's side: the process that takes over, after its hello.
class Successor {
 public:
  // Calls `ready` once, when the new process is ready to take over or has closed the channel.
  Successor(net::EventLoop& loop, HandoverChannel channel, std::function<void()> ready);
  ~Successor();
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  HandoverChannel& channel() { return channel_; }

 private:
  HandoverChannel channel_;
  const std::function<void()> ready_;
  uv_poll_t* const poll_;
};

}  // namespace sluice::server
