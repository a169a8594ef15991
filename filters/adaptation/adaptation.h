// Tells a speaker, by RTCP and by an event of the join API, which Opus profile suits its line, the room's
// receivers and this worker. Changes no packet.
#pragma once

#include "api/filters/adaptation.pb.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"
#include "source/media/line_average.h"

namespace sluice::adaptation {

class AdaptationFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::Adaptation& config,
                                              chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;
  rooms::RepairFeatures repairFeatures() const override {
    return {.feedback = {.remb = remb, .tmmbr = tmmbr}};
  }

  rooms::Directory* directory = nullptr;  // main thread only
  media::Adaptation::Config policy{};
  Duration interval{};
  unsigned listener_loss_percentile = 0;
  bool remb = false;
  bool tmmbr = false;
  bool events = false;
};

// Acts on players that signalling announced and that may send voice.
class Adaptation final : public chain::Filter {
 public:
  Adaptation(chain::FilterContext& context, const AdaptationFactory& factory);

  bool onReload(const chain::FilterFactory& factory) override;
  bool archive(Archive& a) override {
    a(average_, policy_, releases_, last_feedback_);
    return true;
  }
  void describe(chain::Description& out) const override;

 private:
  void evaluate();
  media::Adaptation::Line line();
  void tellByEvent();
  void tellByRtcp();

  const AdaptationFactory* factory_;
  const rooms::PlayerPtr player_;  // null: the session has no player
  media::LineAverage average_;
  media::Adaptation policy_;
  net::Timer evaluation_timer_;
  unsigned releases_ = 0;  // how many more times RTCP signals that no limit applies
  Instant last_feedback_{};
};

chain::FilterType filterType();

}  // namespace sluice::adaptation
