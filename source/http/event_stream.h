// A response that goes on: server-sent events (HTML standard, section 9.2). Loop's thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sluice::http {

class EventStream {
 public:
  // A client that reads so little that more than this waits for it is cut off, in bytes.
  static constexpr size_t kMaxPending = 64 * 1024;

  // `data` is one line. Nothing happens once the stream has ended.
  void send(std::string_view name, std::string_view data);
  // Keeps the connection alive, and finds out whether it is.
  void beat() { append(":\n\n"); }
  // What was sent before is still delivered.
  void end();

  // What was sent before is lost.
  void abandon();

  bool ended() const { return ended_; }
  size_t pending() const { return pending_.size(); }

  // For the server: what is to be sent next, at most `most` bytes.
  std::string take(size_t most);
  // Called when there is something to take, or the end.
  void onReady(std::function<void()> ready) { ready_ = std::move(ready); }
  // The client has gone.
  void onClosed();

 private:
  void append(std::string_view text);

  std::string pending_;
  std::function<void()> ready_;
  bool ended_ = false;
};

}  // namespace sluice::http
