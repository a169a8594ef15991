#include "source/http/subscription.h"

#include <microhttpd.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "source/http/uv_handle.h"

namespace sluice::http {

Subscription::Subscription(uv_loop_t* loop, MHD_Connection* connection, std::shared_ptr<EventStream> events,
                           std::shared_ptr<Admission> admission, const net::Address& client,
                           std::function<void()> resumed)
    : connection_(connection),
      fd_(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd),
      events_(std::move(events)),
      admission_(std::move(admission)),
      client_(client),
      resumed_(std::move(resumed)) {
  events_->onReady([this] { onReady(); });
  account();
  gone_ = new uv_poll_t;
  if (uv_poll_init(loop, gone_, fd_) != 0) {
    delete std::exchange(gone_, nullptr);
    return;
  }
  gone_->data = this;
  uv_poll_start(gone_, UV_DISCONNECT,
                [](uv_poll_t* poll, int, int) { static_cast<Subscription*>(poll->data)->onGone(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(gone_));
}

Subscription::~Subscription() {
  stopWatching();
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
  stopWatching();
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
  stopWatching();
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

void Subscription::stopWatching() {
  if (gone_ == nullptr) return;
  uv_poll_stop(gone_);
  closeHandle(std::exchange(gone_, nullptr));
}

}  // namespace sluice::http
