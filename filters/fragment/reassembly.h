// Puts messages together from their fragments, in any order. A message grows in the packet of the fragment
// that came first, so a message costs one packet and nothing else. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "filters/fragment/fragment_header.h"
#include "source/base/clock.h"
#include "source/net/packet.h"

namespace sluice::fragment {

// Whoever owns it empties it before its end: packets in it are not accounted for yet.
class Reassembly {
 public:
  enum class Verdict {
    kAdded,         // `packet` is null
    kComplete,      // `packet` is the whole message
    kDuplicate,     // from here on it is the fragment, which changed nothing
    kInconsistent,  // its count or size contradicts those that came before
    kTooLong        // the message would exceed Packet::kMaxPayload
  };
  struct Result {
    Verdict verdict;
    net::PacketPtr packet = nullptr;
    net::PacketPtr evicted = nullptr;  // an older, incomplete message that had to make room
  };

  explicit Reassembly(size_t max_messages) { setCapacity(max_messages); }

  // `fragment` begins with `header`, as parse() read it.
  Result add(const FragmentHeader& header, net::PacketPtr&& fragment, Instant now);
  // The oldest message that began at or before `then`, incomplete; null when there is none. What is complete
  // is forgotten meanwhile: until then its fragments' duplicates are known as such.
  net::PacketPtr expire(Instant then);
  // When the oldest one began; Instant::max() when there is none.
  Instant oldest() const;
  // Messages beyond a smaller capacity stay until they end.
  void setCapacity(size_t max_messages);
  size_t incomplete() const;

 private:
  struct Message {
    bool used = false;
    net::Address remote{};
    uint16_t id = 0;
    uint8_t last = 0;
    uint16_t came = 0;       // a bit for each index
    uint16_t size = 0;       // of every fragment but the last; 0: none came
    uint16_t last_size = 0;  // 0: it did not come
    Instant began{};
    net::PacketPtr packet{};  // null: was complete. Until then the last fragment lies at its very end
  };

  Message* find(const net::Address& remote, uint16_t id);
  Result begin(const FragmentHeader& header, net::PacketPtr&& fragment, Instant now);
  Message& vacate(net::PacketPtr& evicted);
  static Verdict check(const Message& message, const FragmentHeader& header, size_t size);
  static void place(Message& message, const FragmentHeader& header, Bytes payload);
  static net::PacketPtr finish(Message& message);

  size_t capacity_ = 0;
  std::vector<Message> messages_;
};

}  // namespace sluice::fragment
