// Rooms and players as the admin endpoint shows them. Reads atomics, and waits for no worker except in
// explain(). Main thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

#include "source/admin/room_source.h"
#include "source/base/clock.h"
#include "source/control/inspection.h"
#include "source/rooms/directory.h"

namespace sluice::server {

class RoomViews final : public admin::RoomSource {
 public:
  // A player is lossy if the loss in one direction is at least this share.
  static constexpr double kLossy = 0.05;

  // The references outlive it, also those of `inspection`.
  RoomViews(const rooms::Directory& directory, const Clock& clock, const control::Inspection& inspection)
      : directory_(directory), clock_(clock), inspection_(inspection) {}

  nlohmann::json rooms(size_t limit) const override;
  std::optional<nlohmann::json> room(std::string_view name, size_t limit) const override;
  http::Response matrix(std::string_view room) const override { return inspection_.matrix(room); }
  http::Response explain(std::string_view room, const http::Request& request) const override {
    return inspection_.explain(room, request);
  }

 private:
  const rooms::Directory& directory_;
  const Clock& clock_;
  const control::Inspection inspection_;
};

}  // namespace sluice::server
