#include "source/takeover/snapshot.h"

#include <unistd.h>

#include <utility>

namespace sluice::takeover {
void Snapshot::archive(Archive& a) {
  a(ports, rooms, room_states, process);
  a.descriptor(admin);
  a.descriptor(join);
  a.descriptor(control);
  a.descriptor(takeover);
}

// The descriptors of the snapshot come first, then each worker's.
Message Snapshot::toMessage() {
  Message message{.kind = MessageKind::kSnapshot, .body = {}, .descriptors = {}};
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

Result<Snapshot> Snapshot::fromMessage(Message message) {
  std::vector<std::pair<uint32_t, std::string>> parts;
  std::vector<int>& all = message.descriptors;
  const bool readable = fromBytes(message.body, parts) && !parts.empty();
  size_t described = 0;
  for (const auto& [count, bytes] : parts) described += count;
  if (!readable || described != all.size()) {
    for (const int fd : all) close(fd);
    return Error{"", "a message of the other process cannot be read"};
  }
  Snapshot snapshot;
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

}  // namespace sluice::takeover
