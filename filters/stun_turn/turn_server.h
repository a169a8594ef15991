// The TURN server of one client (RFC 8656): authenticates its requests, executes them on its allocation, and
// responds.
#pragma once

#include <optional>

#include "filters/stun_turn/allocation_session.h"
#include "filters/stun_turn/response_limits.h"
#include "filters/stun_turn/turn_responder.h"
#include "source/net/timer.h"

namespace sluice::stun_turn {

class TurnServer {
 public:
  // `settings` and the bytes of `software` must outlive this or be replaced by reload().
  TurnServer(chain::FilterContext& context, StunWorker& worker, ResponseLimits& limits,
             const TurnSettings& settings, std::string_view software);
  ~TurnServer();

  static bool isRequest(uint16_t method);
  // Requires isRequest(request.method). The caller keeps `packet`.
  void onRequest(const net::Packet& packet, const stun::Message& request);
  void onSendIndication(net::PacketPtr&& packet, const stun::Message& indication);
  void onChannelData(net::PacketPtr&& packet);

  void reload(const TurnSettings& settings, std::string_view software);
  // The allocation with its relayed addresses, and the responses that may have to be repeated. False if the
  // client cannot continue.
  bool archive(Archive& a);
  void describe(chain::Description& out) const;

 private:
  // Returns nothing if the sender must not get a response now.
  std::optional<turn::Authentication> authenticate(const net::Packet& packet, const stun::Message& request);
  void handle(Exchange& exchange);
  void allocate(Exchange& exchange);
  // Takes places in the quotas and creates the allocation, or refuses.
  bool admit(Exchange& exchange, const turn::AllocateRequest& wanted);
  void grantAllocation(Exchange& exchange, const RelayedAddresses::Opened& opened);
  void refuseForCapacity(Exchange& exchange);
  void refresh(Exchange& exchange);
  std::optional<stun::ErrorCode> bindChannel(const stun::Message& request);
  // Refuses with the error, or grants.
  void conclude(Exchange& exchange, std::optional<stun::ErrorCode> error);
  void onTimer();
  void end(Count reason);

  chain::FilterContext& context_;
  StunWorker& worker_;
  ResponseLimits& limits_;
  const TurnSettings* settings_;
  TurnResponder responder_;
  RelayedBytes bytes_;
  std::optional<AllocationSession> allocation_;
  net::Timer timer_;  // armed while there is an allocation
};

}  // namespace sluice::stun_turn
