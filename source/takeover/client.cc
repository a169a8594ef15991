#include "source/takeover/client.h"

#include <unistd.h>

#include <cassert>
#include <filesystem>
#include <utility>

#include "source/base/log.h"

namespace sluice::takeover {
namespace {

constexpr Duration kReplyTimeout = 10s;  // an old process may wait for handshakes to finish
constexpr const char* kUnreadable = "a message of the other process cannot be read";

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(const std::string& path, unsigned workers) {
  if (!std::filesystem::exists(path)) {
    log::info("no process to take over from: {} does not exist", path);
    return std::unique_ptr<Client>();
  }
  auto channel = Channel::connect(path);
  if (!channel.ok()) {
    log::info("no process to take over from: {}", channel.error().message);
    return std::unique_ptr<Client>();
  }
  const Hello hello{workers, static_cast<uint32_t>(getpid())};
  Status sent = channel->send({MessageKind::kHello, toBytes(hello), {}}, kReplyTimeout);
  if (!sent.ok()) return sent.errors();
  const auto reply = channel->receive(MessageKind::kIdentity, kReplyTimeout);
  if (!reply.ok()) return reply.errors();
  Identity identity;
  if (!fromBytes(reply->body, identity)) return Error{"", kUnreadable};
  return std::unique_ptr<Client>(new Client(*std::move(channel), std::move(identity)));
}

Result<Snapshot> Client::take() {
  assert(state_ == State::kIdentified);
  state_ = State::kTaking;
  Status sent = channel_.send({MessageKind::kTake, {}, {}}, kReplyTimeout);
  if (!sent.ok()) return sent.errors();
  auto reply = channel_.receive(MessageKind::kSnapshot, kReplyTimeout);
  if (!reply.ok()) return reply.errors();
  return Snapshot::fromMessage(*std::move(reply));
}

Result<runtime::LoadingWorkers::Loaded> Client::finish(runtime::LoadingWorkers& loading) {
  assert(state_ == State::kTaking);
  state_ = State::kDone;
  auto loaded = loading.loaded();
  if (!loaded.ok()) return loaded;
  const Status committed = commit();
  loading.settle(committed.ok());
  if (!committed.ok()) return committed.errors();
  return loaded;
}

Status Client::commit() {
  // If sending fails, the other process is gone or has just refused.
  static_cast<void>(channel_.send({MessageKind::kAccepted, {}, {}}, kReplyTimeout));
  const auto reply = channel_.receive(MessageKind::kCommit, kReplyTimeout);
  // An old process that ended without a reply does not continue either.
  if (reply.ok() || channel_.isClosed()) return Done{};
  return reply.errors();
}

}  // namespace sluice::takeover
