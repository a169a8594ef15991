// An HTTP/1.1 server on libmicrohttpd that runs inside an existing libuv loop, on the loop's thread.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "source/base/clock.h"
#include "source/base/result.h"
#include "source/http/message.h"
#include "source/http/rate_limiter.h"

struct MHD_Connection;
struct MHD_Daemon;

namespace sluice::http {

// Answers one request, without blocking. It must not destroy the server.
using Handler = std::function<Response(const Request&)>;

struct Options {
  std::string host = "127.0.0.1";  // an IPv4 or IPv6 address
  uint16_t port = 0;               // 0: one that is free, see Server::port()
  int listening = -1;              // a socket that listens at host and port already, the server's from now on
  std::string certificate_file{};  // PEM chain; with private_key_file: TLS 1.2 and later
  std::string private_key_file{};
  size_t max_body_bytes = 64 * 1024;
  unsigned max_connections = 1000;
  unsigned max_connections_per_ip = 100;
  unsigned idle_timeout_seconds = 60;
  unsigned heartbeat_seconds = 15;  // between comments on event streams that have nothing to say
  double requests_per_second = 0;   // per client address; 0: unlimited. Beyond: 429
  double request_burst = 50;
};

class Server {
 public:
  // Errors name the option that is wrong: "host", "port", "certificate_file", "private_key_file".
  static Result<std::unique_ptr<Server>> start(uv_loop_t* loop, const Options& options, Handler handler);

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
  size_t connections() const;

 private:
  struct Callbacks;  // what libmicrohttpd and libuv call

  Server(const Options& options, Handler handler);
  Status listen();
  Status readPort();
  Status startDaemon();
  void watch(uv_loop_t* loop);
  // A request that is answered with events, while it lasts.
  struct Subscription {
    Server* server;
    MHD_Connection* connection;
    std::shared_ptr<EventStream> events;
    bool suspended = false;
  };
  void wake(Subscription& subscription);
  void beat();
  void run();  // lets libmicrohttpd work, then asks when it wants to work again

  const Options options_;
  const Handler handler_;
  const RealClock clock_;
  RateLimiter limiter_;
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
  std::set<Subscription*> subscriptions_;
};

}  // namespace sluice::http
