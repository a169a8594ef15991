#include "source/http/server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <utility>

#include "source/base/file.h"
#include "source/base/log.h"
#include "source/base/system_error.h"
#include "source/http/request_head.h"
#include "source/http/subscription.h"

namespace sluice::http {
namespace {

// How much of a too large body without Content-Length is read, so that the client gets the 413.
constexpr size_t kMaxDiscardedBytes = 1 << 20;

// Per connection, for request headers and pending output; bodies are stored elsewhere.
constexpr size_t kConnectionBytes = 16 * 1024;

// A response that is read more slowly is aborted.
constexpr size_t kSlowestBytesPerSecond = 16 * 1024;
constexpr Duration kWatchdogInterval = 1s;

constexpr size_t kMaxPemBytes = 1 << 20;

// Admission limits connections; libmicrohttpd stops accepting at its own limit, so that one is unreachable.
constexpr unsigned kMaxDaemonConnections = 1'000'000;

// The bytes of a response, until libmicrohttpd has sent them.
struct Body {
  std::shared_ptr<const std::string> content;
  std::shared_ptr<Admission> admission;
  size_t held;  // not shared with other responses
  static void free(void* cls) {
    auto* body = static_cast<Body*>(cls);
    body->admission->release(body->held);
    delete body;
  }
};

// Consumes `out`.
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

Result<std::string> readPem(const std::string& path, const char* option) {
  auto content = readFile(path, kMaxPemBytes);
  if (!content.ok()) return Error{option, path + " " + content.error().message};
  return content;
}

}  // namespace

struct Server::Exchange {
  ~Exchange() { admission->releaseBody(client, request.body.size()); }

  std::shared_ptr<Admission> admission;
  Connection& connection;
  net::Address client;
  Request request{};
  std::optional<Response> refusal{};  // decided before the end of the body, which is discarded
  size_t discarded = 0;
};

struct Server::Callbacks {
  static void onLog(void* cls, const char* format, va_list arguments) {
    char line[256];
    std::vsnprintf(line, sizeof line, format, arguments);
    auto& last = static_cast<Server*>(cls)->last_log_;
    last = line;
    while (last.ends_with('\n')) last.pop_back();
    log::debug("http: {}", last);
  }

  // The router decodes paths and queries, segment by segment.
  static size_t onUnescape(void*, MHD_Connection*, char* text) { return std::strlen(text); }

  static MHD_Result onAccept(void* cls, const sockaddr* address, socklen_t) {
    auto& server = *static_cast<Server*>(cls);
    const bool tls = !server.certificate_.empty();
    const bool admitted =
        server.admission_->admitConnection(net::Address::fromSockaddr(address), tls, server.clock_.now());
    return admitted ? MHD_YES : MHD_NO;
  }

  static void onConnection(void* cls, MHD_Connection* handle, void** context,
                           MHD_ConnectionNotificationCode code) {
    auto& server = *static_cast<Server*>(cls);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      const auto* address = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
      const auto* socket = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
      auto* connection = new Connection{.handle = handle,
                                        .fd = socket->connect_fd,
                                        .peer = net::Address::fromSockaddr(address->client_addr),
                                        .deadline = server.requestDeadline()};
      *context = connection;
      server.connections_.insert(connection);
      server.admission_->opened(connection->peer);
    } else {
      auto* connection = static_cast<Connection*>(*context);
      server.admission_->closed(connection->peer);
      server.connections_.erase(connection);
      delete connection;
    }
  }

