#include "source/http/event_stream.h"

#include <algorithm>

namespace sluice::http {

void EventStream::send(std::string_view name, std::string_view data, std::string_view id) {
  const std::string id_line = id.empty() ? "" : "id: " + std::string(id) + "\n";
  append(id_line + "event: " + std::string(name) + "\ndata: " + std::string(data) + "\n\n");
}

void EventStream::append(std::string_view text) {
  if (ended_) return;
  if (pending_.size() + text.size() > kMaxPending) return end();
  pending_ += text;
  if (ready_) ready_();
}

void EventStream::end() {
  if (ended_) return;
  ended_ = true;
  if (ready_) ready_();
}

void EventStream::abandon() {
  pending_.clear();
  end();
}

void EventStream::onClosed() {
  ready_ = nullptr;
  ended_ = true;
  pending_.clear();
}

std::string EventStream::take(size_t most) {
  const size_t size = std::min(most, pending_.size());
  std::string taken = pending_.substr(0, size);
  pending_.erase(0, size);
  return taken;
}

}  // namespace sluice::http
