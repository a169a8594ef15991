// Moves the players of a run through the control API.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "source/http/client.h"
#include "source/load/walk.h"
#include "source/net/event_loop.h"

namespace sluice::load {

class Walker {
 public:
  // `on_failure` is called with the reason, once, when the API refuses the positions; then the players stand.
  Walker(net::EventLoop& loop, std::unique_ptr<http::Client> api, float field,
         std::function<void(const std::string&)> on_failure);

  // A player in the room, from the next tick on.
  void add(const std::string& room, uint32_t player, std::string name);

  // Whether `rendering` is that of a speaker for a receiver at places that the API was told of last, or the
  // time before.
  bool isRight(const Rendering& rendering, uint32_t speaker, uint32_t receiver) const;

 private:
  void onTick();
  bool send(const std::string& room, const std::map<uint32_t, std::string>& players);

  net::EventLoop& loop_;
  const std::unique_ptr<http::Client> api_;
  const Walk walk_;
  const std::function<void(const std::string&)> on_failure_;
  std::map<std::string, std::map<uint32_t, std::string>> names_;  // by room and player
  Instant began_;
  Duration told_{}, told_before_{};
  net::Timer tick_;
};

}  // namespace sluice::load
