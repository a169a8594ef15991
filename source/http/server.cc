#include "source/http/server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "source/base/log.h"
#include "source/http/event_stream.h"

namespace sluice::http {
namespace {

// How much of a body that came without Content-Length and is too big is read in order to answer 413 politely.
constexpr size_t kMaxDiscardedBytes = 1 << 20;

// For a request's headers and what is on its way out; bodies are elsewhere.
constexpr size_t kConnectionBytes = 16 * 1024;

// One request while it arrives.
struct Exchange {
  Request request;
  size_t discarded = 0;
};

std::string lowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

void setPeer(Request& request, const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
      inet_ntop(AF_INET, v6.s6_addr + 12, text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6, text, sizeof text);
    }
  }
  request.peer = text;
  request.is_loopback = request.peer == "::1" || request.peer.starts_with("127.");
}

MHD_Result addHeader(void* request, MHD_ValueKind, const char* name, const char* value) {
  static_cast<Request*>(request)->headers.insert_or_assign(lowerCase(name), value ? value : "");
  return MHD_YES;
}

MHD_Result addQuery(void* request, MHD_ValueKind, const char* name, const char* value) {
  const auto decoded_name = percentDecode(name), decoded_value = percentDecode(value ? value : "");
  if (decoded_name && decoded_value) {
    static_cast<Request*>(request)->query.insert_or_assign(*decoded_name, *decoded_value);
  }
  return MHD_YES;
}

// Ends `out`.
MHD_Result queue(MHD_Connection* connection, const Response& response, MHD_Response* out) {
  if (!out) return MHD_NO;
  if (!response.content_type.empty()) {
    MHD_add_response_header(out, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  }
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(out, name.c_str(), value.c_str());
  }
  const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(response.status), out);
  MHD_destroy_response(out);
  return queued;
}

MHD_Result send(MHD_Connection* connection, const Response& response) {
  // libmicrohttpd copies the body and only reads it, but takes a plain pointer.
  return queue(connection, response,
               MHD_create_response_from_buffer(response.body.size(), const_cast<char*>(response.body.data()),
                                               MHD_RESPMEM_MUST_COPY));
}

Result<std::string> readFile(const std::string& path, const char* option) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{option, "cannot read " + path};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

template <typename Handle>
void closeHandle(Handle* handle) {
  if (!handle) return;
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

}  // namespace

struct Server::Callbacks {
  static void onLog(void* cls, const char* format, va_list arguments) {
    char line[256];
    std::vsnprintf(line, sizeof line, format, arguments);
    auto& last = static_cast<Server*>(cls)->last_log_;
    last = line;
    while (last.ends_with('\n')) last.pop_back();
    log::debug("http: {}", last);
  }

  // Paths and queries are decoded by us, segment by segment.
  static size_t onUnescape(void*, MHD_Connection*, char* text) { return std::strlen(text); }

  static MHD_Result onRequest(void* cls, MHD_Connection* connection, const char* path, const char* method,
                              const char*, const char* data, size_t* size, void** state) {
    auto& server = *static_cast<Server*>(cls);
    if (!*state) return onHeaders(server, connection, path, method, state);

    auto& exchange = *static_cast<Exchange*>(*state);
    std::string& body = exchange.request.body;
    if (*size > 0) {
      if (exchange.discarded > 0 || body.size() + *size > server.options_.max_body_bytes) {
        exchange.discarded += *size;
      } else {
        body.append(data, *size);
      }
      *size = 0;
      return exchange.discarded > kMaxDiscardedBytes ? MHD_NO : MHD_YES;
    }
    if (exchange.discarded > 0) return send(connection, tooLarge(server));
    const Response response = server.handler_(exchange.request);
    return response.events ? subscribe(server, connection, response) : send(connection, response);
  }

