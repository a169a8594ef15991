// The admin endpoint, the join API and the control API, as configured. Main thread.
#pragma once

#include <memory>
#include <optional>

#include "source/admin/api.h"
#include "source/control/api.h"
#include "source/join/api.h"
#include "source/net/event_loop.h"
#include "source/reload/participant.h"
#include "source/rooms/directory.h"
#include "source/server/endpoint.h"
#include "source/server/room_views.h"
#include "source/stats/samples.h"

namespace sluice::server {

class HttpEndpoints final : public reload::Participant {
 public:
  // The references outlive the endpoints.
  struct Context {
    net::EventLoop& loop;
    const Clock& clock;
    rooms::Directory& rooms;
    rooms::Fingerprint certificate;
    admin::Backend& backend;
    admin::Operations& operations;
    control::RoomStates& room_states;
    control::EventLog& room_events;
    const control::EvidenceSource& evidence;
    const control::History& history;
  };
  explicit HttpEndpoints(const Context& context);

  // Listening sockets of another process; -1: none. The next prepare() uses those whose addresses are wanted,
  // and closes the others.
  struct Sockets {
    int admin = -1;
    int join = -1;
    int control = -1;
  };
  void inherit(Sockets sockets) { inherited_ = sockets; }
  // The endpoints keep them.
  Sockets sockets() const;

  // Warns if the admin endpoint lets everyone who reaches it operate the proxy.
  static void warnOfOpenAdmin(const config::Settings& settings);

  Status prepare(const config::Settings& next) override;
  void abandon() override { prepared_.reset(); }
  void commit(const reload::Running& running) override;

  // Admits no new players from now on; see join::Api::drain().
  void drain(std::optional<Duration> limit);
  // Another process serves from now on: requests are refused and their connections closed.
  void handOver();
  // Sends the changes in rooms to their subscribers. Call it every join::RoomFeed::kInterval.
  void publishRooms();
  // Sends players the changes of their slots. Call it every join::AudibleFeed::kInterval.
  void publishAudible();
  // Closes replaced servers without connections. Not from a handler.
  void sweep();
  void stop();
  void collect(stats::Samples& out) const;

 private:
  struct Prepared {
    std::optional<Endpoint::EndpointSpec> admin_spec, join_spec, control_spec;
    std::unique_ptr<http::Server> admin{}, join{}, control{};
  };
  http::Handlers adminHandlers();
  http::Handlers joinHandlers();
  http::Handlers controlHandlers();
  http::Response unlessHandedOver(const std::function<http::Response()>& respond) const;
  void configureAdmin(const config::Settings& settings);
  void configureJoin(const reload::Running& running);
  void configureControl(const config::Settings& settings);
  void logAddresses(const config::Settings& settings) const;

  const Context context_;
  const RoomViews room_views_;
  admin::Api admin_api_;
  std::unique_ptr<join::Api> join_api_;  // null: none was ever configured
  control::Api control_api_;
  Endpoint admin_;
  Endpoint join_;
  Endpoint control_;
  Sockets inherited_;
  std::optional<Prepared> prepared_;
  bool draining_ = false;
  bool handed_over_ = false;
};

}  // namespace sluice::server
