#include "source/load/walker.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace sluice::load {
namespace {

constexpr int kOk = 200;

nlohmann::json toJson(const audibility::Vector3& vector) {
  return {{"x", vector.x}, {"y", vector.y}, {"z", vector.z}};
}

}  // namespace

Walker::Walker(net::EventLoop& loop, std::unique_ptr<http::Client> api, float field,
               std::function<void(const std::string&)> on_failure)
    : loop_(loop),
      api_(std::move(api)),
      walk_(field),
      on_failure_(std::move(on_failure)),
      began_(loop.clock().now()),
      tick_(loop.timers(), [this] { onTick(); }) {}

void Walker::add(const std::string& room, uint32_t player, std::string name) {
  names_[room][player] = std::move(name);
  if (!tick_.armed()) tick_.arm(Duration::zero());
}

bool Walker::isRight(const Rendering& rendering, uint32_t speaker, uint32_t receiver) const {
  const auto rightAt = [&](Duration told) {
    return walk_.isRight(rendering, walk_.at(speaker, told), walk_.at(receiver, told));
  };
  return rightAt(told_) || rightAt(told_before_);
}

void Walker::onTick() {
  told_before_ = told_;
  told_ = loop_.clock().now() - began_;
  for (const auto& [room, players] : names_) {
    if (!send(room, players)) return;
  }
  tick_.arm(Walk::kTick - (loop_.clock().now() - began_) % Walk::kTick);
}

bool Walker::send(const std::string& room, const std::map<uint32_t, std::string>& players) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [player, name] : players) {
    const Place place = walk_.at(player, told_);
    list.push_back(
        {{"player", name}, {"position", toJson(place.position)}, {"forward", toJson(place.forward)}});
  }
  const std::string target = "/v1/rooms/" + room + "/update";
  const auto response =
      api_->request("POST", target, "application/json", nlohmann::json{{"players", std::move(list)}}.dump());
  if (response.ok() && response->status == kOk) return true;
  on_failure_("POST " + target + ": " +
              (response.ok() ? std::to_string(response->status) + " " + response->body
                             : response.error().toString()));
  return false;
}

}  // namespace sluice::load
