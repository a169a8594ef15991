// STUN Binding server and ICE-lite agent. Gives an authenticated peer: whatever is not STUN passes inward
// only from an address that an authenticated check came from.
#pragma once

#include <string>
#include <unordered_map>

#include "api/filters/stun_turn.pb.h"
#include "filters/stun_turn/binding.h"
#include "filters/stun_turn/source_limiter.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace sluice::stun_turn {

class StunTurnFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::StunTurn& config,
                                              chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;

  double unauthenticated_rate = 20;  // answers per second and source
  Duration consent_timeout = 30s;
  bool answer_anonymous = true;
  std::string software;
};

// What all sessions of a worker share.
class StunWorker {
 public:
  explicit StunWorker(chain::Worker& worker) : worker_(worker) {}

  // Of the configured filter that counts in `stats`.
  SourceLimiter& limiter(stats::FilterStats& stats, double rate);

 private:
  chain::Worker& worker_;
  std::unordered_map<stats::FilterStats*, SourceLimiter> limiters_;
};

class StunTurn final : public chain::Filter {
 public:
  StunTurn(chain::FilterContext& context, const StunTurnFactory& factory);

  void onIngress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  void describe(chain::Description& out) const override;

 private:
  void onStun(net::PacketPtr&& packet);
  void onBindingRequest(net::PacketPtr&& packet, const stun::Message& request);
  void onAuthenticCheck(const net::Address& remote, const Check& check);
  void respond(const net::Packet& packet, const stun::Message& request, const Check& check);
  void onConsentTimer();
  const rooms::IceCredentials* ice() const;

  const StunTurnFactory* factory_;
  SourceLimiter& limiter_;
  Instant last_check_{};
  net::Timer consent_;
};

chain::FilterType filterType();

}  // namespace sluice::stun_turn
