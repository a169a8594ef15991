// The state that one process hands over to the next, as messages.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "source/reload/port_manager.h"
#include "source/runtime/handover.h"
#include "source/takeover/channel.h"

namespace sluice::takeover {

// The data that the new process needs before it builds anything.
struct Identity {
  std::string certificate;  // crypto::Certificate::save()
  std::map<net::Address, net::Address> discovered;
  std::vector<std::pair<std::vector<std::string>, std::string>> rolled_back;  // config::RolledBack
  void archive(Archive& a) { a(certificate, discovered, rolled_back); }
};

// Everything else. Written while no worker runs.
struct Snapshot {
  std::vector<reload::PortManager::Saved> ports;
  int admin = -1;  // listening sockets
  int join = -1;
  int control = -1;
  int takeover = -1;
  std::string rooms;        // rooms::Directory
  std::string room_states;  // control::RoomStates
  std::string process;      // chain::ProcessState
  std::vector<runtime::WorkerState> workers;

  // Does not transfer ownership of the descriptors.
  Message toMessage();
  // Takes ownership of the message's descriptors.
  static Result<Snapshot> fromMessage(Message message);

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

}  // namespace sluice::takeover