  static Connection& connectionOf(MHD_Connection* handle) {
    return *static_cast<Connection*>(
        MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
  }

  static MHD_Result onRequest(void* cls, MHD_Connection* handle, const char* path, const char* method,
                              const char* version, const char* data, size_t* size, void** state) {
    auto& server = *static_cast<Server*>(cls);
    if (!*state) return onHead(server, handle, readHead(handle, method, path, version), state);

    auto& exchange = *static_cast<Exchange*>(*state);
    if (*size > 0) {
      server.take(exchange, {data, *size});
      *size = 0;
      return exchange.discarded > kMaxDiscardedBytes ? MHD_NO : MHD_YES;
    }
    if (exchange.refusal) return respond(server, exchange, *std::move(exchange.refusal));
    if (server.admission_->isFull()) return respond(server, exchange, server.busy(exchange.client));
    return respond(server, exchange, server.handlers_.handle(exchange.request));
  }

  static MHD_Result onHead(Server& server, MHD_Connection* handle, RequestHead head, void** state) {
    Connection& connection = connectionOf(handle);
    if (std::exchange(connection.awaits_next, false)) connection.deadline = server.requestDeadline();
    Admission& admission = *server.admission_;
    const net::Address client = admission.clientOf(connection.peer, head.request.header("x-forwarded-for"));
    auto* exchange = new Exchange{server.admission_, connection, client, std::move(head.request)};
    *state = exchange;
    Request& request = exchange->request;
    request.peer = client.ipString();
    request.is_loopback = client.isLoopback();
    // A response that is queued here closes the connection after it is sent.
    if (head.fault) return respond(server, *exchange, *std::move(head.fault));
    const double cost = server.handlers_.cost ? server.handlers_.cost(request) : 1;
    if (!admission.admitRequest(client, server.clock_.now(), cost)) {
      Response response = error(429, "too many requests from " + request.peer);
      response.headers.emplace_back("Retry-After", "1");
      return respond(server, *exchange, std::move(response));
    }
    if (head.declared_bytes > server.options_.max_body_bytes)
      return respond(server, *exchange, server.tooLarge());
    if (!head.hasBody()) return MHD_YES;
    if (server.handlers_.refuse) exchange->refusal = server.handlers_.refuse(request);
    if (!exchange->refusal && admission.isFull()) exchange->refusal = server.busy(client);
    // A client that waits for "100 Continue" needs only the response. Others get it after they have sent the
    // whole body, because closing a connection with unread bytes may lose the response.
    if (exchange->refusal && !request.header("expect").empty()) {
      return respond(server, *exchange, *std::move(exchange->refusal));
    }
    return MHD_YES;
  }

  static MHD_Result respond(Server& server, Exchange& exchange, Response response) {
    if (server.handlers_.finish) server.handlers_.finish(exchange.request, response);
    MHD_Connection* const handle = exchange.connection.handle;
    if (response.events) {
      exchange.connection.deadline = Instant::max();
      return subscribe(server, handle, exchange.client, response);
    }
    const bool shared = response.shared_body != nullptr;
    auto content = shared ? std::move(response.shared_body)
                          : std::make_shared<const std::string>(std::move(response.body));
    const size_t size = content->size();
    exchange.connection.deadline =
        server.requestDeadline() + std::chrono::seconds{size / kSlowestBytesPerSecond};
    auto* body = new Body{std::move(content), server.admission_, shared ? 0 : size};
    server.admission_->hold(body->held);
    // libmicrohttpd only reads the body, but takes a non-const pointer.
    MHD_Response* const out = MHD_create_response_from_buffer_with_free_callback_cls(
        size, const_cast<char*>(body->content->data()), Body::free, body);
    if (out == nullptr) Body::free(body);
    return queue(handle, response, out);
  }

  static void onCompleted(void* cls, MHD_Connection* handle, void** state, MHD_RequestTerminationCode) {
    delete static_cast<Exchange*>(*state);
    *state = nullptr;
    Connection& connection = connectionOf(handle);
    connection.deadline = static_cast<Server*>(cls)->requestDeadline();
    connection.awaits_next = true;
  }

  static MHD_Result subscribe(Server& server, MHD_Connection* handle, const net::Address& client,
                              const Response& response) {
    auto* subscription = new Subscription(server.loop_, handle, response.events, server.admission_, client,
                                          [&server] { server.onResumed(); });
    server.subscriptions_.insert(subscription);
    return queue(handle, response,
                 MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, onRead,
                                                   new Subscriber{&server, subscription}, onUnsubscribed));
  }

  struct Subscriber {
    Server* server;
    Subscription* subscription;
  };

  static ssize_t onRead(void* cls, uint64_t, char* buffer, size_t most) {
    return static_cast<Subscriber*>(cls)->subscription->read(buffer, most);
  }

  static void onUnsubscribed(void* cls) {
    const std::unique_ptr<Subscriber> subscriber(static_cast<Subscriber*>(cls));
    subscriber->server->subscriptions_.erase(subscriber->subscription);
    delete subscriber->subscription;
  }
};

Server::Server(net::EventLoop& loop, const Options& options, Handlers handlers)
    : loop_(loop),
      options_(options),
      handlers_(std::move(handlers)),
      admission_(options.admission),
      next_run_(loop.timers(), [this] { run(); }),
      heart_(loop.timers(), [this] { beat(); }),
      watchdog_(loop.timers(), [this] { closeOverdue(); }) {}

Result<std::unique_ptr<Server>> Server::start(net::EventLoop& loop, const Options& options,
                                              Handlers handlers) {
  std::unique_ptr<Server> server(new Server(loop, options, std::move(handlers)));
  if (auto listening = server->listen(); !listening) return listening.errors();
  if (auto started = server->startDaemon(); !started) return started.errors();
  return server;
}

