#include "source/runtime/evictable_sessions.h"

#include "source/runtime/session.h"
#include "source/runtime/worker_port.h"

namespace sluice::runtime {
namespace {

constexpr int kMaxSpared = 16;  // sessions skipped in a search

}  // namespace

EvictableSessions::Entry& EvictableSessions::entryOf(Session& session) {
  return session.evictable_;
}

void EvictableSessions::add(Session& session, const net::Address& site, Instant now) {
  remove(session);
  Entry& entry = entryOf(session);
  entry.site = site;
  entry.authenticates = session.chain().spec().authenticates;
  entry.since = now;
  entry.of_listener = &by_listener_[{session.port().listener->name, entry.authenticates}];
  entry.in_listener = entry.of_listener->insert(entry.of_listener->end(), &session);
  Entry::List& of_source = by_source_[site];
  entry.in_source = of_source.insert(of_source.end(), &session);
  ++size_;
  unauthenticated_ += entry.authenticates;
}

void EvictableSessions::remove(Session& session) {
  Entry& entry = entryOf(session);
  if (entry.of_listener == nullptr) return;
  entry.of_listener->erase(entry.in_listener);
  entry.of_listener = nullptr;
  const auto of_source = by_source_.find(entry.site);
  of_source->second.erase(entry.in_source);
  if (of_source->second.empty()) by_source_.erase(of_source);
  --size_;
  unauthenticated_ -= entry.authenticates;
}

bool EvictableSessions::contains(const Session& session) {
  return session.evictable_.of_listener != nullptr;
}

template <typename Wanted>
Session* EvictableSessions::nextOf(Wanted wanted) {
  Entry::List* longest = nullptr;
  for (auto& [key, list] : by_listener_) {
    if (wanted(key) && !list.empty() && (longest == nullptr || list.size() > longest->size()))
      longest = &list;
  }
  return longest == nullptr ? nullptr : nextIn(*longest);
}

Session* EvictableSessions::next() {
  return nextOf([](const Key&) { return true; });
}

Session* EvictableSessions::nextUnauthenticated() {
  return nextOf([](const Key& key) { return key.second; });
}

Session* EvictableSessions::nextOfListener(const std::string& listener) {
  return nextOf([&](const Key& key) { return key.first == listener; });
}

Session* EvictableSessions::nextIn(Entry::List& list) {
  for (int spared = 0; spared < kMaxSpared; ++spared) {
    const Session& session = *list.front();
    Entry& entry = entryOf(*list.front());
    if (entry.authenticates || session.activity().last <= entry.since) break;
    entry.since = session.activity().last;
    list.splice(list.end(), list, list.begin());
  }
  return list.front();
}

Session* EvictableSessions::nextOfSource(const net::Address& site) const {
  const auto it = by_source_.find(site);
  return it == by_source_.end() ? nullptr : it->second.front();
}

}  // namespace sluice::runtime
