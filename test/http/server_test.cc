#include "source/http/server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "source/http/event_stream.h"

namespace sluice::http {
namespace {

// A loop with a server that answers with what it was asked.
class Fixture {
 public:
  explicit Fixture(Options options = {}) {
    uv_loop_init(&loop_);
    auto started = Server::start(&loop_, options, [this](const Request& request) {
      last = request;
      ++handled;
      if (events) return http::events(events);
      return text(200, request.method + " " + request.path + " " + request.body);
    });
    REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : toString(started.errors())));
    server = *std::move(started);
  }

  ~Fixture() {
    server.reset();
    uv_run(&loop_, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop_) == 0);
  }

  int connect() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return fd;
  }

  // Turns the loop until `done`, at most five seconds.
  template <typename Condition>
  void turnUntil(Condition done) {
    const RealClock clock;
    for (const Instant end = clock.now() + 5s; !done() && clock.now() < end;) uv_run(&loop_, UV_RUN_NOWAIT);
  }

  // Everything the server sends until it closes or `marker` has come.
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

  std::string ask(std::string_view request) {
    const int fd = connect();
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    std::string answer = receive(fd);
    close(fd);
    return answer;
  }

  std::unique_ptr<Server> server;
  Request last;
  std::shared_ptr<EventStream> events;  // the answer, when it is there
  int handled = 0;

 private:
  uv_loop_t loop_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

TEST_CASE("a request reaches the handler and its response the client") {
  Fixture f;
  const std::string answer = f.ask(
      "POST /v1/a%2Fb?x=1+2&y=%41 HTTP/1.1\r\nHost: h\r\nX-Thing: Value\r\nContent-Length: 4\r\n"
      "Connection: close\r\n\r\nbody");
  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(answer.ends_with("POST /v1/a%2Fb body"));
  CHECK(f.last.header("x-thing") == "Value");
  CHECK(f.last.queryParameter("x") == "1 2");
  CHECK(f.last.queryParameter("y") == "A");
  CHECK(f.last.queryParameter("z").empty());
  CHECK(f.last.peer == "127.0.0.1");
  CHECK(f.last.is_loopback);
}

TEST_CASE("HEAD has no body; a connection serves several requests") {
  Fixture f;
  const std::string head = f.ask("HEAD /thing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
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

TEST_CASE("a heartbeat finds out that a subscriber has gone") {
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

TEST_CASE("a subscriber that does not read is cut off") {
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

TEST_CASE("a server ends while subscribers wait") {
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

TEST_CASE("a body that arrives in pieces") {
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

TEST_CASE("bodies that are too big are refused before they are read") {
  Fixture f({.max_body_bytes = 10});
  const std::string declared =
      f.ask("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\nabcdefghijkl");
  CHECK(declared.starts_with("HTTP/1.1 413"));
  CHECK(has(declared, "{\"error\":\"the body is larger than 10 bytes\"}"));
  const std::string chunked = f.ask(
      "POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      "8\r\nabcdefgh\r\n8\r\nabcdefgh\r\n0\r\n\r\n");
  CHECK(chunked.starts_with("HTTP/1.1 413"));
  CHECK(f.handled == 0);
}

TEST_CASE("malformed and abandoned requests reach no handler") {
  Fixture f;
  CHECK_FALSE(f.ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 200"));
  CHECK(f.ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 400"));  // no Host
  const int fd = f.connect();
  const std::string_view half = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
  ::send(fd, half.data(), half.size(), MSG_NOSIGNAL);
  f.turnUntil([n = 0]() mutable { return ++n > 20; });
  close(fd);
  f.turnUntil([n = 0]() mutable { return ++n > 20; });
  CHECK(f.handled == 0);
}

TEST_CASE("the server can stop while a request is on its way") {
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

TEST_CASE("a client over its rate gets 429") {
  Fixture f({.requests_per_second = 0.001, .request_burst = 2});
  const std::string_view request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  CHECK(f.ask(request).starts_with("HTTP/1.1 200"));
  CHECK(f.ask(request).starts_with("HTTP/1.1 200"));
  const std::string refused = f.ask(request);
  CHECK(refused.starts_with("HTTP/1.1 429"));
  CHECK(has(refused, "Retry-After: 1\r\n"));
  CHECK(f.handled == 2);
}

TEST_CASE("connections of one address are limited") {
  Fixture f({.max_connections_per_ip = 1});
  const int first = f.connect();
  f.turnUntil([n = 0]() mutable { return ++n > 20; });
  CHECK(f.ask("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").empty());
  close(first);
}

TEST_CASE("what cannot start says which option is wrong") {
  uv_loop_t loop;
  uv_loop_init(&loop);
  const Handler handler = [](const Request&) { return Response(); };
  const auto fail = [&](Options options) {
    auto started = Server::start(&loop, options, handler);
    REQUIRE_FALSE(started.ok());
    return started.error();
  };
  CHECK(fail({.host = "nowhere"}) == Error{"host", "not an IP address: nowhere"});
  CHECK(fail({.certificate_file = "/no/such/file"}).path == "certificate_file");
  CHECK(fail({.certificate_file = "/dev/null", .private_key_file = "/no/such/file"}).path ==
        "private_key_file");
  CHECK(fail({.certificate_file = "/dev/null", .private_key_file = "/dev/null"}).path == "certificate_file");
  {
    Fixture other;
    const Error error = fail({.port = other.server->port()});
    CHECK(error.path == "port");
    CHECK(has(error.message, "Address already in use"));
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&loop) == 0);
}

TEST_CASE("TLS") {
  Fixture f(
      {.certificate_file = "test/http/certificate.pem", .private_key_file = "test/http/private_key.pem"});
  const std::string command =
      "printf 'GET /tls HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n' | " +
      std::string("timeout 5 openssl s_client -quiet -connect 127.0.0.1:") +
      std::to_string(f.server->port()) + " 2>/dev/null";
  std::string answer;
  std::atomic<bool> done = false;
  std::thread client([&] {
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[1024];
    while (const size_t n = fread(buffer, 1, sizeof buffer, pipe)) answer.append(buffer, n);
    pclose(pipe);
    done = true;
  });
  f.turnUntil([&] { return done.load(); });
  client.join();
  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(answer.ends_with("GET /tls "));
}

}  // namespace
}  // namespace sluice::http
