#include "source/server/handover.h"

#include <unistd.h>

#include <utility>

namespace sluice::server {
namespace {

constexpr Duration kPatience = 10s;  // an old process may wait for handshakes to finish

}  // namespace

void TakeoverSnapshot::archive(Archive& a) {
  a(ports, rooms, process);
  a.descriptor(admin);
  a.descriptor(join);
  a.descriptor(takeover);
}

// The descriptors of the snapshot come first, then each worker's.
HandoverMessage TakeoverSnapshot::toMessage() {
  HandoverMessage message{.kind = HandoverKind::kSnapshot, .body = {}, .descriptors = {}};
  Descriptors own;
  Archive part(own);
  archive(part);
  std::string head = part.takeBytes();
  std::vector<std::pair<uint32_t, std::string>> parts{{own.all().size(), std::move(head)}};
  message.descriptors = own.all();
  for (runtime::WorkerState& worker : workers) {
    parts.emplace_back(worker.descriptors.size(), std::move(worker.bytes));
    message.descriptors.insert(message.descriptors.end(), worker.descriptors.begin(),
                               worker.descriptors.end());
  }
  message.body = toBytes(std::move(parts));
  return message;
}

Result<TakeoverSnapshot> TakeoverSnapshot::fromMessage(HandoverMessage message) {
  std::vector<std::pair<uint32_t, std::string>> parts;
  std::vector<int>& all = message.descriptors;
  const bool readable = fromBytes(message.body, parts) && !parts.empty();
  size_t described = 0;
  for (const auto& [count, bytes] : parts) described += count;
  if (!readable || described != all.size()) {
    for (const int fd : all) close(fd);
    return Error{"", "a message of the other process cannot be read"};
  }
  TakeoverSnapshot snapshot;
  auto from = all.begin();
  const auto next = [&](uint32_t count) {
    std::vector<int> some(from, from + count);
    from += count;
    return some;
  };
  Descriptors own(next(parts.front().first));
  Archive in(asBytes(parts.front().second), own);
  snapshot.archive(in);
  for (size_t i = 1; i < parts.size(); ++i) {
    std::vector<int> some = next(parts[i].first);
    snapshot.workers.push_back({std::move(parts[i].second), std::move(some)});
  }
  if (!in.ok()) return Error{"", "a message of the other process cannot be read"};
  return snapshot;
}

Successor::Successor(net::EventLoop& loop, HandoverChannel channel, std::function<void()> ready)
    : channel_(std::move(channel)), ready_(std::move(ready)), poll_(new uv_poll_t) {
  uv_poll_init(loop.raw(), poll_, channel_.descriptor());
  poll_->data = this;
  uv_poll_start(poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    uv_poll_stop(handle);
    static_cast<Successor*>(handle->data)->ready_();
  });
}

Successor::~Successor() {
  uv_poll_stop(poll_);
  uv_close(reinterpret_cast<uv_handle_t*>(poll_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
}

Result<Identity> Predecessor::identify(unsigned workers) {
  const Hello hello{workers, static_cast<uint32_t>(getpid())};
  Status sent = channel_.send({HandoverKind::kHello, toBytes(hello), {}}, kPatience);
  if (!sent.ok()) return sent.errors();
  auto answer = channel_.receive(HandoverKind::kIdentity, kPatience);
  if (!answer.ok()) return answer.errors();
  Identity identity;
  if (!fromBytes(answer->body, identity)) return Error{"", "a message of the other process cannot be read"};
  return identity;
}

Result<TakeoverSnapshot> Predecessor::take() {
  Status sent = channel_.send({HandoverKind::kTake, {}, {}}, kPatience);
  if (!sent.ok()) return sent.errors();
  auto answer = channel_.receive(HandoverKind::kSnapshot, kPatience);
  if (!answer.ok()) return answer.errors();
  return TakeoverSnapshot::fromMessage(*std::move(answer));
}

Status Predecessor::taken() {
  // If sending fails, the other process is gone or has just refused.
  static_cast<void>(channel_.send({HandoverKind::kAccepted, {}, {}}, kPatience));
  const auto answer = channel_.receive(HandoverKind::kCommit, kPatience);
  // An old process that died without a reply does not continue either.
  if (answer.ok() || channel_.isClosed()) return Done{};
  return answer.errors();
}

}  // namespace sluice::server
