#include "source/net/poll.h"

#include <utility>

namespace sluice::net {

Poll::Poll(EventLoop& loop, int fd, int events, std::function<void(int events)> ready)
    : ready_(std::move(ready)), handle_(this) {
  uv_poll_init(loop.raw(), handle_.get(), fd);
  watch(events);
}

void Poll::watch(int events) {
  if (isValid()) uv_poll_start(handle_.get(), events, onEvents);
}

void Poll::stop() {
  if (isValid()) uv_poll_stop(handle_.get());
}

void Poll::onEvents(uv_poll_t* handle, int status, int events) {
  Poll* self = EventLoop::enter<Poll>(handle);
  if (self != nullptr) self->ready_(status < 0 ? events | kError : events);
}

}  // namespace sluice::net
