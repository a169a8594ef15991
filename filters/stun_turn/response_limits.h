// Limits the responses to clients that have not authenticated. Each kind has a budget of its own, so that
// forged requests of one kind do not use up the budget of another.
#pragma once

#include "filters/stun_turn/source_limiter.h"

namespace sluice::stun_turn {

struct ResponseLimits {
  // `rate`: responses per second and client address, of each kind.
  explicit ResponseLimits(double rate)
      : binding(SourceLimiter::Source::kSite, rate),
        challenge(SourceLimiter::Source::kSite, rate),
        refusal(SourceLimiter::Source::kAddress, rate * kRefusals) {}

  void setRate(double rate) {
    binding.setRate(rate);
    challenge.setRate(rate);
    refusal.setRate(rate * kRefusals);
  }

  SourceLimiter binding;    // Binding requests
  SourceLimiter challenge;  // TURN requests without a nonce of this server
  SourceLimiter refusal;  // TURN requests with a nonce of this server and wrong credentials, which cost HMACs

 private:
  static constexpr double kRefusals = 0.05;  // of the rate, to each IP address and port
};

}  // namespace sluice::stun_turn
