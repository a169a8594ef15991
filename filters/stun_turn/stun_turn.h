// STUN Binding server, ICE-lite agent and TURN server. Authenticates the peer: packets other than STUN pass
// inward only from an address that sent an authenticated check.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/filters/stun_turn.pb.h"
#include "filters/stun_turn/binding.h"
#include "filters/stun_turn/consent.h"
#include "filters/stun_turn/recent_checks.h"
#include "filters/stun_turn/stun_worker.h"
#include "filters/stun_turn/turn_server.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace sluice::stun_turn {

class StunTurnFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::StunTurn& config,
                                              chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;
  chain::Description info() const override;

  double unauthenticated_rate = 0;  // responses per second and source
  Duration consent_timeout{};
  bool consent_from_media = false;
  bool answer_anonymous = false;
  std::string software = "sluice";
  std::optional<TurnSettings> turn;
  std::optional<NatDiscovery> nat_discovery;

  // TURN clients use the credentials and the NAT of their factory.
  bool sameAs(const chain::FilterFactory& previous) const override;
  // Allocations end when `turn` is removed.
  bool endsState(const chain::FilterFactory& next) const override {
    return turn.has_value() && !static_cast<const StunTurnFactory&>(next).turn.has_value();
  }
};

class StunTurn final : public chain::Filter {
 public:
  StunTurn(chain::FilterContext& context, const StunTurnFactory& factory);

  void onIngress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  void onStun(net::PacketPtr&& packet);
  void onTurn(net::PacketPtr&& packet, const stun::Message& message);
  TurnServer& turn();
  void onBindingRequest(net::PacketPtr&& packet, const stun::Message& request);
  void onAuthenticCheck(const net::Packet& packet, const Check& check);
  void respond(const net::Packet& packet, const stun::Message& request, const Check& check,
               const rooms::IceCredentials* ice, const NatDiscovery::Reply& discovery);
  void renewConsentFromMedia(const net::Packet& packet);
  void judgeConsent();

  const StunTurnFactory* factory_;
  StunWorker& worker_;
  ResponseLimits& limits_;
  std::unique_ptr<TurnServer> turn_;  // null until the client uses TURN
  RecentChecks checks_;
  Consent consent_;
  net::Timer consent_timer_;
};

chain::FilterType filterType();

}  // namespace sluice::stun_turn
