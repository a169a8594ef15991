// An HTTP/1.1 server on libmicrohttpd that runs inside an existing libuv loop, on the loop's thread.
#pragma once

#include <uv.h>

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

struct MHD_Connection;
struct MHD_Daemon;

namespace sluice::http {

class Subscription;

// What a server asks. None of them may block, or destroy the server.
struct Handlers {
  // Answers a whole request.
  std::function<Response(const Request&)> handle;
  // Judges a request that has a body by its headers, before any byte of the body is kept: the answer that
  // refuses it, or nothing. May be null. A request that passes still comes to `handle`.
  std::function<std::optional<Response>(const Request&)> refuse{};
  // How much of the rate of requests a request takes. May be null: 1.
  std::function<double(const Request&)> cost{};
  // Completes every answer, also those that the server gives itself (400, 413, 429, 501, 503). May be null.
  std::function<void(const Request&, Response&)> finish{};
};

struct Options {
  std::string host = "127.0.0.1";  // an IPv4 or IPv6 address
  uint16_t port = 0;               // 0: one that is free, see Server::port()
  int listening = -1;              // a socket that listens at host and port already, the server's from now on
  std::string certificate_file{};  // PEM chain; with private_key_file: TLS 1.2 and later
  std::string private_key_file{};
  size_t max_body_bytes = 64 * 1024;
  // What the server takes from its clients; never null.
  std::shared_ptr<Admission> admission = std::make_shared<Admission>("http");
  unsigned idle_timeout_seconds = 60;  // without a byte either way
  // From the accepted connection to the last byte of a request; where the connection has had an answer, from
  // there to the next headers, and from those to the last byte. An answer may take as long again, and a
  // second more for each 16 KiB; events end when they end.
  unsigned request_timeout_seconds = 30;
  unsigned heartbeat_seconds = 15;  // between comments on event streams that have nothing to say
};

class Server {
 public:
  // Errors name the option that is wrong: "host", "port", "certificate_file", "private_key_file".
  static Result<std::unique_ptr<Server>> start(uv_loop_t* loop, const Options& options, Handlers handlers);

  // Closes every connection. The loop must turn once more to release its handles.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const { return port_; }
  // Of the socket that listens, which stays the server's.
  int descriptor() const;
  // Another server, maybe of another process, listens on: takes no more connections, and leaves the socket as
  // it is. Those that are there go on.
  void leaveSocket();
  size_t connections() const { return connections_.size(); }

 private:
  struct Callbacks;  // what libmicrohttpd and libuv call
  struct Exchange;   // one request, while it arrives

  struct Connection {
    MHD_Connection* handle;
    int fd;
    net::Address peer;
    Instant deadline;          // of the request, or of its answer
    bool awaits_next = false;  // request, after an answer
  };

  Server(uv_loop_t* loop, const Options& options, Handlers handlers);
  Status listen();
  Status readPort();
  Status startDaemon();
  void watch();
  uv_timer_t* startTimer(uint64_t interval_ms, uv_timer_cb callback);
  Instant requestDeadline() const;
  Response tooLarge() const;
  Response busy(const net::Address& client);
  // Takes a piece of a body, or throws it away.
  void take(Exchange& exchange, std::string_view piece);
  void beat();
  void closeOverdue();
  void run();  // lets libmicrohttpd work, then asks when it wants to work again

  uv_loop_t* const loop_;
  const Options options_;
  const Handlers handlers_;
  const std::shared_ptr<Admission> admission_;
  const RealClock clock_;
  std::string certificate_;  // libmicrohttpd keeps pointers to both
  std::string private_key_;
  std::string last_log_;
  int listen_fd_ = -1;  // until libmicrohttpd has it
  uint16_t port_ = 0;
  bool left_ = false;  // the socket
  MHD_Daemon* daemon_ = nullptr;
  uv_poll_t* poll_ = nullptr;
  uv_timer_t* timer_ = nullptr;
  uv_timer_t* heart_ = nullptr;
  uv_timer_t* watchdog_ = nullptr;
  std::set<Connection*> connections_;
  std::set<Subscription*> subscriptions_;
};

}  // namespace sluice::http
