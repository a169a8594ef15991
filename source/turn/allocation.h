// The permissions and channels of a TURN allocation and their lifetimes (RFC 8656 sections 6, 9 and 12).
// Pure: no I/O, every call is given the time, and expired entries have no effect even before a sweep.
//
//   allocating --provision()--> provisioned --permit()--> active
//   each of them --end(), refresh(0) or time--> expired, for good
//
// A call that the state does not allow changes nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/net/address.h"

namespace sluice::turn {

class Allocation {
 public:
  enum class State : uint8_t {
    kAllocating,   // its relayed addresses are being opened
    kProvisioned,  // the client has received them
    kActive,       // peers may send
    kExpired
  };
  static constexpr Duration kDefaultLifetime = 600s;
  static constexpr Duration kPermissionLifetime = 300s;
  static constexpr Duration kChannelLifetime = 600s;
  static constexpr uint16_t kFirstChannel = 0x4000, kLastChannel = 0x4FFF;
  static constexpr uint16_t kLastOldChannel = 0x7FFF;  // RFC 5766

  // At most `max_peers` permissions, each with up to as many ports of this server, and as many channels.
  Allocation(std::string user, size_t max_peers) : user_(std::move(user)), max_peers_(max_peers) {}
  // Existing entries beyond the new limit stay, and can be refreshed.
  void limitPeers(size_t max_peers) { max_peers_ = max_peers; }

  void provision(Instant now, Duration lifetime);
  // A lifetime of zero ends it.
  void refresh(Instant now, Duration lifetime);
  void end();
  State state(Instant now) const;
  bool isLive(Instant now) const { return state_ != State::kExpired && now < expires_; }
  const std::string& user() const { return user_; }
  Instant expires() const { return expires_; }

  // Installs or refreshes the permission for the peer's IP address. `any_port` false: only for this port and
  // those that were permitted before. False if there are too many.
  bool permit(const net::Address& peer, bool any_port, Instant now);
  enum class Permitted { kNo, kThisPort, kAnyPort };
  Permitted permitted(const net::Address& peer, Instant now) const;
  bool isPermitted(const net::Address& peer, Instant now) const {
    return permitted(peer, now) != Permitted::kNo;
  }
  bool expects(const net::Address& ip, Instant now) const {
    const auto it = permissions_.find(ip.withPort(0));
    return it != permissions_.end() && now < it->second.until;
  }
  // True if permit() would succeed for all of them, each with its `any_port`.
  using Peers = std::vector<std::pair<net::Address, bool>>;
  bool canPermit(const Peers& peers, Instant now);

  struct Channel;
  enum class Bind { kOk, kInUse, kFull };
  // Binds or refreshes the channel, with its permission. kInUse: the channel has another peer, or the peer
  // another channel.
  Bind bind(uint16_t number, const net::Address& peer, bool any_port, Instant now);
  // Null if nothing is bound to the number, or to the peer. A channel may outlive its permission.
  const Channel* channel(uint16_t number, Instant now) const;
  const Channel* channel(const net::Address& peer, Instant now) const;
  Permitted permitted(const Channel& channel, Instant now) const;
  bool isPermitted(const Channel& channel, Instant now) const {
    return permitted(channel, now) != Permitted::kNo;
  }

  // Frees the permissions and channels of one family.
  void forget(bool v6);
  // Frees expired entries, and permissions that `allowed(peer)` no longer allows (port 0: for any port).
  template <typename Allowed>
  void sweep(Instant now, Allowed allowed);

  size_t permissions() const { return permissions_.size(); }
  size_t channels() const { return channels_.size(); }
  template <typename Visit>
  void forEachPermission(Visit visit) const {
    for (const auto& [ip, permission] : permissions_) visit(ip, permission.until);
  }
  template <typename Visit>
  void forEachChannel(Visit visit) const {
    for (const Channel& channel : channels_) visit(channel.number, channel.peer, channel.until);
  }

  // Everything but the user.
  void archive(Archive& a);

  struct Permission {
    Instant until{};
    bool any_port = false;
    std::unordered_set<uint16_t> ports{};  // without any_port

    Permitted covers(uint16_t port, Instant now) const;
    void archive(Archive& a) { a(until, any_port, ports); }
  };
  struct Channel {
    net::Address peer;
    Instant until;
    const Permission* permission;  // of the peer's address; null: none
    uint16_t number;
    void archive(Archive& a) { a(peer, until, number); }
  };

 private:
  bool isProvisioned(Instant now) const { return isLive(now) && state_ != State::kAllocating; }
  void expire(Instant now);
  // After permissions were added or removed.
  void relink();
  // After channels were removed.
  void reindex();

  const std::string user_;
  size_t max_peers_;
  State state_ = State::kAllocating;
  Instant expires_ = Instant::max();
  std::unordered_map<net::Address, Permission> permissions_;  // by IP address, port 0
  // A packet finds its channel with one comparison if it is the only one, as it usually is.
  std::vector<Channel> channels_;
  std::unordered_map<uint16_t, size_t> by_number_;    // indices of channels_
  std::unordered_map<net::Address, size_t> by_peer_;  // likewise
};

template <typename Allowed>
void Allocation::sweep(Instant now, Allowed allowed) {
  expire(now);
  for (auto it = permissions_.begin(); it != permissions_.end();) {
    const net::Address& ip = it->first;
    Permission& permission = it->second;
    std::erase_if(permission.ports, [&](uint16_t port) { return !allowed(ip.withPort(port)); });
    const bool keep = permission.any_port ? allowed(ip) : !permission.ports.empty();
    it = keep ? std::next(it) : permissions_.erase(it);
  }
  relink();
}

}  // namespace sluice::turn
