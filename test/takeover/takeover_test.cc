// Both sides of a takeover over a real Unix socket: the old process on a thread of its own, the new one here.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "source/takeover/client.h"
#include "source/takeover/server.h"

namespace sluice::takeover {
namespace {

constexpr unsigned kWorkers = 3;

// Only the thread of the old process calls it, except for the atomics.
struct FakeHost final : Host {
  std::string refusal() const override { return draining ? "draining" : ""; }
  unsigned workers() const override { return kWorkers; }
  Identity identity() const override {
    return {.certificate = "certificate", .discovered = {}, .rolled_back = {}};
  }
  bool hasPendingHandshakes() const override { return pending_handshakes; }
  Snapshot pause() override {
    ++paused;
    Snapshot snapshot;
    snapshot.rooms = "rooms";
    snapshot.workers = {{"first", {}}, {"second", {}}, {"third", {}}};
    return snapshot;
  }
  void resume() override { ++resumed; }
  void end() override { ++ended; }

  std::atomic<bool> draining{false};
  std::atomic<bool> pending_handshakes{false};
  std::atomic<int> paused{0};
  std::atomic<int> resumed{0};
  std::atomic<int> ended{0};
};

class OldProcess {
 public:
  OldProcess() {
    char name[] = "/tmp/sluice_takeover_XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    directory_ = name;
    std::promise<Status> listening;
    auto result = listening.get_future();
    thread_ = std::thread([this, &listening] {
      net::EventLoop loop;
      {
        Server server(loop, host);
        loop_ = &loop;
        listening.set_value(server.listen(path(), -1));
        server.serve();
        loop.run();
        handed_over_ = server.isHandedOver();
      }
    });
    REQUIRE(result.get().ok());
  }
  ~OldProcess() {
    stop();
    std::filesystem::remove_all(directory_);
  }

  std::string path() const { return directory_ + "/takeover"; }
  // Runs on its thread and waits until it has.
  void on(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.load()->post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  // True if another process owns everything.
  bool stop() {
    if (thread_.joinable()) {
      loop_.load()->stop();
      thread_.join();
    }
    return handed_over_;
  }

  FakeHost host;

 private:
  std::string directory_;
  std::atomic<net::EventLoop*> loop_{nullptr};
  bool handed_over_ = false;
  std::thread thread_;
};

// Once no other process is taking over.
std::unique_ptr<Client> connect(const OldProcess& old) {
  for (;;) {
    auto client = Client::connect(old.path(), kWorkers);
    if (client.ok()) {
      REQUIRE(*client != nullptr);
      return *std::move(client);
    }
    REQUIRE(client.error().message == "another process is taking over");
    std::this_thread::yield();
  }
}

TEST_CASE("takeover: the new process gets the snapshot, and the old one ends") {
  OldProcess old;
  const auto client = connect(old);
  CHECK(client->identity().certificate == "certificate");
  auto snapshot = client->take();
  REQUIRE(snapshot.ok());
  CHECK(snapshot->rooms == "rooms");
  CHECK(snapshot->workers.size() == kWorkers);
  CHECK(snapshot->takeover >= 0);
  CHECK(old.host.ended == 0);
  runtime::LoadingWorkers loading;
  CHECK(client->finish(loading).ok());
  CHECK(old.stop());
  CHECK(old.host.ended == 1);
  CHECK(old.host.resumed == 0);
  CHECK(std::filesystem::exists(old.path()));  // the new process listens there
  close(snapshot->takeover);
}

TEST_CASE("takeover: the old process continues when the new one gives up, before or after the snapshot") {
  OldProcess old;
  connect(old).reset();
  {
    const auto client = connect(old);
    const auto snapshot = client->take();
    REQUIRE(snapshot.ok());
    close(snapshot->takeover);
  }
  // The next one is served only after the old process has gone on.
  std::unique_ptr<Client> client = connect(old);
  CHECK(old.host.paused == 1);
  CHECK(old.host.resumed == 1);
  CHECK_FALSE(old.stop());
  CHECK_FALSE(std::filesystem::exists(old.path()));
}

TEST_CASE("takeover: a process that drains, or has another number of workers, is not taken over") {
  OldProcess old;
  const auto wrong = Client::connect(old.path(), kWorkers + 1);
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().message == "workers.count must be the same: 3, not 4");
  old.host.draining = true;
  const auto draining = Client::connect(old.path(), kWorkers);
  REQUIRE_FALSE(draining.ok());
  CHECK(draining.error().message == "draining");
}

TEST_CASE("takeover: only one process at a time takes over") {
  OldProcess old;
  const auto first = connect(old);
  const auto second = Client::connect(old.path(), kWorkers);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().message == "another process is taking over");
}

TEST_CASE("takeover: handshakes in progress are waited for") {
  OldProcess old;
  old.host.pending_handshakes = true;
  const auto client = connect(old);
  auto snapshot = std::async(std::launch::async, [&] { return client->take(); });
  old.on([] {});
  CHECK(old.host.paused == 0);
  old.host.pending_handshakes = false;
  const auto taken = snapshot.get();
  REQUIRE(taken.ok());
  CHECK(old.host.paused == 1);
  close(taken->takeover);
}

TEST_CASE("takeover: without a process to take over from there is no client") {
  const auto client = Client::connect("/tmp/sluice_there_is_no_such_socket", kWorkers);
  REQUIRE(client.ok());
  CHECK(*client == nullptr);
}

TEST_CASE("takeover: a socket file that a process listens on is not replaced") {
  OldProcess old;
  net::EventLoop loop;
  FakeHost host;
  Server second(loop, host);
  const Status status = second.listen(old.path(), -1);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().path == "takeover_socket");
}

}  // namespace
}  // namespace sluice::takeover
