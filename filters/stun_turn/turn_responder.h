// Writes and sends the responses to one client's TURN requests, and sends the same response again for a
// retransmitted request (RFC 8489 section 6.3.1).
#pragma once

#include <functional>
#include <string_view>

#include "source/chain/filter_context.h"
#include "source/codec/stun.h"
#include "source/codec/unknown_attributes.h"
#include "source/turn/long_term.h"
#include "source/turn/transactions.h"

namespace sluice::stun_turn {

// An authenticated request and the packet for its response.
struct Exchange {
  const net::Packet& packet;
  const stun::Message& request;
  const turn::Authentication& auth;
  net::PacketPtr response;
};

class TurnResponder {
 public:
  // `software`: the value of SOFTWARE, or empty. Its bytes must outlive this or be replaced.
  TurnResponder(chain::FilterContext& context, std::string_view software)
      : context_(context), software_(software) {}
  void setSoftware(std::string_view software) { software_ = software; }

  // False if the request is not a retransmission. Otherwise its response was sent again.
  bool repeat(const net::Packet& packet, const stun::Message& request);
  // Refuses a request that is not authenticated: 400, 401 or 438. The response is not protected, and shorter
  // than three times the request.
  void challenge(const net::Packet& packet, const stun::Message& request, stun::ErrorCode code,
                 const turn::LongTerm& auth);

  // These end an exchange. `fill` adds the attributes of the method. Refusals are counted.
  using Fill = std::function<void(stun::Writer&)>;
  void succeed(Exchange& exchange, const Fill& fill);
  void refuse(Exchange& exchange, stun::ErrorCode code);
  void refuse(Exchange& exchange, stun::ErrorCode code, const Fill& fill);
  void refuseUnknown(Exchange& exchange, const stun::UnknownAttributes& unknown);

  void archive(Archive& a) { a(transactions_); }

 private:
  void respond(Exchange& exchange, stun::Class kind, const Fill& fill);
  // Sends it back along the request's path.
  void send(net::PacketPtr packet, const net::Packet& request);

  chain::FilterContext& context_;
  std::string_view software_;
  turn::Transactions transactions_;
};

}  // namespace sluice::stun_turn
