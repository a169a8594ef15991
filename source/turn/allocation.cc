#include "source/turn/allocation.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <set>

namespace sluice::turn {

void Allocation::provision(Instant now, Duration lifetime) {
  if (state_ != State::kAllocating) return;
  state_ = State::kProvisioned;
  expires_ = now + lifetime;
}

void Allocation::refresh(Instant now, Duration lifetime) {
  if (!isProvisioned(now)) return;
  if (lifetime <= Duration::zero()) return end();
  expires_ = now + lifetime;
}

void Allocation::end() {
  state_ = State::kExpired;
  permissions_.clear();
  channels_.clear();
  reindex();
}

Allocation::State Allocation::state(Instant now) const {
  return isLive(now) ? state_ : State::kExpired;
}

bool Allocation::permit(const net::Address& peer, bool any_port, Instant now) {
  if (!isProvisioned(now)) return false;
  const net::Address ip = peer.withPort(0);
  auto it = permissions_.find(ip);
  if (it == permissions_.end()) {
    if (permissions_.size() >= max_peers_) expire(now);
    if (permissions_.size() >= max_peers_) return false;
    it = permissions_.try_emplace(ip).first;
    for (Channel& channel : channels_) {
      if (std::ranges::equal(channel.peer.ip(), ip.ip())) channel.permission = &it->second;
    }
  }
  Permission permission = now < it->second.until ? it->second : Permission{};  // an expired one starts empty
  permission.until = now + kPermissionLifetime;
  permission.any_port = permission.any_port || any_port;
  auto& ports = permission.ports;
  const bool is_new = !permission.any_port && ports.insert(peer.port()).second;
  if (is_new && ports.size() > max_peers_) return false;
  it->second = std::move(permission);
  state_ = State::kActive;
  return true;
}

bool Allocation::canPermit(const Peers& peers, Instant now) {
  expire(now);
  std::map<net::Address, std::set<uint16_t>> ports;  // by IP address: those that would be permitted
  size_t fresh = 0;
  for (const auto& [peer, any_port] : peers) {
    const net::Address ip = peer.withPort(0);
    const auto known = permissions_.find(ip);
    const auto [entry, first] = ports.try_emplace(ip);
    if (first && known == permissions_.end()) ++fresh;
    if (any_port || (known != permissions_.end() && known->second.any_port)) continue;
    if (first && known != permissions_.end()) {
      entry->second.insert(known->second.ports.begin(), known->second.ports.end());
    }
    const bool is_new = entry->second.insert(peer.port()).second;
    if (is_new && entry->second.size() > max_peers_) return false;
  }
  return fresh == 0 || permissions_.size() + fresh <= max_peers_;
}

Allocation::Permitted Allocation::permitted(const net::Address& peer, Instant now) const {
  if (!isLive(now)) return Permitted::kNo;
  const auto it = permissions_.find(peer.withPort(0));
  return it == permissions_.end() ? Permitted::kNo : it->second.covers(peer.port(), now);
}

Allocation::Permitted Allocation::permitted(const Channel& channel, Instant now) const {
  return channel.permission == nullptr ? Permitted::kNo
                                       : channel.permission->covers(channel.peer.port(), now);
}

Allocation::Permitted Allocation::Permission::covers(uint16_t port, Instant now) const {
  if (now >= until) return Permitted::kNo;
  if (any_port) return Permitted::kAnyPort;
  return ports.contains(port) ? Permitted::kThisPort : Permitted::kNo;
}

Allocation::Bind Allocation::bind(uint16_t number, const net::Address& peer, bool any_port, Instant now) {
  assert(number >= kFirstChannel && number <= kLastOldChannel);
  const Channel* bound = channel(number, now);
  if (bound != channel(peer, now)) return Bind::kInUse;
  if (bound == nullptr) {
    const bool was_bound = by_number_.contains(number) || by_peer_.contains(peer);
    if (was_bound || channels_.size() >= max_peers_) expire(now);
    if (channels_.size() >= max_peers_) return Bind::kFull;
  }
  if (!permit(peer, any_port, now)) return Bind::kFull;
  if (bound == nullptr) {
    by_number_[number] = by_peer_[peer] = channels_.size();
    const Permission* permission = &permissions_.at(peer.withPort(0));
    channels_.push_back({.peer = peer, .until = {}, .permission = permission, .number = number});
  }
  channels_[by_number_.at(number)].until = now + kChannelLifetime;
  return Bind::kOk;
}

const Allocation::Channel* Allocation::channel(uint16_t number, Instant now) const {
  const Channel* found = nullptr;
  if (channels_.size() == 1) {
    found = channels_[0].number == number ? &channels_[0] : nullptr;
  } else if (const auto it = by_number_.find(number); it != by_number_.end()) {
    found = &channels_[it->second];
  }
  return found != nullptr && now < found->until && isLive(now) ? found : nullptr;
}

const Allocation::Channel* Allocation::channel(const net::Address& peer, Instant now) const {
  const Channel* found = nullptr;
  if (channels_.size() == 1) {
    found = channels_[0].peer == peer ? &channels_[0] : nullptr;
  } else if (const auto it = by_peer_.find(peer); it != by_peer_.end()) {
    found = &channels_[it->second];
  }
  return found != nullptr && now < found->until && isLive(now) ? found : nullptr;
}

void Allocation::forget(bool v6) {
  std::erase_if(channels_, [&](const Channel& channel) { return channel.peer.isV6() == v6; });
  std::erase_if(permissions_, [&](const auto& entry) { return entry.first.isV6() == v6; });
  reindex();
  relink();
}

void Allocation::expire(Instant now) {
  std::erase_if(permissions_, [&](const auto& entry) { return now >= entry.second.until; });
  std::erase_if(channels_, [&](const Channel& channel) { return now >= channel.until; });
  reindex();
  relink();
}

void Allocation::archive(Archive& a) {
  std::vector<std::pair<net::Address, Permission>> permissions(permissions_.begin(), permissions_.end());
  a(state_, expires_, permissions, channels_);
  if (!a.isReading()) return;
  permissions_ = {permissions.begin(), permissions.end()};
  reindex();
  relink();
}

void Allocation::relink() {
  for (Channel& channel : channels_) {
    const auto it = permissions_.find(channel.peer.withPort(0));
    channel.permission = it == permissions_.end() ? nullptr : &it->second;
  }
}

void Allocation::reindex() {
  by_number_.clear();
  by_peer_.clear();
  for (size_t i = 0; i < channels_.size(); ++i) {
    by_number_[channels_[i].number] = i;
    by_peer_[channels_[i].peer] = i;
  }
}

}  // namespace sluice::turn
