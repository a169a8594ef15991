#include "source/http/server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "source/http/event_stream.h"
#include "source/net/event_loop.h"

namespace sluice::http {
namespace {

// A loop with a server that responds with the content of the request.
class Fixture {
 public:
  explicit Fixture(Options options = {}) {
    admission = options.admission;
    auto started = Server::start(
        loop_, options,
        {.handle = [this](const Request& request) { return respond(request); },
         .refuse = [this](const Request& request) { return refuse(request); },
         .cost = [](const Request& request) { return request.path == "/cheap" ? 0.25 : 1; },
         .finish = [](const Request&,
                      Response& response) { response.headers.emplace_back("X-Finished", "yes"); }});
    REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : toString(started.errors())));
    server = *std::move(started);
  }

  ~Fixture() { server.reset(); }

  int connect() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return fd;
  }

  // Runs the loop until `done`, at most five seconds.
  template <typename Condition>
  void turnUntil(Condition done) {
    const RealClock clock;
    for (const Instant end = clock.now() + 5s; !done() && clock.now() < end;)
      uv_run(loop_.raw(), UV_RUN_NOWAIT);
  }

  // Everything that the server sends until it closes or `marker` has arrived.
  std::string receive(int fd, std::string_view marker = "\1") {
    std::string received;
    turnUntil([&] {
      char buffer[4096];
      const ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (n > 0) received.append(buffer, static_cast<size_t>(n));
      return n == 0 || (n < 0 && errno != EAGAIN) || received.find(marker) != received.npos;
    });
    return received;
  }

  std::string responseTo(std::string_view request) {
    const int fd = connect();
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    std::string response = receive(fd);
    close(fd);
    return response;
  }

  Response respond(const Request& request) {
    last = request;
    ++handled;
    if (request.path == "/send") {
      events->send("sent", "by a handler");
      return text(200, "sent");
    }
    if (events) return http::events(events);
    if (page) return {.status = 200, .shared_body = page};
    return text(200, request.method + " " + request.path + " " + request.body + std::string(padding, 'x'));
  }

  std::optional<Response> refuse(const Request& request) {
    if (request.header("authorization") != "wrong") return std::nullopt;
    return error(401, "a wrong token");
  }

 private:
  net::EventLoop loop_;

 public:
  std::shared_ptr<Admission> admission;
  std::unique_ptr<Server> server;
  std::shared_ptr<const std::string> page;  // the response, when it has arrived
  size_t padding = 0;                       // bytes more of a response
  Request last;
  std::shared_ptr<EventStream> events;  // the response, when it has arrived
  int handled = 0;
};

Options limited(Limits limits) {
  Options options;
  options.admission = std::make_shared<Admission>("test", std::move(limits));
  return options;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

TEST_CASE("a request reaches the handler, and its response the client") {
  Fixture f;
  const std::string response = f.responseTo(
      "POST /v1/a%2Fb?x=1+2&y=%41 HTTP/1.1\r\nHost: h\r\nX-Thing: Value\r\nContent-Length: 4\r\n"
      "Connection: close\r\n\r\nbody");
  CHECK(response.starts_with("HTTP/1.1 200"));
  CHECK(response.ends_with("POST /v1/a%2Fb body"));
  CHECK(f.last.header("x-thing") == "Value");
  CHECK(f.last.queryParameter("x") == "1 2");
  CHECK(f.last.queryParameter("y") == "A");
  CHECK(f.last.queryParameter("z").empty());
  CHECK(f.last.peer == "127.0.0.1");
  CHECK(f.last.is_loopback);
}

TEST_CASE("a response to HEAD has no body; a connection serves several requests") {
  Fixture f;
  const std::string head = f.responseTo("HEAD /thing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(has(head, "Content-Length: 12\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));

  const int fd = f.connect();
  for (int i = 0; i < 3; ++i) {
    const std::string_view request = "GET /again HTTP/1.1\r\nHost: h\r\n\r\n";
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    CHECK(f.receive(fd, "GET /again ").starts_with("HTTP/1.1 200"));
  }
  close(fd);
}

