#include "source/reload/config_watch.h"

#include <utility>

namespace sluice::reload {

void ConfigWatch::commit(const Running& running) {
  std::vector<std::string> files{file_};
  const auto watchTls = [&](const auto& endpoint) {
    if (!endpoint || endpoint->tls.certificate_file.empty()) return;
    files.push_back(endpoint->tls.certificate_file);
    files.push_back(endpoint->tls.private_key_file);
  };
  watchTls(running.settings.join);
  watchTls(running.settings.control);
  if (files == watched_) return;
  watched_ = std::move(files);
  watches_.clear();
  for (const std::string& file : watched_) {
    // Posted, because a reload may destroy this watch.
    watches_.push_back(std::make_unique<net::FileWatch>(loop_, file, [this] { loop_.post(changed_); }));
  }
}

}  // namespace sluice::reload
