#include "filters/forward/forward.h"

#include <algorithm>

namespace sluice::forward {
namespace {

constexpr Duration kRetry = 1s;

constexpr std::string_view kDrops[] = {"no_socket", "send_failed", "unmatched_reply"};
constexpr stats::CounterSpec kCounters[] = {
    {"upstream_refused", "ICMP errors received from an upstream."},
    {"upstream_failovers", "Sessions that moved to another endpoint because their own refused packets."}};

}  // namespace

Result<chain::FilterFactoryPtr> ForwardFactory::make(const filters::Forward& config,
                                                     chain::FactoryContext& context) {
  auto factory = std::make_shared<ForwardFactory>();
  Errors errors;
  const auto cluster = context.clusters.find(config.cluster());
  if (config.cluster().empty()) {
    errors.push_back({"cluster", "is required"});
  } else if (cluster == context.clusters.end()) {
    errors.push_back({"cluster", "no cluster is named '" + config.cluster() + "'"});
  } else {
    factory->cluster = cluster->second;
  }
  if (!filters::Forward::Sockets_IsValid(config.sockets()))
    errors.push_back({"sockets", "is not a known value"});
  factory->sockets = config.sockets();
  factory->max_shared_sockets = config.max_shared_sockets();
  factory->idle_timeout = std::chrono::seconds{config.idle_timeout_s()};
  if (!errors.empty()) return errors;
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr ForwardFactory::create(chain::FilterContext& context) const {
  return std::make_unique<Forward>(context, *this);
}

bool ForwardFactory::sameAs(const chain::FilterFactory& previous) const {
  const chain::Cluster& other = *static_cast<const ForwardFactory&>(previous).cluster;
  return cluster->endpoints == other.endpoints && cluster->policy == other.policy;
}

Forward::Forward(chain::FilterContext& context, const ForwardFactory& factory)
    : Filter(context),
      factory_(&factory),
      shared_(context.worker().local<ForwardWorker>()),
      endpoint_(shared_.choose(*factory.cluster, context.session().remote())),
      last_packet_(context.now()),
      idle_(context.timers(), [this] { onIdleTimer(); }) {
  touch();
}

void Forward::connect() {
  moving_ = false;
  upstream_.reset();  // returns its place first
  const bool own = factory_->sockets == filters::Forward::PER_SESSION;
  const bool one_way = factory_->sockets == filters::Forward::ONE_WAY;
  // One way, there is only one socket for each address family.
  const size_t max = one_way ? 2 : factory_->max_shared_sockets;
  upstream_ = own ? openOwn(context_.worker(), endpoint_, context_.stats(), *this)
                  : shared_.shared(context_.stats()).open(endpoint_, max, one_way, *this);
  if (upstream_ == nullptr) retry_at_ = context_.now() + kRetry;
}

void Forward::touch() {
  last_packet_ = context_.now();
  if (factory_->idle_timeout > Duration::zero() && !idle_.armed()) idle_.arm(factory_->idle_timeout);
}

void Forward::onIdleTimer() {
  const Instant due = last_packet_ + factory_->idle_timeout;
  if (factory_->idle_timeout == Duration::zero()) return;
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
  packet->remote = {};
  packet->local = {};
  packet->kind = classify(packet->data());
  context_.egress(std::move(packet));
}

void Forward::onRefused() {
  context_.count(Count::kRefused);
  shared_.markDown(endpoint_);
  const net::Address other = shared_.choose(*factory_->cluster, context_.session().remote());
  if (other == endpoint_ || shared_.isDown(other)) return;
  context_.count(Count::kFailover);
  endpoint_ = other;
  moving_ = true;  // with the next packet: the socket to be closed makes this call
}

bool Forward::onReload(const chain::FilterFactory& factory) {
  const auto& fresh = static_cast<const ForwardFactory&>(factory);
  if (fresh.sockets != factory_->sockets) return false;
  factory_ = &fresh;
  const auto& endpoints = fresh.cluster->endpoints;
  if (std::find(endpoints.begin(), endpoints.end(), endpoint_) == endpoints.end()) {
    endpoint_ = shared_.choose(*fresh.cluster, context_.session().remote());
    connect();
  }
  touch();
  return true;
}

bool Forward::archive(Archive& a) {
  filters::Forward::Sockets sockets = factory_->sockets;
  net::Address local = upstream_ != nullptr ? upstream_->local() : net::Address();
  int descriptor = upstream_ != nullptr ? upstream_->descriptor() : -1;
  a(sockets, endpoint_, local, moving_, last_packet_);
  a.descriptor(descriptor);
  if (!a.isReading()) return true;
  auto adopted = context_.worker().network().adopt(descriptor);
  const bool own = sockets == filters::Forward::PER_SESSION;
  SharedSockets& shared = shared_.shared(context_.stats());
  // Kept for the other sessions on it too, whichever socket this session uses.
  if (adopted != nullptr && !own && sockets == factory_->sockets) shared.adopt(std::move(adopted));
  touch();
  const auto& endpoints = factory_->cluster->endpoints;
  const bool known = std::find(endpoints.begin(), endpoints.end(), endpoint_) != endpoints.end();
  if (!known) endpoint_ = shared_.choose(*factory_->cluster, context_.session().remote());
  if (!known || moving_ || sockets != factory_->sockets || !local.isSet()) {
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

chain::FilterType filterType() {
  return {.name = "forward",
          .config_type = "sluice.filters.Forward",
          .terminal = true,
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = {}, .sockets = true},
          .parse = chain::parseAs<filters::Forward, ForwardFactory>};
}

}  // namespace sluice::forward