Server::~Server() {
  if (daemon_) leaveSocket();
  poll_.reset();  // before libmicrohttpd closes its descriptor
  // libmicrohttpd must not be stopped while connections are suspended.
  for (Subscription* subscription : subscriptions_) subscription->end();
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
    const std::string where = options_.host + " port " + std::to_string(options_.port);
    return Error{"port", systemError("cannot listen on " + where).message};
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
  const net::Address bound = net::boundAddress(listen_fd_);
  if (!bound.isSet()) return Error{"port", "not a listening socket"};
  port_ = bound.port();
  return Done{};
}

int Server::descriptor() const {
  return MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
}

void Server::leaveSocket() {
  if (std::exchange(left_, true)) return;
  const int fd = MHD_quiesce_daemon(daemon_);  // stopping the daemon would shut it down for all
  if (fd >= 0) close(fd);
}

Status Server::startDaemon() {
  const bool tls = !options_.certificate_file.empty();
  if (tls) {
    auto certificate = readPem(options_.certificate_file, "certificate_file");
    if (!certificate) return certificate.errors();
    auto private_key = readPem(options_.private_key_file, "private_key_file");
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
  const int listen_fd = std::exchange(listen_fd_, -1);  // libmicrohttpd closes it, even if it fails to start
  const unsigned flags =
      MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : MHD_NO_FLAG);
  daemon_ =
      MHD_start_daemon(flags, 0, Callbacks::onAccept, this, Callbacks::onRequest, this,                 //
                       MHD_OPTION_EXTERNAL_LOGGER, Callbacks::onLog, this,                              //
                       MHD_OPTION_ARRAY, tls ? tls_options : tls_options + std::size(tls_options) - 1,  //
                       MHD_OPTION_LISTEN_SOCKET, listen_fd,                                             //
                       MHD_OPTION_UNESCAPE_CALLBACK, Callbacks::onUnescape, nullptr,                    //
                       MHD_OPTION_NOTIFY_COMPLETED, Callbacks::onCompleted, this,                       //
                       MHD_OPTION_NOTIFY_CONNECTION, Callbacks::onConnection, this,                     //
                       MHD_OPTION_CONNECTION_LIMIT, kMaxDaemonConnections,                              //
                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes,                            //
                       MHD_OPTION_CONNECTION_TIMEOUT, options_.idle_timeout_seconds,                    //
                       MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
  if (!daemon_) return Error{tls ? "certificate_file" : "", "cannot start the HTTP server: " + last_log_};
  const int epoll_fd = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  poll_ = std::make_unique<net::Poll>(loop_, epoll_fd, net::Poll::kReadable, [this](int) { run(); });
  heart_.arm(std::chrono::seconds{options_.heartbeat_seconds});
  watchdog_.arm(kWatchdogInterval);
  return Done{};
}

Instant Server::requestDeadline() const {
  return clock_.now() + std::chrono::seconds{options_.request_timeout_seconds};
}

Response Server::tooLarge() const {
  return error(413, "the body is larger than " + std::to_string(options_.max_body_bytes) + " bytes");
}

Response Server::busy(const net::Address& client) {
  admission_->refused(Admission::Refusal::kBytesInFlight, client, clock_.now());
  Response response = error(503, "too many requests and responses are in progress");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

void Server::take(Exchange& exchange, std::string_view piece) {
  std::string& body = exchange.request.body;
  if (!exchange.refusal) {
    if (body.size() + piece.size() > options_.max_body_bytes) {
      exchange.refusal = tooLarge();
    } else if (!admission_->tryHoldBody(exchange.client, piece.size())) {
      exchange.refusal = busy(exchange.client);
    } else {
      body.append(piece);
      return;
    }
    admission_->releaseBody(exchange.client, body.size());
    std::string().swap(body);
  }
  exchange.discarded += piece.size();
}

void Server::beat() {
  heart_.arm(std::chrono::seconds{options_.heartbeat_seconds});
  for (Subscription* subscription : subscriptions_) subscription->beat();
}

// libmicrohttpd detects the end of the connection and closes it.
void Server::closeOverdue() {
  watchdog_.arm(kWatchdogInterval);
  const Instant now = clock_.now();
  for (Connection* connection : connections_) {
    if (now < connection->deadline) continue;
    connection->deadline = Instant::max();
    if (!connection->awaits_next) {
      admission_->refused(Admission::Refusal::kDeadline, connection->peer, now);
    }
    shutdown(connection->fd, SHUT_RDWR);
  }
}

// libmicrohttpd continues the connection in its next run; its timeout does not say so.
void Server::onResumed() {
  resumed_ = true;
  next_run_.arm(Duration::zero());
}

void Server::run() {
  resumed_ = false;
  MHD_run(daemon_);
  if (resumed_) return;  // by a handler
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  if (MHD_get_timeout(daemon_, &milliseconds) == MHD_YES) {
    next_run_.arm(std::chrono::milliseconds{milliseconds});
  } else {
    next_run_.cancel();
  }
}

}  // namespace sluice::http
