// A game's server that sends positions, with the encoder that is given to users.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "examples/position_feed/sluice_position_feed.h"
#include "source/base/bytes.h"
#include "source/base/clock.h"

namespace sluice::test {

inline const std::string kFeedSecret = "the secret of a test";

struct SentPlayer {
  std::string id;
  std::optional<std::array<float, 3>> position = std::array<float, 3>{1, 2, 3};
  std::optional<std::array<double, 2>> direction = std::nullopt;  // yaw, pitch
};

class Sender {
 public:
  explicit Sender(const Clock& clock, uint8_t key_id = 0, const std::string& secret = kFeedSecret)
      : clock_(clock) {
    sluice_feed_init(&feed_, key_id, secret.data(), secret.size(), milliseconds() / 1000);
  }

  std::vector<uint8_t> datagram(const std::vector<SentPlayer>& players, const std::string& room = "lobby") {
    std::vector<uint8_t> out(SLUICE_FEED_MAX_SIZE);
    if (sluice_feed_begin(&feed_, out.data(), out.size(), room.c_str(), milliseconds()) == 0) return {};
    for (const SentPlayer& player : players) {
      sluice_feed_add(&feed_, player.id.c_str(), player.position ? player.position->data() : nullptr,
                      player.direction ? player.direction->data() : nullptr);
    }
    out.resize(sluice_feed_end(&feed_));
    return out;
  }
  // The HMAC again, after a change of the datagram.
  std::vector<uint8_t> sign(std::vector<uint8_t> datagram) const {
    const size_t size = datagram.size() - SLUICE_FEED_MAC_SIZE;
    sluice_hmac(feed_.key, datagram.data(), size, datagram.data() + size);
    return datagram;
  }
  uint64_t& sequence() { return feed_.sequence; }

 private:
  uint64_t milliseconds() const {
    const auto since = clock_.wall().time_since_epoch();
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
  }

  const Clock& clock_;
  sluice_feed feed_{};
};

}  // namespace sluice::test
