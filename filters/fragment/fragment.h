// Joins messages that native clients had to split into several datagrams, and splits messages to them.
#pragma once

#include "api/filters/fragment.pb.h"
#include "filters/fragment/reassembly.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace sluice::fragment {

class FragmentFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::Fragment& config,
                                              chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;

  size_t max_messages = 0;
  Duration timeout{};
  bool split = false;  // even before the client has sent a message in fragments
  size_t max_datagram = 0;
};

class Fragment final : public chain::Filter {
 public:
  Fragment(chain::FilterContext& context, const FragmentFactory& factory);
  ~Fragment() override;

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  // Incomplete messages are not handed over.
  bool archive(Archive& a) override {
    a(client_splits_, next_id_);
    return true;
  }
  void describe(chain::Description& out) const override;

 private:
  void pass(net::PacketPtr&& message);
  void split(net::PacketPtr&& packet);
  void onTimer();
  void armTimer();

  const FragmentFactory* factory_;
  Reassembly reassembly_;
  net::Timer timer_;
  bool client_splits_ = false;  // it has sent a message in fragments
  uint16_t next_id_ = 0;
};

chain::FilterType filterType();

}  // namespace sluice::fragment
