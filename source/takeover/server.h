// The old process's side of a takeover: listens on a Unix socket, and hands everything over to the process
// that connects. Main thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "source/net/event_loop.h"
#include "source/net/poll.h"
#include "source/net/timer.h"
#include "source/takeover/channel.h"
#include "source/takeover/snapshot.h"

namespace sluice::takeover {

// The process that is taken over.
class Host {
 public:
  virtual ~Host() = default;
  // The reason why no process may take over now; empty: one may.
  virtual std::string refusal() const = 0;
  virtual unsigned workers() const = 0;
  virtual Identity identity() const = 0;
  // A handshake in progress cannot be handed over; most finish within moments.
  virtual bool hasPendingHandshakes() const = 0;
  // Stops all workers and saves everything, except for the takeover socket, which the caller adds. The
  // process keeps the descriptors.
  virtual Snapshot pause() = 0;
  // The takeover failed: the workers continue.
  virtual void resume() = 0;
  // The other process owns everything: this one ends without sending anything.
  virtual void end() = 0;
};

class Server {
 public:
  // Both outlive the server.
  Server(net::EventLoop& loop, Host& host);
  // Removes the socket's file if this process owns it.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens at `path`, on `inherited` if that is a socket (>= 0), which is the server's from now on. Empty
  // path: no process can take over.
  Status listen(const std::string& path, int inherited);
  // This process serves, and owns the socket's file.
  void serve();
  bool isHandedOver() const { return state_ == State::kHandedOver; }

 private:
  enum class State {
    kStarting,  // another process may own the socket's file
    kServing,
    kIdentified,  // a process has sent kHello; it prepares
    kWaiting,     // it is ready; handshakes are in progress
    kHandedOver,
  };

  void onConnection(Channel channel);
  // The reason why this process may not take over; empty: it may.
  std::string refusalOf(const Hello& hello) const;
  void onReadable();
  void handOverWhenIdle();
  void handOver();
  Status transfer();
  // Posted, because it may be called by the successor's own handle.
  void forgetSuccessor();

  net::EventLoop& loop_;
  Host& host_;
  State state_ = State::kStarting;
  std::string path_;
  std::unique_ptr<Socket> socket_;
  std::optional<Channel> successor_;
  std::unique_ptr<net::Poll> successor_poll_;
  Instant ready_{};
  net::Timer waiting_;
};

}  // namespace sluice::takeover