  static MHD_Result onHeaders(Server& server, MHD_Connection* connection, const char* path,
                              const char* method, void** state) {
    auto* exchange = new Exchange;
    *state = exchange;
    Request& request = exchange->request;
    request.method = method;
    request.path = path;
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    setPeer(request, info->client_addr);
    if (!server.limiter_.allow(request.peer, server.clock_.now())) {
      Response response = error(429, "too many requests from " + request.peer);
      response.headers.emplace_back("Retry-After", "1");
      return send(connection, response);
    }
    MHD_get_connection_values(connection, MHD_HEADER_KIND, addHeader, &request);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, addQuery, &request);
    const std::string_view length = request.header("content-length");
    uint64_t bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), bytes);
    if (bytes > server.options_.max_body_bytes) return send(connection, tooLarge(server));
    return MHD_YES;
  }

  static Response tooLarge(const Server& server) {
    return error(413, "the body is larger than " + std::to_string(server.options_.max_body_bytes) + " bytes");
  }

  static void onCompleted(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    delete static_cast<Exchange*>(*state);
    *state = nullptr;
  }

  static MHD_Result subscribe(Server& server, MHD_Connection* connection, const Response& response) {
    auto* subscription = new Subscription{&server, connection, response.events};
    server.subscriptions_.insert(subscription);
    response.events->onReady([subscription] { subscription->server->wake(*subscription); });
    return queue(
        connection, response,
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, onRead, subscription, onUnsubscribed));
  }

  // Without anything to send the connection sleeps until its events are ready.
  static ssize_t onRead(void* cls, uint64_t, char* buffer, size_t most) {
    auto& subscription = *static_cast<Subscription*>(cls);
    const std::string bytes = subscription.events->take(most);
    if (bytes.empty() && subscription.events->ended()) return MHD_CONTENT_READER_END_OF_STREAM;
    if (bytes.empty()) {
      MHD_suspend_connection(subscription.connection);
      subscription.suspended = true;
    }
    std::copy(bytes.begin(), bytes.end(), buffer);
    return static_cast<ssize_t>(bytes.size());
  }

  static void onUnsubscribed(void* cls) {
    auto* subscription = static_cast<Subscription*>(cls);
    subscription->events->onClosed();
    subscription->server->subscriptions_.erase(subscription);
    delete subscription;
  }

  static void onHeartbeat(uv_timer_t* timer) { static_cast<Server*>(timer->data)->beat(); }
  static void onPoll(uv_poll_t* poll, int, int) { static_cast<Server*>(poll->data)->run(); }
  static void onTimer(uv_timer_t* timer) { static_cast<Server*>(timer->data)->run(); }
};

Server::Server(const Options& options, Handler handler)
    : options_(options),
      handler_(std::move(handler)),
      limiter_(options.requests_per_second, options.request_burst) {}

Result<std::unique_ptr<Server>> Server::start(uv_loop_t* loop, const Options& options, Handler handler) {
  std::unique_ptr<Server> server(new Server(options, std::move(handler)));
  if (auto listening = server->listen(); !listening) return listening.errors();
  if (auto started = server->startDaemon(); !started) return started.errors();
  server->watch(loop);
  return server;
}

Server::~Server() {
  if (daemon_) leaveSocket();
  if (poll_) uv_poll_stop(poll_);
  closeHandle(poll_);
  closeHandle(timer_);
  closeHandle(heart_);
  // libmicrohttpd must not be stopped while connections sleep.
  for (Subscription* subscription : subscriptions_) {
    subscription->events->onReady(nullptr);
    if (std::exchange(subscription->suspended, false)) MHD_resume_connection(subscription->connection);
    subscription->events->end();
  }
  if (daemon_) {
    MHD_run(daemon_);
    MHD_stop_daemon(daemon_);
  }
  if (listen_fd_ >= 0) close(listen_fd_);
}

Status Server::listen() {
  sockaddr_storage address{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  socklen_t length = sizeof v4;
  if (inet_pton(AF_INET, options_.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(options_.port);
  } else if (inet_pton(AF_INET6, options_.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(options_.port);
    length = sizeof v6;
  } else {
    return Error{"host", "not an IP address: " + options_.host};
  }

  const auto failed = [&] {
    return Error{"port", "cannot listen on " + options_.host + " port " + std::to_string(options_.port) +
                             ": " + std::strerror(errno)};
  };
  listen_fd_ = options_.listening;
  if (listen_fd_ >= 0) return readPort();
  listen_fd_ = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listen_fd_ < 0) return failed();
  const int on = 1;
  setsockopt(listen_fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listen_fd_, reinterpret_cast<sockaddr*>(&address), length) != 0) return failed();
  if (::listen(listen_fd_, 128) != 0) return failed();
  return readPort();
}

Status Server::readPort() {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return Error{"port", std::string("no socket that listens: ") + std::strerror(errno)};
  }
  port_ = ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                             : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
  return Done{};
}

