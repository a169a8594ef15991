// A plain UDP proxy: sends the client's packets to an upstream of a cluster, and its replies back.
#pragma once

#include <memory>

#include "api/filters/forward.pb.h"
#include "filters/forward/upstream.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace sluice::forward {

class ForwardFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::Forward& config, chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;
  bool sameAs(const chain::FilterFactory& previous) const override;

  std::shared_ptr<const chain::Cluster> cluster;
  filters::Forward::Sockets sockets = filters::Forward::PER_SESSION;
  size_t max_shared_sockets = 0;
  Duration idle_timeout{};  // zero: none of its own
};

class Forward final : public chain::Filter, private Upstream::Receiver {
 public:
  Forward(chain::FilterContext& context, const ForwardFactory& factory);

  void onIngress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  // The socket is handed over, so that the upstream sees the same client.
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  void onReply(net::PacketPtr&& packet) override;
  void onRefused() override;
  void onSendFailed() override { context_.countDrop(Drop::kSendFailed); }
  void connect();
  void touch();
  void onIdleTimer();

  const ForwardFactory* factory_;
  ForwardWorker& shared_;
  net::Address endpoint_;
  std::unique_ptr<Upstream> upstream_;  // null: no socket available; tried again after retry_at_
  Instant retry_at_{};
  bool moving_ = true;  // the endpoint changed or is new; the socket has yet to follow
  Instant last_packet_;
  net::Timer idle_;
};

chain::FilterType filterType();

}  // namespace sluice::forward
