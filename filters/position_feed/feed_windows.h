// The replay windows of all keys of the process. They are shared by the workers, so that a datagram that is
// replayed from another address is refused on every worker. Main thread; any thread may use a window.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/position_feed/replay_window.h"
#include "source/base/archive.h"

namespace sluice::position_feed {

class FeedWindows {
 public:
  // The window of the key with this fingerprint. It lives as long as the process: a key that a reload removes
  // and another one adds again continues with its window.
  std::shared_ptr<ReplayWindow> of(uint64_t fingerprint) {
    std::shared_ptr<ReplayWindow>& window = windows_[fingerprint];
    if (window == nullptr) window = std::make_shared<ReplayWindow>();
    return window;
  }

  // Updates on their way to the main thread.
  std::atomic<uint32_t>& inFlight() { return in_flight_; }

  // For a handover.
  static constexpr std::string_view kStateName = "position_feed";
  void archive(Archive& a) {
    std::vector<uint64_t> fingerprints;
    for (const auto& [fingerprint, window] : windows_) fingerprints.push_back(fingerprint);
    a(fingerprints);
    for (const uint64_t fingerprint : fingerprints) a(*of(fingerprint));
  }

 private:
  std::map<uint64_t, std::shared_ptr<ReplayWindow>> windows_;
  std::atomic<uint32_t> in_flight_{0};
};

}  // namespace sluice::position_feed
