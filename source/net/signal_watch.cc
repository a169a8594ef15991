#include "source/net/signal_watch.h"

#include <utility>

namespace sluice::net {

SignalWatch::SignalWatch(EventLoop& loop, int signal, std::function<void()> received)
    : received_(std::move(received)), handle_(this) {
  uv_signal_init(loop.raw(), handle_.get());
  const auto on_signal = [](uv_signal_t* handle, int) {
    SignalWatch* self = EventLoop::enter<SignalWatch>(handle);
    if (self != nullptr) self->received_();
  };
  uv_signal_start(handle_.get(), on_signal, signal);
}

}  // namespace sluice::net
