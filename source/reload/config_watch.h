// Watches the configuration file and the TLS files that it names. Main thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/net/file_watch.h"
#include "source/reload/participant.h"

namespace sluice::reload {

class ConfigWatch final : public Participant {
 public:
  // `changed` is posted to the loop, so it may reload.
  ConfigWatch(net::EventLoop& loop, std::string file, std::function<void()> changed)
      : loop_(loop), file_(std::move(file)), changed_(std::move(changed)) {}

  void commit(const Running& running) override;
  void stop() { watches_.clear(); }

 private:
  net::EventLoop& loop_;
  const std::string file_;
  const std::function<void()> changed_;
  std::vector<std::string> watched_;
  std::vector<std::unique_ptr<net::FileWatch>> watches_;
};

}  // namespace sluice::reload