TEST_CASE("events reach the client as they are sent, until the end") {
  Fixture f;
  f.events = std::make_shared<EventStream>();
  const int fd = f.connect();
  const std::string_view request = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  CHECK(has(f.receive(fd, "\r\n\r\n"), "Content-Type: text/event-stream\r\n"));
  for (int i = 0; i < 3; ++i) {
    f.events->send("thing", std::to_string(i));
    CHECK(has(f.receive(fd, "\n\n"), "event: thing\ndata: " + std::to_string(i) + "\n\n"));
  }
  f.events->send("last", "{}");
  f.events->end();
  CHECK(has(f.receive(fd, "0\r\n\r\n"), "event: last\ndata: {}\n\n"));
  close(fd);
}

TEST_CASE("an event that the handler of another request sends reaches the client at once") {
  Fixture f;
  f.events = std::make_shared<EventStream>();
  const int fd = f.connect();
  const std::string_view request = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  f.receive(fd, "\r\n\r\n");
  for (int i = 0; i < 3; ++i) {
    f.responseTo("GET /send HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(has(f.receive(fd, "\n\n"), "data: by a handler\n\n"));
  }
  close(fd);
}

TEST_CASE("a heartbeat detects that a subscriber has disconnected") {
  Options options;
  options.heartbeat_seconds = 1;
  Fixture f(options);
  f.events = std::make_shared<EventStream>();
  const int fd = f.connect();
  const std::string_view request = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  CHECK(has(f.receive(fd, ":\n\n"), ":\n\n"));
  CHECK_FALSE(f.events->ended());
  close(fd);
  f.turnUntil([&] { return f.events->ended(); });
  CHECK(f.events->ended());
}

TEST_CASE("a subscriber that does not read is disconnected") {
  EventStream stream;
  const std::string data(1000, 'x');
  for (int i = 0; i < 100; ++i) stream.send("big", data);
  CHECK(stream.ended());
  size_t taken = 0;
  while (true) {
    const std::string piece = stream.take(4096);
    if (piece.empty()) break;
    taken += piece.size();
  }
  CHECK(taken <= EventStream::kMaxPending);
  CHECK(taken > EventStream::kMaxPending - 2000);
}

TEST_CASE("a server stops while subscribers wait") {
  Fixture f;
  f.events = std::make_shared<EventStream>();
  const int fd = f.connect();
  const std::string_view request = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  f.receive(fd, "\r\n\r\n");
  f.server.reset();
  CHECK(f.events->ended());
  f.events->send("nobody", "hears");
  close(fd);
}

TEST_CASE("a body is received in pieces") {
  Fixture f;
  const int fd = f.connect();
  for (const std::string_view piece :
       {"POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        "3\r\nabc\r\n", "2\r\nde\r\n", "0\r\n\r\n"}) {
    ::send(fd, piece.data(), piece.size(), MSG_NOSIGNAL);
    f.turnUntil([n = 0]() mutable { return ++n > 20; });
  }
  CHECK(f.receive(fd).ends_with("POST /p abcde"));
  close(fd);
}

TEST_CASE("bodies that are too large are refused before they are read") {
  Fixture f({.max_body_bytes = 10});
  const std::string declared =
      f.responseTo("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\nabcdefghijkl");
  CHECK(declared.starts_with("HTTP/1.1 413"));
  CHECK(has(declared, "{\"error\":\"the body is larger than 10 bytes\"}"));
  const std::string chunked = f.responseTo(
      "POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      "8\r\nabcdefgh\r\n8\r\nabcdefgh\r\n0\r\n\r\n");
  CHECK(chunked.starts_with("HTTP/1.1 413"));
  CHECK(f.handled == 0);
}

TEST_CASE("malformed and abandoned requests reach no handler") {
  Fixture f;
  CHECK_FALSE(f.responseTo("nonsense\r\n\r\n").starts_with("HTTP/1.1 200"));
  CHECK(f.responseTo("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 400"));  // no Host
  const int fd = f.connect();
  const std::string_view half = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
  ::send(fd, half.data(), half.size(), MSG_NOSIGNAL);
  f.turnUntil([n = 0]() mutable { return ++n > 20; });
  close(fd);
  f.turnUntil([n = 0]() mutable { return ++n > 20; });
  CHECK(f.handled == 0);
}

TEST_CASE("the server can stop while a request is in progress") {
  int fd = -1;
  {
    Fixture f;
    fd = f.connect();
    const std::string_view half = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
    ::send(fd, half.data(), half.size(), MSG_NOSIGNAL);
    f.turnUntil([n = 0]() mutable { return ++n > 20; });
  }
  close(fd);
}

TEST_CASE("a client above its rate gets 429") {
  Fixture f(limited({.requests_per_second = 0.001, .request_burst = 2}));
  const std::string_view request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  CHECK(f.responseTo(request).starts_with("HTTP/1.1 200"));
  CHECK(f.responseTo(request).starts_with("HTTP/1.1 200"));
  const std::string refused = f.responseTo(request);
  CHECK(refused.starts_with("HTTP/1.1 429"));
  CHECK(has(refused, "Retry-After: 1\r\n"));
  CHECK(f.handled == 2);
}

TEST_CASE("a request uses as much of the rate as it costs") {
  Fixture f(limited({.requests_per_second = 0.001, .request_burst = 2}));
  const std::string_view cheap = "GET /cheap HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  for (int i = 0; i < 4; ++i) CHECK(f.responseTo(cheap).starts_with("HTTP/1.1 200"));
  CHECK(f.responseTo("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
  CHECK(f.responseTo(cheap).starts_with("HTTP/1.1 429"));
}

TEST_CASE("connections of one address are limited") {
  Fixture f(limited({.connections_per_source = 1}));
  const int first = f.connect();
  f.turnUntil([n = 0]() mutable { return ++n > 20; });
  CHECK(f.responseTo("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").empty());
  close(first);
}

TEST_CASE("a body whose headers are refused is not stored, and the client still gets the response") {
  Fixture f({.max_body_bytes = 100});
  const int fd = f.connect();
  const auto send = [&](std::string_view text) { ::send(fd, text.data(), text.size(), MSG_NOSIGNAL); };
  send("POST /p HTTP/1.1\r\nHost: h\r\nAuthorization: wrong\r\nContent-Length: 100\r\n\r\n" +
       std::string(99, 'x'));
  f.turnUntil([n = 0]() mutable { return ++n > 20; });
  CHECK(f.admission->held() == 0);
  send("x");
  CHECK(has(f.receive(fd, "token"), "HTTP/1.1 401"));
  send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(has(f.receive(fd, "GET /next"), "HTTP/1.1 200"));
  close(fd);
  CHECK(f.handled == 1);
  const std::string unauthenticated = f.responseTo(
      "POST /p HTTP/1.1\r\nHost: h\r\nAuthorization: wrong\r\nExpect: 100-continue\r\nContent-Length: "
      "100\r\n\r\n");
  CHECK(unauthenticated.starts_with("HTTP/1.1 401"));
}

TEST_CASE("bodies of all clients together are bounded") {
  Options options = limited({.bytes_in_flight = 600});  // a quarter for one client
  options.max_body_bytes = 100;
  Fixture f(options);
  const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 100\r\n\r\n";
  const std::string most = head + std::string(99, 'x');
  const int first = f.connect();
  ::send(first, most.data(), most.size(), MSG_NOSIGNAL);
  f.turnUntil([&] { return f.admission->held() == 99; });
  CHECK(f.admission->held() == 99);
  const std::string busy = f.responseTo(head + std::string(100, 'x'));
  CHECK(busy.starts_with("HTTP/1.1 503"));
  CHECK(has(busy, "Retry-After: 1\r\n"));
  CHECK(f.admission->count(Admission::Refusal::kBytesInFlight) == 1);
  close(first);
  f.turnUntil([&] { return f.admission->held() == 0; });
  CHECK(f.responseTo("POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
            .starts_with("HTTP/1.1 200"));
  CHECK(f.handled == 1);
}

TEST_CASE("unread responses share their page, and others count as bytes in flight") {
  Fixture f(limited({.bytes_in_flight = 1000}));
  f.page = std::make_shared<const std::string>(8 << 20, 'p');
  const std::string_view request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  std::vector<int> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(f.connect());
    ::send(clients.back(), request.data(), request.size(), MSG_NOSIGNAL);
  }
  f.turnUntil([&] { return f.handled == 20; });
  CHECK(f.page.use_count() == 21);
  CHECK(f.admission->held() == 0);
  for (const int fd : clients) close(fd);
  f.turnUntil([&] { return f.page.use_count() == 1; });
  CHECK(f.page.use_count() == 1);

  f.page = nullptr;
  f.padding = 8 << 20;
  const int fd = f.connect();
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  f.turnUntil([&] { return f.handled == 21; });
  CHECK(f.admission->isFull());
  CHECK(f.responseTo("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 503"));
  close(fd);
  f.turnUntil([&] { return f.admission->held() == 0; });
  CHECK(f.admission->held() == 0);
}

TEST_CASE("an incomplete request ends its connection at the deadline") {
  for (const std::string_view half :
       {"", "GET / HTTP/1.1\r\nHost:", "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"}) {
    CAPTURE(half);
    Fixture f({.request_timeout_seconds = 1});
    const int fd = f.connect();
    ::send(fd, half.data(), half.size(), MSG_NOSIGNAL);
    CHECK(f.receive(fd).empty());
    f.turnUntil([&] { return f.server->connections() == 0; });
    CHECK(f.server->connections() == 0);
    CHECK(f.admission->count(Admission::Refusal::kDeadline) == 1);
    close(fd);
  }
}

TEST_CASE("events continue after the deadline of their request") {
  Fixture f({.request_timeout_seconds = 1, .heartbeat_seconds = 3});
  f.events = std::make_shared<EventStream>();
  const int fd = f.connect();
  const std::string_view request = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  CHECK(has(f.receive(fd, ":\n\n"), ":\n\n"));  // three seconds later
  close(fd);
}

TEST_CASE("unread events count as bytes in flight, and a stream that exceeds them ends") {
  Fixture f(limited({.bytes_in_flight = 100}));
  f.events = std::make_shared<EventStream>();
  const int fd = f.connect();
  const std::string_view request = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  f.receive(fd, "\r\n\r\n");
  f.events->send("small", "1");
  CHECK(f.admission->held() == f.events->pending());
  CHECK(has(f.receive(fd, "\n\n"), "event: small"));
  CHECK(f.admission->held() == 0);
  f.events->send("large", std::string(100, 'x'));
  CHECK(f.events->ended());
  CHECK(f.admission->held() == 0);
  CHECK(f.admission->count(Admission::Refusal::kBytesInFlight) == 1);
  CHECK_FALSE(has(f.receive(fd, "0\r\n\r\n"), "large"));
  close(fd);
}

TEST_CASE("a subscriber that closes or resets its connection is detected without a heartbeat") {
  for (const bool reset : {false, true}) {
    CAPTURE(reset);
    Options options;
    options.heartbeat_seconds = 3600;
    Fixture f(options);
    f.events = std::make_shared<EventStream>();
    const int fd = f.connect();
    const std::string_view request = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    f.receive(fd, "\r\n\r\n");
    const linger abort{.l_onoff = reset, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    close(fd);
    f.turnUntil([&] { return f.server->connections() == 0; });
    CHECK(f.events->ended());
    CHECK(f.server->connections() == 0);
    CHECK(f.admission->connections() == 0);
  }
}

TEST_CASE("a request with an ambiguous end is refused, and nothing after it is read") {
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  const struct {
    const char* headers;
    const char* status;
  } kCases[] = {
      {"Content-Length: 0\r\nContent-Length: 41\r\n", "HTTP/1.1 400"},
      {"Content-Length: 0\r\nContent-Length: 0\r\n", "HTTP/1.1 400"},
      {"Content-Length: 0, 0\r\n", "HTTP/1.1 400"},
      {"Content-Length: +0\r\n", "HTTP/1.1 400"},
      {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "HTTP/1.1 400"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "HTTP/1.1 400"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "HTTP/1.1 400"},
      {"Transfer-Encoding: gzip, chunked\r\n", "HTTP/1.1 501"},
      {"Transfer-Encoding: identity\r\n", "HTTP/1.1 501"},
      {"Content-Length : 0\r\n", "HTTP/1.1 400"},
      {"Content-Length:\r\n 0\r\n", "HTTP/1.1 400"},
      {"Content-Length: 0\r\n\t41\r\n", "HTTP/1.1 400"},
      {"Transfer-Encoding:\r\n chunked\r\n", "HTTP/1.1 400"},
      {"Host: other\r\nContent-Length: 0\r\n", "HTTP/1.1 400"},
  };
  for (const auto& c : kCases) {
    CAPTURE(std::string(c.headers));
    Fixture f;
    const std::string response =
        f.responseTo("POST /p HTTP/1.1\r\nHost: h\r\n" + std::string(c.headers) + "\r\n" + smuggled);
    CHECK(response.starts_with(c.status));
    CAPTURE(response);
    CHECK_FALSE(has(response, "HTTP/1.1 200"));
    CHECK(f.handled == 0);
    CHECK(f.server->connections() == 0);
  }
  Fixture f;
  CHECK(f.responseTo("POST /p HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
            .find(" 400 ") != std::string::npos);
  CHECK(f.handled == 0);
}

TEST_CASE("every response is completed, also the server's own") {
  Fixture f(limited({.requests_per_second = 0.001, .request_burst = 3}));
  for (const char* headers :
       {"", "Content-Length: 99999999\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n"}) {
    CHECK(has(
        f.responseTo("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + std::string(headers) + "\r\n"),
        "X-Finished: yes\r\n"));
  }
  f.responseTo("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string limited = f.responseTo("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(limited.starts_with("HTTP/1.1 429"));
  CHECK(has(limited, "X-Finished: yes\r\n"));
}

TEST_CASE("connections that would exceed the rate of TLS handshakes are closed") {
  Options options =
      limited({.handshakes_per_second = 4});  // of one source: one a second, with a burst of two
  options.certificate_file = "test/http/certificate.pem";
  options.private_key_file = "test/http/private_key.pem";
  Fixture f(options);
  const int clients[] = {f.connect(), f.connect(), f.connect()};
  f.turnUntil([&] { return f.admission->count(Admission::Refusal::kHandshakes) == 1; });
  CHECK(f.admission->count(Admission::Refusal::kHandshakes) == 1);
  CHECK(f.server->connections() == 2);
  for (const int fd : clients) close(fd);
}

TEST_CASE("a server that cannot start names the option that is wrong") {
  net::EventLoop loop;
  const Handlers handlers{.handle = [](const Request&) { return Response(); }};
  const auto fail = [&](Options options) {
    auto started = Server::start(loop, options, handlers);
    REQUIRE_FALSE(started.ok());
    return started.error();
  };
  CHECK(fail({.host = "nowhere"}) == Error{"host", "not an IP address: nowhere"});
  CHECK(fail({.certificate_file = "/no/such/file"}).path == "certificate_file");
  CHECK(fail({.certificate_file = "/proc/self/comm", .private_key_file = "/no/such/file"}).path ==
        "private_key_file");
  CHECK(fail({.certificate_file = "/proc/self/comm", .private_key_file = "/proc/self/comm"}).path ==
        "certificate_file");
  {
    Fixture other;
    const Error error = fail({.port = other.server->port()});
    CHECK(error.path == "port");
    CHECK(has(error.message, "Address already in use"));
  }
}

TEST_CASE("the server supports TLS") {
  Fixture f(
      {.certificate_file = "test/http/certificate.pem", .private_key_file = "test/http/private_key.pem"});
  const std::string command =
      "printf 'GET /tls HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n' | " +
      std::string("timeout 5 openssl s_client -quiet -connect 127.0.0.1:") +
      std::to_string(f.server->port()) + " 2>/dev/null";
  std::string response;
  std::atomic<bool> done = false;
  std::thread client([&] {
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[1024];
    while (const size_t n = fread(buffer, 1, sizeof buffer, pipe)) response.append(buffer, n);
    pclose(pipe);
    done = true;
  });
  f.turnUntil([&] { return done.load(); });
  client.join();
  CHECK(response.starts_with("HTTP/1.1 200"));
  CHECK(response.ends_with("GET /tls "));
}

}  // namespace
}  // namespace sluice::http
