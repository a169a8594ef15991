// Supplies the admin endpoint's responses about rooms and their players. Main thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

#include "source/http/message.h"

namespace sluice::admin {

class RoomSource {
 public:
  virtual ~RoomSource() = default;
  // At most `limit` rooms, those with the most lossy players first, and the totals of all.
  virtual nlohmann::json rooms(size_t limit) const = 0;
  // At most `limit` players of the room, and their number. Nothing: there is no such room.
  virtual std::optional<nlohmann::json> room(std::string_view name, size_t limit) const = 0;
  // As the control API responds to the same requests.
  virtual http::Response matrix(std::string_view room) const = 0;
  virtual http::Response explain(std::string_view room, const http::Request& request) const = 0;
};

}  // namespace sluice::admin