int Server::descriptor() const {
  return MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
}

void Server::leaveSocket() {
  if (std::exchange(left_, true)) return;
  const int fd = MHD_quiesce_daemon(daemon_);  // stopping the daemon would shut it down for everyone
  if (fd >= 0) close(fd);
}

size_t Server::connections() const {
  return MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

Status Server::startDaemon() {
  const bool tls = !options_.certificate_file.empty();
  if (tls) {
    auto certificate = readFile(options_.certificate_file, "certificate_file");
    if (!certificate) return certificate.errors();
    auto private_key = readFile(options_.private_key_file, "private_key_file");
    if (!private_key) return private_key.errors();
    certificate_ = *std::move(certificate);
    private_key_ = *std::move(private_key);
  }
  const MHD_OptionItem tls_options[] = {
      {MHD_OPTION_HTTPS_MEM_CERT, 0, certificate_.data()},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, private_key_.data()},
      {MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>("NORMAL:-VERS-TLS1.0:-VERS-TLS1.1")},
      {MHD_OPTION_END, 0, nullptr},
  };
  const int listen_fd = std::exchange(listen_fd_, -1);  // libmicrohttpd closes it, also when it cannot start
  const unsigned flags =
      MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : MHD_NO_FLAG);
  daemon_ =
      MHD_start_daemon(flags, 0, nullptr, nullptr, Callbacks::onRequest, this,                          //
                       MHD_OPTION_EXTERNAL_LOGGER, Callbacks::onLog, this,                              //
                       MHD_OPTION_ARRAY, tls ? tls_options : tls_options + std::size(tls_options) - 1,  //
                       MHD_OPTION_LISTEN_SOCKET, listen_fd,                                             //
                       MHD_OPTION_UNESCAPE_CALLBACK, Callbacks::onUnescape, nullptr,                    //
                       MHD_OPTION_NOTIFY_COMPLETED, Callbacks::onCompleted, nullptr,                    //
                       MHD_OPTION_CONNECTION_LIMIT, options_.max_connections,                           //
                       MHD_OPTION_PER_IP_CONNECTION_LIMIT, options_.max_connections_per_ip,             //
                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes,                            //
                       MHD_OPTION_CONNECTION_TIMEOUT, options_.idle_timeout_seconds,                    //
                       MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
  if (daemon_) return Done{};
  return Error{tls ? "certificate_file" : "", "cannot start the HTTP server: " + last_log_};
}

void Server::watch(uv_loop_t* loop) {
  const auto* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  poll_ = new uv_poll_t;
  uv_poll_init(loop, poll_, info->epoll_fd);
  poll_->data = this;
  uv_poll_start(poll_, UV_READABLE, Callbacks::onPoll);
  timer_ = new uv_timer_t;
  uv_timer_init(loop, timer_);
  timer_->data = this;
  heart_ = new uv_timer_t;
  uv_timer_init(loop, heart_);
  heart_->data = this;
  const uint64_t beat_ms = options_.heartbeat_seconds * 1000;
  uv_timer_start(heart_, Callbacks::onHeartbeat, beat_ms, beat_ms);
  uv_unref(reinterpret_cast<uv_handle_t*>(heart_));
}

void Server::wake(Subscription& subscription) {
  if (!std::exchange(subscription.suspended, false)) return;
  MHD_resume_connection(subscription.connection);
  uv_timer_start(timer_, Callbacks::onTimer, 0, 0);
}

void Server::beat() {
  for (Subscription* subscription : subscriptions_) {
    if (subscription->suspended) subscription->events->beat();
  }
}

void Server::run() {
  MHD_run(daemon_);
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  if (MHD_get_timeout(daemon_, &milliseconds) == MHD_YES) {
    uv_timer_start(timer_, Callbacks::onTimer, milliseconds, 0);
  } else {
    uv_timer_stop(timer_);
  }
}

}  // namespace sluice::http
