// Takes over from another process, and hands everything over to the next one.
#include <unistd.h>

#include <filesystem>
#include <map>
#include <set>

#include "source/base/log.h"
#include "source/crypto/certificate.h"
#include "source/crypto/dtls.h"
#include "source/server/server.h"

namespace sluice::server {
namespace {

constexpr Duration kAnswer = 1s;      // for a message that the other process sends at once
constexpr Duration kLoading = 5s;     // for the other process to load our state
constexpr Duration kHandshakes = 2s;  // that we wait for handshakes to finish
constexpr Duration kLookAgain = 10ms;

}  // namespace

Status Server::connectToPredecessor(const Bootstrap& bootstrap) {
  if (bootstrap.takeover_socket().empty()) return Error{"takeover_socket", "is required for --takeover"};
  const auto directory = std::filesystem::absolute(options_.config).parent_path();
  const std::string path = (directory / bootstrap.takeover_socket()).string();
  if (!std::filesystem::exists(path)) {
    log::info("no process to take over from: {} does not exist", path);
    return Done{};
  }
  auto channel = HandoverChannel::connect(path);
  if (!channel.ok()) {
    log::info("no process to take over from: {}", channel.error().message);
    return Done{};
  }
  Predecessor predecessor(*std::move(channel));
  auto workers = config::buildWorkers(bootstrap, options_.concurrency);
  auto identity = predecessor.identify(workers.ok() ? workers->count : 0);
  if (!identity.ok()) return Error{"--takeover", identity.error().message};
  auto certificate = crypto::Certificate::load(asBytes(identity->certificate));
  if (certificate == nullptr)
    return Error{"--takeover", "the certificate of the other process cannot be read"};
  dtls_ = crypto::DtlsContext::make(std::move(certificate));
  discovered_ = std::move(identity->discovered);
  for (auto& [name, content] : identity->stepped_back) {
    if (name.size() == 3) stepped_back_[{name[0], name[1], name[2]}] = std::move(content);
  }
  predecessor_.emplace(std::move(predecessor));
  return Done{};
}

Result<TakeoverSnapshot> Server::inherit() {
  if (!predecessor_) return TakeoverSnapshot{};
  takeover_began_ = clock_.now();
  auto snapshot = predecessor_->take();
  if (!snapshot.ok()) return Error{"--takeover", snapshot.error().message};
  ports_.inherit(std::move(snapshot->ports));
  Descriptors none;
  Archive process(asBytes(snapshot->process), none), rooms(asBytes(snapshot->rooms), none);
  process_.archive(process);
  rooms_.archive(rooms);
  if (!process.ok() || !rooms.ok())
    return Error{"--takeover", "the state of the other process cannot be read"};
  return snapshot;
}

Status Server::finishTakeover(runtime::LoadingWorkers& loading) {
  if (predecessor_) {
    const auto loaded = loading.loaded();
    if (!loaded.ok()) return Error{"--takeover", loaded.error().message};  // the old one continues
    Status status = predecessor_->taken();
    loading.settle(status.ok());
    predecessor_.reset();
    if (!status.ok()) return Error{"--takeover", status.error().message};
    reportTakeover(*loaded);
  }
  owns_takeover_path_ = true;
  return Done{};
}

void Server::reportTakeover(const runtime::LoadingWorkers::Loaded& loaded) {
  const Duration pause = clock_.now() - takeover_began_;
  sessions_taken_.add(loaded.kept);
  sessions_not_taken_.add(loaded.lost.size());
  log::info("took over {} sessions in {} ms; {} ended", loaded.kept,
            std::chrono::duration_cast<std::chrono::milliseconds>(pause).count(), loaded.lost.size());
  std::map<std::string, size_t> reasons;
  std::set<std::string> gone;  // players whose session is lost
  for (const auto& session : loaded.lost) {
    ++reasons[session.where + ": " + session.why];
    gone.insert(session.ufrag);
  }
  for (const auto& [reason, count] : reasons) log::warn("not taken over: {} sessions, {}", count, reason);
  for (const auto& room : rooms_.rooms()) {
    for (const auto& player : room.players) {
      if (gone.contains(player->negotiated.local.ufrag))
        rooms_.leave(player, rooms::Departure::kSessionEnded);
    }
  }
}

Status Server::bindTakeoverSocket(int inherited) {
  if (settings_.takeover_socket.empty()) {
    if (inherited >= 0) close(inherited);
    return Done{};
  }
  Result<int> fd = inherited;
  if (inherited < 0) fd = HandoverSocket::bind(settings_.takeover_socket);
  if (!fd.ok()) return Error{"takeover_socket", fd.error().message};
  takeover_socket_ = std::make_unique<HandoverSocket>(
      loop_, *fd, [this](HandoverChannel channel) { onSuccessor(std::move(channel)); });
  return Done{};
}

void Server::onSuccessor(HandoverChannel channel) {
  const auto refuse = [&](const std::string& why) {
    log::warn("takeover refused: {}", why);
    static_cast<void>(channel.send({HandoverKind::kRefused, why, {}}, kAnswer));
  };
  const auto message = channel.receive(HandoverKind::kHello, kAnswer);
  if (!message.ok()) return;
  Hello hello;
  if (!fromBytes(message->body, hello)) return refuse("the first message cannot be read");
  if (draining_) return refuse("draining");
  if (successor_ != nullptr) return refuse("another process is taking over");
  if (hello.workers != group_.workers.size()) {
    return refuse("workers.count must be the same: " + std::to_string(group_.workers.size()) + ", not " +
                  std::to_string(hello.workers));
  }
  Identity identity{dtls_->certificate().save(), discovered_, {}};
  for (const auto& [name, content] : stepped_back_) {
    identity.stepped_back.push_back({{std::get<0>(name), std::get<1>(name), std::get<2>(name)}, content});
  }
  const Status sent = channel.send({HandoverKind::kIdentity, toBytes(identity), {}}, kAnswer);
  if (!sent.ok()) return;
  log::info("process {} requests a takeover", hello.process);
  successor_ready_ = Instant{};
  successor_ = std::make_unique<Successor>(loop_, std::move(channel), [this] {
    if (successor_->channel().receive(HandoverKind::kTake, kAnswer).ok()) return onSuccessorReady();
    log::info("the process that requested a takeover has closed the connection");
    loop_.post([this] { successor_.reset(); });
  });
}

// A handshake in progress cannot be handed over; most finish within moments.
bool Server::hasPendingHandshakes() const {
  for (const auto& room : rooms_.rooms()) {
    for (const auto& player : room.players) {
      const auto& observed = player->observed;
      const bool seen = observed.worker.load(std::memory_order_relaxed) >= 0;
      if (seen && !observed.connected.load(std::memory_order_relaxed)) return true;
    }
  }
  return false;
}

void Server::onSuccessorReady() {
  if (successor_ready_ == Instant{}) successor_ready_ = clock_.now();
  if (hasPendingHandshakes() && clock_.now() - successor_ready_ < kHandshakes) {
    return successor_waits_.arm(kLookAgain);
  }
  handOver();
  if (!handed_over_) loop_.post([this] { successor_.reset(); });
}

TakeoverSnapshot Server::takeSnapshot(runtime::PausedWorkers& workers) {
  const auto written = [](auto& state) {
    Descriptors none;
    Archive out(none);
    state.archive(out);
    return out.takeBytes();
  };
  TakeoverSnapshot snapshot;
  snapshot.workers = workers.save();
  loop_.runPosted();  // messages that the workers had posted until then
  snapshot.ports = ports_.save();
  snapshot.rooms = written(rooms_);
  snapshot.process = written(process_);
  if (admin_http_.server() != nullptr) snapshot.admin = admin_http_.server()->descriptor();
  if (join_http_.server() != nullptr) snapshot.join = join_http_.server()->descriptor();
  snapshot.takeover = takeover_socket_->descriptor();
  return snapshot;
}

void Server::handOver() {
  HandoverChannel& channel = successor_->channel();
  handing_over_ = true;  // prevents a reload in between
  runtime::PausedWorkers workers(group_);
  Status status = channel.send(takeSnapshot(workers).toMessage(), kLoading);
  if (status.ok()) {
    const auto taken = channel.receive(HandoverKind::kAccepted, kLoading);
    if (!taken.ok()) status = taken.errors();
  }
  if (!status.ok()) {
    log::error("takeover failed, this process continues: {}", status.error().message);
    static_cast<void>(
        channel.send({HandoverKind::kRefused, "too late: the old process continues", {}}, kAnswer));
    handing_over_ = false;
    return;
  }
  workers.handOver();
  static_cast<void>(channel.send({HandoverKind::kCommit, {}, {}}, kAnswer));
  handed_over_ = true;
  if (admin_http_.server() != nullptr) admin_http_.server()->leaveSocket();
  if (join_http_.server() != nullptr) join_http_.server()->leaveSocket();
  log::info("another process has taken over");
  loop_.stop();
}

}  // namespace sluice::server
