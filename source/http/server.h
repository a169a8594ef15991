// An HTTP/1.1 server on libmicrohttpd that runs inside an existing event loop, on the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "source/base/clock.h"
#include "source/base/result.h"
#include "source/http/admission.h"
#include "source/http/message.h"
#include "source/net/event_loop.h"
#include "source/net/poll.h"
#include "source/net/timer.h"

struct MHD_Connection;
struct MHD_Daemon;

namespace sluice::http {

class Subscription;

// Callbacks of the server. None of them may block or destroy the server.
struct Handlers {
  // Returns the response to a complete request.
  std::function<Response(const Request&)> handle;
  // Checks a request that has a body by its headers, before any byte of the body is kept: the response that
  // refuses it, or nothing. May be null. A request that passes is also passed to `handle`.
  std::function<std::optional<Response>(const Request&)> refuse{};
  // The share of the rate limit that a request uses. May be null: 1.
  std::function<double(const Request&)> cost{};
  // Completes every response, including those of the server itself (400, 413, 429, 501, 503). May be null.
  std::function<void(const Request&, Response&)> finish{};
};

struct Options {
  std::string host = "127.0.0.1";  // an IPv4 or IPv6 address
  uint16_t port = 0;               // 0: any free port, see Server::port()
  int listening = -1;              // a socket already listening at host and port; the server takes it
  std::string certificate_file{};  // PEM chain; with private_key_file: TLS 1.2 and later
  std::string private_key_file{};
  size_t max_body_bytes = 64 * 1024;
  // The limits for clients; never null.
  std::shared_ptr<Admission> admission = std::make_shared<Admission>("http");
  unsigned idle_timeout_seconds = 60;  // without a byte in either direction
  // For the first request of a connection: from accepting it to the last byte of the request. For later ones:
  // from the previous response to the headers, and from there to the last byte. Sending a response may take
  // as long again, plus one second per 16 KiB; event streams are exempt.
  unsigned request_timeout_seconds = 30;
  unsigned heartbeat_seconds = 15;  // between comments on idle event streams
};

class Server {
 public:
  // Errors name the wrong option: "host", "port", "certificate_file", "private_key_file". `loop` outlives the
  // server.
  static Result<std::unique_ptr<Server>> start(net::EventLoop& loop, const Options& options,
                                               Handlers handlers);

  // Closes every connection.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const { return port_; }
  // The listening socket; the server still owns it.
  int descriptor() const;
  // Accepts no more connections and leaves the socket open for another server, possibly of another process.
  // Existing connections continue.
  void leaveSocket();
  size_t connections() const { return connections_.size(); }

 private:
  struct Callbacks;  // callbacks for libmicrohttpd
  struct Exchange;   // one request being received

  struct Connection {
    MHD_Connection* handle;
    int fd;
    net::Address peer;
    Instant deadline;          // of the request, or of its response
    bool awaits_next = false;  // waiting for the next request after a response
  };

  Server(net::EventLoop& loop, const Options& options, Handlers handlers);
  Status listen();
  Status readPort();
  Status startDaemon();
  Instant requestDeadline() const;
  Response tooLarge() const;
  Response busy(const net::Address& client);
  // Takes a piece of a body, or discards it.
  void take(Exchange& exchange, std::string_view piece);
  void beat();
  void closeOverdue();
  void onResumed();
  void run();  // runs libmicrohttpd, then sets the time of the next run

  net::EventLoop& loop_;
  const Options options_;
  const Handlers handlers_;
  const std::shared_ptr<Admission> admission_;
  const RealClock clock_;
  std::string certificate_;  // libmicrohttpd keeps pointers to both
  std::string private_key_;
  std::string last_log_;
  int listen_fd_ = -1;  // until libmicrohttpd takes it
  uint16_t port_ = 0;
  bool left_ = false;     // leaveSocket() was called
  bool resumed_ = false;  // a connection was resumed since the last run began
  MHD_Daemon* daemon_ = nullptr;
  std::unique_ptr<net::Poll> poll_;  // of libmicrohttpd's epoll descriptor
  net::Timer next_run_;
  net::Timer heart_;
  net::Timer watchdog_;
  std::set<Connection*> connections_;
  std::set<Subscription*> subscriptions_;
};

}  // namespace sluice::http
