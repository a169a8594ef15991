#include "filters/stun_turn/allocation.h"

#include <algorithm>
#include <cassert>

namespace sluice::stun_turn {

void Allocation::provision(Instant now, Duration lifetime) {
  assert(state_ == State::kAllocating);
  state_ = State::kProvisioned;
  expires_ = now + lifetime;
}

void Allocation::refresh(Instant now, Duration lifetime) {
  assert(isLive(now));
  expires_ = now + lifetime;
  if (lifetime > Duration::zero()) return;
  state_ = State::kExpired;
  permissions_.clear();
  channels_.clear();
  channel_of_.clear();
}

Allocation::State Allocation::state(Instant now) const {
  return now < expires_ ? state_ : State::kExpired;
}

bool Allocation::permit(const net::Address& peer, bool any_port, Instant now) {
  assert(isLive(now));
  const net::Address ip = peer.withPort(0);
  auto it = permissions_.find(ip);
  if (it == permissions_.end()) {
    if (permissions_.size() >= max_peers_) expire(now);
    if (permissions_.size() >= max_peers_) return false;
    it = permissions_.try_emplace(ip).first;
  }
  Permission& permission = it->second;
  if (now >= permission.until) permission = {};
  permission.until = now + kPermissionLifetime;
  permission.any_port = permission.any_port || any_port;
  auto& ports = permission.ports;
  if (!permission.any_port && std::find(ports.begin(), ports.end(), peer.port()) == ports.end()) {
    if (ports.size() >= kMaxPorts) return false;
    ports.push_back(peer.port());
  }
  state_ = State::kActive;
  return true;
}

bool Allocation::isPermitted(const net::Address& peer, Instant now) const {
  if (!isLive(now)) return false;
  const auto it = permissions_.find(peer.withPort(0));
  if (it == permissions_.end() || now >= it->second.until) return false;
  const auto& ports = it->second.ports;
  return it->second.any_port || std::find(ports.begin(), ports.end(), peer.port()) != ports.end();
}

Allocation::Bind Allocation::bind(uint16_t channel, const net::Address& peer, bool any_port, Instant now) {
  assert(channel >= kFirstChannel && channel <= kLastOldChannel);
  const net::Address* bound = peerOf(channel, now);
  const auto number = channelOf(peer, now);
  if ((bound != nullptr && *bound != peer) || (number && *number != channel)) return Bind::kInUse;
  if (bound == nullptr) {
    expire(now);  // what was bound to either before
    if (channels_.size() >= max_peers_) return Bind::kFull;
  }
  if (!permit(peer, any_port, now)) return Bind::kFull;
  channels_[channel] = {peer, now + kChannelLifetime};
  channel_of_[peer] = channel;
  return Bind::kOk;
}

const net::Address* Allocation::peerOf(uint16_t channel, Instant now) const {
  const auto it = channels_.find(channel);
  return it == channels_.end() || now >= it->second.until || !isLive(now) ? nullptr : &it->second.peer;
}

std::optional<uint16_t> Allocation::channelOf(const net::Address& peer, Instant now) const {
  const auto it = channel_of_.find(peer);
  if (it == channel_of_.end() || peerOf(it->second, now) == nullptr) return std::nullopt;
  return it->second;
}

void Allocation::expire(Instant now) {
  std::erase_if(permissions_, [&](const auto& entry) { return now >= entry.second.until; });
  std::erase_if(channels_, [&](const auto& entry) {
    if (now < entry.second.until) return false;
    channel_of_.erase(entry.second.peer);
    return true;
  });
}

}  // namespace sluice::stun_turn
