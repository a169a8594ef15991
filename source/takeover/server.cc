#include "source/takeover/server.h"

#include <unistd.h>

#include <utility>

#include "source/base/log.h"

namespace sluice::takeover {
namespace {

constexpr Duration kReplyTimeout = 1s;      // for a message that the other process sends at once
constexpr Duration kLoadTimeout = 5s;       // for the other process to load this process's state
constexpr Duration kMaxHandshakeWait = 2s;  // for handshakes in progress
constexpr Duration kPollInterval = 10ms;

void refuse(Channel& channel, const std::string& why) {
  static_cast<void>(channel.send({MessageKind::kRefused, why, {}}, kReplyTimeout));
}

}  // namespace

Server::Server(net::EventLoop& loop, Host& host)
    : loop_(loop), host_(host), waiting_(loop.timers(), [this] { handOverWhenIdle(); }) {}

Server::~Server() {
  const bool owns_file = state_ != State::kStarting && state_ != State::kHandedOver;
  if (owns_file && socket_ != nullptr) unlink(path_.c_str());
}

Status Server::listen(const std::string& path, int inherited) {
  if (path.empty()) {
    if (inherited >= 0) close(inherited);
    return Done{};
  }
  Result<int> fd = inherited;
  if (inherited < 0) fd = Socket::bind(path);
  if (!fd.ok()) return Error{"takeover_socket", fd.error().message};
  path_ = path;
  socket_ =
      std::make_unique<Socket>(loop_, *fd, [this](Channel channel) { onConnection(std::move(channel)); });
  return Done{};
}

void Server::serve() {
  if (state_ == State::kStarting) state_ = State::kServing;
}

void Server::onConnection(Channel channel) {
  const auto message = channel.receive(MessageKind::kHello, kReplyTimeout);
  if (!message.ok()) return;
  Hello hello;
  const bool readable = fromBytes(message->body, hello);
  const std::string why = readable ? refusalOf(hello) : "the first message cannot be read";
  if (!why.empty()) {
    log::warn("takeover refused: {}", why);
    return refuse(channel, why);
  }
  const Status sent = channel.send({MessageKind::kIdentity, toBytes(host_.identity()), {}}, kReplyTimeout);
  if (!sent.ok()) return;
  log::info("process {} requests a takeover", hello.process);
  state_ = State::kIdentified;
  successor_.emplace(std::move(channel));
  successor_poll_ =
      std::make_unique<net::Poll>(loop_, successor_->descriptor(), net::Poll::kReadable, [this](int) {
        successor_poll_->stop();
        onReadable();
      });
}

std::string Server::refusalOf(const Hello& hello) const {
  if (std::string why = host_.refusal(); !why.empty()) return why;
  if (successor_) return "another process is taking over";
  if (hello.workers == host_.workers()) return {};
  return "workers.count must be the same: " + std::to_string(host_.workers()) + ", not " +
         std::to_string(hello.workers);
}

void Server::onReadable() {
  if (successor_->receive(MessageKind::kTake, kReplyTimeout).ok()) {
    state_ = State::kWaiting;
    ready_ = loop_.clock().now();
    return handOverWhenIdle();
  }
  log::info("the process that requested a takeover has closed the connection");
  forgetSuccessor();
}

void Server::handOverWhenIdle() {
  if (host_.hasPendingHandshakes() && loop_.clock().now() - ready_ < kMaxHandshakeWait) {
    return waiting_.arm(kPollInterval);
  }
  handOver();
}

void Server::handOver() {
  const Status status = transfer();
  if (!status.ok()) {
    log::error("takeover failed, this process continues: {}", status.error().message);
    refuse(*successor_, "too late: the old process continues");
    host_.resume();
    return forgetSuccessor();
  }
  host_.end();
  static_cast<void>(successor_->send({MessageKind::kCommit, {}, {}}, kReplyTimeout));
  state_ = State::kHandedOver;
  log::info("another process has taken over");
}

Status Server::transfer() {
  Snapshot snapshot = host_.pause();
  snapshot.takeover = socket_->descriptor();
  if (Status sent = successor_->send(snapshot.toMessage(), kLoadTimeout); !sent.ok()) return sent;
  const auto accepted = successor_->receive(MessageKind::kAccepted, kLoadTimeout);
  if (!accepted.ok()) return accepted.errors();
  return Done{};
}

void Server::forgetSuccessor() {
  state_ = State::kServing;
  loop_.post([this] {
    successor_poll_.reset();
    successor_.reset();
  });
}

}  // namespace sluice::takeover
