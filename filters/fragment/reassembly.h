// Assembles messages from their fragments, in any order. A message grows in the packet of the fragment that
// arrived first, so it costs one packet and nothing more. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "filters/fragment/fragment_header.h"
#include "source/base/clock.h"
#include "source/net/packet.h"

namespace sluice::fragment {

// The owner must empty it before it destroys it: packets in it are not accounted for yet.
class Reassembly {
 public:
  enum class Verdict {
    kAdded,         // `packet` is null
    kComplete,      // `packet` is the whole message
    kDuplicate,     // from here on, `packet` is the fragment, which changed nothing
    kInconsistent,  // its count or size contradicts earlier fragments
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
  // The oldest incomplete message that began at or before `then`; null if there is none. Forgets complete
  // messages on the way: until then, duplicates of their fragments are recognized.
  net::PacketPtr expire(Instant then);
  // The time at which the oldest one began; Instant::max() if there is none.
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
    uint16_t arrived = 0;    // one bit per index
    uint16_t size = 0;       // of every fragment except the last; 0: none arrived
    uint16_t last_size = 0;  // 0: it has not arrived
    Instant began{};
    net::PacketPtr packet{};  // null: complete. Until then the last fragment lies at its very end
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
