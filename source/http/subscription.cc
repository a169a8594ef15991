#include "source/http/subscription.h"

#include <microhttpd.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace sluice::http {

Subscription::Subscription(net::EventLoop& loop, MHD_Connection* connection,
                           std::shared_ptr<EventStream> events, std::shared_ptr<Admission> admission,
                           const net::Address& client, std::function<void()> resumed)
    : connection_(connection),
      fd_(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd),
      events_(std::move(events)),
      admission_(std::move(admission)),
      client_(client),
      resumed_(std::move(resumed)),
      gone_(loop, fd_, net::Poll::kDisconnected, [this](int) { onGone(); }) {
  events_->onReady([this] { onReady(); });
  account();
}

Subscription::~Subscription() {
  events_->onClosed();
  admission_->release(held_);
}

ssize_t Subscription::read(char* buffer, size_t most) {
  const std::string bytes = events_->take(most);
  account();
  if (bytes.empty() && events_->ended()) return MHD_CONTENT_READER_END_OF_STREAM;
  if (bytes.empty()) {
    MHD_suspend_connection(connection_);
    suspended_ = true;
  }
  std::copy(bytes.begin(), bytes.end(), buffer);
  return static_cast<ssize_t>(bytes.size());
}

void Subscription::beat() {
  if (suspended_) events_->beat();
}

void Subscription::end() {
  gone_.stop();
  events_->onReady(nullptr);
  wake();
  events_->end();
}

void Subscription::onReady() {
  account();
  wake();
}

// A client that closes its half of the connection counts as gone: no HTTP client does so and still reads.
void Subscription::onGone() {
  gone_.stop();
  shutdown(fd_, SHUT_RDWR);
  events_->abandon();
}

void Subscription::wake() {
  if (!std::exchange(suspended_, false)) return;
  MHD_resume_connection(connection_);
  resumed_();
}

// A client whose unread events would exceed the limit for all clients is disconnected.
void Subscription::account() {
  const size_t pending = events_->pending();
  if (pending > held_ && !admission_->tryHold(pending - held_)) {
    admission_->refused(Admission::Refusal::kBytesInFlight, client_, RealClock().now());
    return events_->abandon();
  }
  if (pending < held_) admission_->release(held_ - pending);
  held_ = pending;
}

}  // namespace sluice::http
