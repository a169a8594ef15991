#include "filters/forward/forward.h"

#include <algorithm>

#include "api/filters/forward.pb.h"
#include "filters/forward/statistics.h"
#include "filters/forward/upstream.h"
#include "source/chain/typed_filter.h"
#include "source/codec/demux.h"

namespace sluice::forward {
namespace {

constexpr Duration kRetry = 1s;

struct Settings {
  std::shared_ptr<const chain::Cluster> cluster;
  filters::Forward::Sockets sockets = filters::Forward::PER_SESSION;
  size_t max_shared_sockets = 0;
  Duration idle_timeout{};  // zero: none of its own

  bool sameAs(const Settings& previous) const {
    return cluster->endpoints == previous.cluster->endpoints && cluster->policy == previous.cluster->policy;
  }
};

Result<Settings> readSettings(const filters::Forward& config, chain::FactoryContext& context) {
  Settings out;
  Errors errors;
  const auto cluster = context.clusters.find(config.cluster());
  if (config.cluster().empty()) {
    errors.push_back({"cluster", "is required"});
  } else if (cluster == context.clusters.end()) {
    errors.push_back({"cluster", "no cluster is named '" + config.cluster() + "'"});
  } else {
    out.cluster = cluster->second;
  }
  out.sockets = config.sockets();
  out.max_shared_sockets = config.max_shared_sockets();
  out.idle_timeout = std::chrono::seconds{config.idle_timeout_s()};
  if (!errors.empty()) return errors;
  return out;
}

class Forward final : public chain::TypedFilter<Settings, kSchema>, private Upstream::Receiver {
 public:
  Forward(chain::FilterContext& context, const Settings& settings)
      : TypedFilter(context, settings),
        shared_(context.worker().local<ForwardWorker>()),
        endpoint_(choose()),
        last_packet_(context.now()),
        idle_(context.timers(), [this] { onIdleTimer(); }) {
    touch();
  }

  void onIngress(net::PacketPtr&& packet) override;
  // The socket is handed over, so that the upstream sees the same client.
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  bool onSettings(const Settings& before) override;
  void onReply(net::PacketPtr&& packet) override;
  void onRefused() override;
  void onSendFailed() override { context_.countDrop(Drop::kSendFailed); }
  net::Address choose() { return shared_.choose(*settings().cluster, context_.session().remote()); }
  bool isEndpoint(const net::Address& address) const {
    return std::ranges::count(settings().cluster->endpoints, address) > 0;
  }
  SharedSockets& sharedSockets() { return shared_.shared(context_.stats()); }
  void connect();
  void touch();
  void onIdleTimer();

  ForwardWorker& shared_;
  net::Address endpoint_;
  std::unique_ptr<Upstream> upstream_;  // null: no socket available; tried again after retry_at_
  Instant retry_at_{};
  bool moving_ = true;  // the endpoint changed or is new; the socket has yet to follow
  Instant last_packet_;
  net::Timer idle_;
};

void Forward::connect() {
  moving_ = false;
  upstream_.reset();  // returns its place first
  const bool own = settings().sockets == filters::Forward::PER_SESSION;
  const bool one_way = settings().sockets == filters::Forward::ONE_WAY;
  // One way, there is only one socket for each address family.
  const size_t max = one_way ? 2 : settings().max_shared_sockets;
  upstream_ = own ? openOwn(context_.worker(), endpoint_, context_.stats(), *this)
                  : sharedSockets().open(endpoint_, max, one_way, *this);
  if (upstream_ == nullptr) retry_at_ = context_.now() + kRetry;
}

void Forward::touch() {
  last_packet_ = context_.now();
  if (settings().idle_timeout > Duration::zero() && !idle_.armed()) idle_.arm(settings().idle_timeout);
}

void Forward::onIdleTimer() {
  const Instant due = last_packet_ + settings().idle_timeout;
  if (settings().idle_timeout == Duration::zero()) return;
  if (context_.now() >= due) return context_.session().close("forward_idle");
  idle_.armAt(due);
}

void Forward::onIngress(net::PacketPtr&& packet) {
  touch();
  if (moving_ || (upstream_ == nullptr && context_.now() >= retry_at_)) connect();
  if (upstream_ == nullptr) return context_.drop(std::move(packet), Drop::kNoSocket);
  upstream_->send(std::move(packet));
}

void Forward::onReply(net::PacketPtr&& packet) {
  touch();
  context_.session().keepAlive();
  packet->routeToSelected();
  packet->kind = classify(packet->data());
  context_.egress(std::move(packet));
}

void Forward::onRefused() {
  context_.count(Count::kRefused);
  shared_.markDown(endpoint_);
  const net::Address other = choose();
  if (other == endpoint_ || shared_.isDown(other)) return;
  context_.count(Count::kFailover);
  endpoint_ = other;
  moving_ = true;  // with the next packet: the socket to be closed makes this call
}

bool Forward::onSettings(const Settings& before) {
  if (settings().sockets != before.sockets) return false;
  if (!isEndpoint(endpoint_)) {
    endpoint_ = choose();
    connect();
  }
  touch();
  return true;
}

bool Forward::archive(Archive& a) {
  filters::Forward::Sockets sockets = settings().sockets;
  net::Address local = upstream_ != nullptr ? upstream_->local() : net::Address();
  int descriptor = upstream_ != nullptr ? upstream_->descriptor() : -1;
  a(sockets, endpoint_, local, moving_, last_packet_);
  a.descriptor(descriptor);
  if (!a.isReading()) return true;
  auto adopted = context_.worker().network().adopt(descriptor);
  const bool own = sockets == filters::Forward::PER_SESSION;
  SharedSockets& shared = sharedSockets();
  // Kept for the other sessions on it too, whichever socket this session uses.
  if (adopted != nullptr && !own && sockets == settings().sockets) shared.adopt(std::move(adopted));
  touch();
  const bool known = isEndpoint(endpoint_);
  if (!known) endpoint_ = choose();
  if (!known || moving_ || sockets != settings().sockets || !local.isSet()) {
    moving_ = true;
    return true;
  }
  upstream_ = own ? openOwn(context_.worker(), endpoint_, context_.stats(), *this, std::move(adopted))
                  : shared.openAt(local, endpoint_, sockets == filters::Forward::ONE_WAY, *this);
  moving_ = upstream_ == nullptr;
  return true;
}

void Forward::describe(chain::Description& out) const {
  out.emplace_back("upstream", endpoint_.toString());
  if (upstream_ == nullptr) out.emplace_back("socket", "none");
}

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<Forward, readSettings>({.name = "forward", .terminal = true});
}

}  // namespace sluice::forward
