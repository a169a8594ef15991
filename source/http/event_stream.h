// A streaming response: server-sent events (HTML standard, section 9.2). Loop's thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sluice::http {

class EventStream {
 public:
  // In bytes; a client that reads so slowly that more than this is pending is disconnected.
  static constexpr size_t kMaxPending = 64 * 1024;

  // `data` is one line. A client that connects again sends the last `id` as Last-Event-ID; empty: the event
  // has none. Does nothing once the stream has ended.
  void send(std::string_view name, std::string_view data, std::string_view id = {});
  // Keeps the connection alive, and detects a broken one.
  void beat() { append(":\n\n"); }
  // Events sent before are still delivered.
  void end();

  // Discards events that are still pending.
  void abandon();

  bool ended() const { return ended_; }
  size_t pending() const { return pending_.size(); }

  // For the server: the next bytes to send, at most `most`.
  std::string take(size_t most);
  // `ready` is called when there are bytes to take, or the stream has ended.
  void onReady(std::function<void()> ready) { ready_ = std::move(ready); }
  // Called when the client has closed the connection.
  void onClosed();

 private:
  void append(std::string_view text);

  std::string pending_;
  std::function<void()> ready_;
  bool ended_ = false;
};

}  // namespace sluice::http
