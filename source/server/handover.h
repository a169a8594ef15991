// What goes from a process to the one that takes over, and how the new one asks for it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "source/runtime/handover.h"
#include "source/server/handover_channel.h"
#include "source/server/port_manager.h"

namespace sluice::server {

// Known before anything is built.
struct Identity {
  std::string certificate;  // crypto::Certificate::save()
  std::map<net::Address, net::Address> discovered;
  std::vector<std::pair<std::vector<std::string>, std::string>> stepped_back;  // config::SteppedBack
  void archive(Archive& a) { a(certificate, discovered, stepped_back); }
};

// Everything else. Written while no worker runs.
struct TakeoverSnapshot {
  std::vector<PortManager::Saved> ports;
  int admin = -1;  // sockets that listen
  int join = -1;
  int takeover = -1;
  std::string rooms;    // rooms::Directory
  std::string process;  // chain::ProcessState
  std::vector<runtime::WorkerState> workers;

  // The descriptors stay whose they are.
  HandoverMessage toMessage();
  // Takes the message's descriptors.
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

// The process before this one.
class Predecessor {
 public:
  explicit Predecessor(HandoverChannel channel) : channel_(std::move(channel)) {}

  // Introduces us; what is refused is the error.
  Result<Identity> identify(unsigned workers);
  // From now on it waits, until the channel is gone or it has heard of taken().
  Result<TakeoverSnapshot> take();
  // We have everything. An error: it goes on itself, and nothing is ours.
  Status taken();

 private:
  HandoverChannel channel_;
};

// The process after this one, which has introduced itself.
class Successor {
 public:
  // Calls `ready` once, when it says that it is ready to take, or goes.
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
