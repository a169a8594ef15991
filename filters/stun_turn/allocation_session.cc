#include "filters/stun_turn/allocation_session.h"

#include <algorithm>
#include <chrono>

#include "source/turn/wire.h"

namespace sluice::stun_turn {
namespace {

constexpr Duration kHousekeeping = 60s;

}  // namespace

using stun::ErrorCode;

AllocationSession::AllocationSession(Context context, StunWorker& worker, const TurnSettings& settings,
                                     std::string user, QuotaPlace place, RelayedBytes& bytes)
    : context_(context),
      worker_(worker),
      settings_(&settings),
      place_(std::move(place)),
      bytes_(bytes),
      allocation_(std::move(user), settings.max_peers_per_allocation),
      data_(context, worker, settings, allocation_, relayed_, place_, bytes),
      relayed_(context, worker, data_) {}

AllocationSession::~AllocationSession() {
  allocation_.end();
  relayed_.close();
  place_.process->release(place_.user, context_.now());
}

RelayedAddresses::Opened AllocationSession::open(const turn::AllocateRequest& wanted,
                                                 std::unique_ptr<net::UdpReservation> reserved) {
  if (reserved != nullptr) {
    relayed_.open(std::move(reserved), *settings_);
    return {};
  }
  RelayedAddresses::Opened opened = relayed_.open(wanted, *settings_, place_.user);
  // The second place, if no reservation took it over.
  if (wanted.reserve && !opened.token) place_.process->release(place_.user, context_.now());
  return opened;
}

void AllocationSession::provision(Duration lifetime) {
  relayed_.setExpiry(std::nullopt, context_.now() + lifetime);
  allocation_.provision(context_.now(), lifetime);
}

// The allocation lives as long as one of its relayed addresses.
void AllocationSession::refresh(std::optional<stun::AddressFamily> family, Duration lifetime) {
  const Instant now = context_.now();
  relayed_.setExpiry(family, now + lifetime);
  allocation_.refresh(now, relayed_.latestExpiry() - now);
}

std::optional<ErrorCode> AllocationSession::createPermissions(const stun::Message& request) {
  if (!request.has(stun::kXorPeerAddress)) return ErrorCode::kBadRequest;
  const Instant now = context_.now();
  std::optional<ErrorCode> error;
  turn::Allocation::Peers wanted;
  request.forEach([&](uint16_t type, Bytes value) {
    if (type != stun::kXorPeerAddress || error) return;
    const auto decoded = request.decodeXorAddress(value);
    if (!decoded) {
      error = ErrorCode::kBadRequest;
      return;
    }
    const net::Address peer = peers().toLocal(turn::fromStun(*decoded));
    const auto verdict = peers().evaluate(peer);
    if (relayed_.liveFor(peer, now) == nullptr) {
      error = ErrorCode::kPeerAddressFamilyMismatch;
    } else if (verdict == PeerAccess::Verdict::kDenied) {
      error = ErrorCode::kForbidden;
    }
    wanted.emplace_back(peer, verdict == PeerAccess::Verdict::kAnyPort);
  });
  if (error) return error;
  if (!allocation_.canPermit(wanted, now)) return ErrorCode::kInsufficientCapacity;
  for (const auto& [peer, any_port] : wanted) {
    allocation_.permit(peer, any_port, now);
    relayed_.liveFor(peer, now)->expect(peer);
  }
  return std::nullopt;
}

std::optional<ErrorCode> AllocationSession::bindChannel(const turn::ChannelBindRequest& request) {
  const Instant now = context_.now();
  const net::Address peer = peers().toLocal(request.peer);
  Relay* relay = relayed_.liveFor(peer, now);
  if (relay == nullptr) return ErrorCode::kPeerAddressFamilyMismatch;
  const auto verdict = peers().evaluate(peer);
  if (verdict == PeerAccess::Verdict::kDenied) return ErrorCode::kForbidden;
  if (!relay->claim(peer)) return ErrorCode::kInsufficientCapacity;
  switch (allocation_.bind(request.channel, peer, verdict == PeerAccess::Verdict::kAnyPort, now)) {
    case turn::Allocation::Bind::kInUse:
      return ErrorCode::kBadRequest;
    case turn::Allocation::Bind::kFull:
      return ErrorCode::kInsufficientCapacity;
    case turn::Allocation::Bind::kOk:
      break;
  }
  relay->expect(peer);
  return std::nullopt;
}

// A relayed address that ends takes its own permissions and channels with it, none of the other's (RFC 8656
// section 8.1).
Instant AllocationSession::expire() {
  const Instant now = context_.now();
  relayed_.expire(now, [&](bool v6) { allocation_.forget(v6); });
  sweep();
  return std::min(now + kHousekeeping, relayed_.earliestExpiry());
}

void AllocationSession::sweep() {
  const PeerAccess access = peers();
  allocation_.sweep(context_.now(), [&](const net::Address& peer) {
    return access.evaluate(peer) != PeerAccess::Verdict::kDenied;
  });
  relayed_.forEach([](Relay& relay, bool) { relay.forgetUnexpected(); });
}

void AllocationSession::reload(const TurnSettings& settings) {
  settings_ = &settings;
  data_.reload(settings);
  allocation_.limitPeers(settings.max_peers_per_allocation);
  sweep();
}

bool AllocationSession::archive(Archive& a) {
  a(allocation_);
  relayed_.archive(a, *settings_);
  if (!a.isReading()) return true;
  if (relayed_.empty()) return false;
  relayed_.forEach([&](Relay& relay, bool v6) {
    allocation_.forEachChannel([&](uint16_t, const net::Address& peer, Instant) {
      if (peer.isV6() == v6) relay.claim(peer);
    });
    allocation_.forEachPermission([&](const net::Address& ip, Instant) {
      if (ip.isV6() == v6) relay.expect(ip);
    });
  });
  return true;
}

void AllocationSession::describe(chain::Description& out) const {
  const Instant now = context_.now();
  const auto seconds = [&](Instant until) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(until - now).count());
  };
  constexpr std::string_view kStates[] = {"allocating", "provisioned", "active", "expired"};
  out.emplace_back("allocation", kStates[static_cast<size_t>(allocation_.state(now))]);
  out.emplace_back("realm", settings_->auth->realm());
  out.emplace_back("user", allocation_.user());
  relayed_.forEach([&](const Relay& relay, bool v6) {
    out.emplace_back(v6 ? "relayed_address_v6" : "relayed_address",
                     peers().toExternal(relay.address()).toString());
  });
  out.emplace_back("expires_s", seconds(allocation_.expires()));
  std::string permissions, channels;
  const auto append = [](std::string& list, const std::string& entry) {
    list += (list.empty() ? "" : ", ") + entry;
  };
  allocation_.forEachPermission([&](const net::Address& ip, Instant until) {
    if (until > now) append(permissions, ip.ipString() + " " + seconds(until) + "s");
  });
  allocation_.forEachChannel([&](uint16_t number, const net::Address& peer, Instant until) {
    if (until > now) {
      append(channels, std::to_string(number) + " " + peer.toString() + " " + seconds(until) + "s");
    }
  });
  out.emplace_back("permissions", permissions);
  out.emplace_back("channels", channels);
  out.emplace_back("bytes_to_peers", std::to_string(bytes_.to_peers));
  out.emplace_back("bytes_from_peers", std::to_string(bytes_.from_peers));
}

}  // namespace sluice::stun_turn
