// One datagram in one contiguous block from a pool, with room around it so that no filter has to copy it to
// add a header or trailer.
//
//   |<- headroom >= 64 ->|<- data ->|<- tailroom >= 160 ->|
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "source/base/bytes.h"
#include "source/base/clock.h"
#include "source/codec/demux.h"
#include "source/codec/rtp.h"
#include "source/net/address.h"

namespace sluice::net {

class Packet;
class PacketPool;

struct PacketReleaser {
  void operator()(Packet* packet) const;
};
// Owns the packet; destroying it returns the block to its pool, from any thread.
using PacketPtr = std::unique_ptr<Packet, PacketReleaser>;

// A packet with several holders that is no longer modified. All holders are on one thread.
class SharedPacket {
 public:
  SharedPacket() = default;
  // Settles the packet.
  explicit SharedPacket(PacketPtr packet);
  SharedPacket(const SharedPacket& other);
  SharedPacket(SharedPacket&& other) noexcept : packet_(std::exchange(other.packet_, nullptr)) {}
  SharedPacket& operator=(SharedPacket other) noexcept {
    std::swap(packet_, other.packet_);
    return *this;
  }
  ~SharedPacket() { reset(); }

  void reset();
  const Packet& operator*() const { return *packet_; }
  const Packet* operator->() const { return packet_; }
  explicit operator bool() const { return packet_ != nullptr; }

 private:
  Packet* packet_ = nullptr;
};

class Packet {
 public:
  static constexpr size_t kHeadroom = 64;      // a TURN Data indication's header
  static constexpr size_t kTailroom = 160;     // an SRTP trailer (libsrtp requires 148)
  static constexpr size_t kMaxPayload = 1500;  // one Ethernet MTU; longer datagrams are dropped as truncated
  static constexpr size_t kCapacity = kHeadroom + kMaxPayload + kTailroom;
  static constexpr uint16_t kNoSlot = UINT16_MAX;

  Bytes data() const { return {block_ + offset_, size_}; }
  // The data, for changes. Afterwards rtp() parses it again, and `origin` is reset.
  MutableBytes mutableData() {
    onChange();
    return {block_ + offset_, size_};
  }
  // The first `size` bytes, for changes that leave the payload as it is. Afterwards rtp() parses the data
  // again; `origin` stays.
  MutableBytes mutableHeader(size_t size) {
    assert(size <= size_);
    rtp_state_ = RtpState::kUnknown;
    return {block_ + offset_, size};
  }
  size_t size() const { return size_; }
  size_t headroom() const { return offset_; }
  size_t tailroom() const { return kCapacity - offset_ - size_; }

  // Grow or shrink at either end; growing never moves data. The caller checks headroom and tailroom first.
  void prepend(size_t n) {
    assert(n <= headroom());
    onChange();
    offset_ = static_cast<uint16_t>(offset_ - n);
    size_ = static_cast<uint16_t>(size_ + n);
  }
  void removePrefix(size_t n) {
    assert(n <= size_);
    onChange();
    offset_ = static_cast<uint16_t>(offset_ + n);
    size_ = static_cast<uint16_t>(size_ - n);
  }
  void resize(size_t n) {
    assert(n <= kCapacity - offset_);
    onChange();
    size_ = static_cast<uint16_t>(n);
  }
  // Replaces the data; false when it does not fit.
  bool assign(Bytes bytes);
  // Copies all fields of the other packet except its data, origin and note.
  void copyEnvelope(const Packet& other);

  // The packet as RTP; null if it is malformed. It views the data, and is parsed again only after the data
  // has changed.
  const rtp::Packet* rtp() const {
    if (rtp_state_ == RtpState::kUnknown) parseRtp();
    return rtp_state_ == RtpState::kParsed ? &rtp_ : nullptr;
  }

  // The route of a packet to the client. A new packet takes the selected address pair.
  enum class Route : uint8_t {
    kSelected,  // the address pair that the session has selected
    kReply,     // back along the path of a packet from the client
    kExplicit,  // `remote` from `local`, even though that is no address pair of the session
  };
  Route route() const { return route_; }
  // These set the route, and reset ttl, which a received packet has from its last path.
  void routeToSelected() { setRoute(Route::kSelected, {}, {}); }
  void routeAsReplyTo(const Packet& request) {
    setRoute(Route::kReply, request.remote, request.local);
    tuple = request.tuple;
  }
  void routeExplicitly(const Address& from, const Address& to) { setRoute(Route::kExplicit, to, from); }
  // For UdpPort::send(): sets the destination; the source is the port's own address. Keeps ttl.
  void sendTo(const Address& peer) {
    remote = peer;
    local = {};
  }

  Address remote;                     // the peer: source on ingress, destination on egress
  Address local;                      // the local address
  Instant received;                   // one timestamp per batch
  Instant deadline = Instant::max();  // on egress: a packet held longer is useless and is dropped
  PacketKind kind = PacketKind::kOther;
  uint8_t tos = 0;             // the whole byte, DSCP and ECN; sent unchanged
  uint8_t ttl = 0;             // hop limit; on egress 0 is the system's default
  uint8_t tuple = 0;           // on ingress: which of the session's address pairs it arrived on
  uint16_t via = 0;            // the listener port on which it arrived
  uint16_t slot = kNoSlot;     // on egress: the index of the player's slot whose stream it belongs to
  bool dont_fragment = false;  // on egress, over IPv4: refuse it if it is too long

  // On egress: a packet that ends with the same payload as this one, for filters that may have to retransmit
  // it. mutableData() and changes of the size reset it.
  SharedPacket origin;

  // Scratch space for the filter that owns the packet. It is lost when the packet is passed to another
  // filter; a debug build asserts that what is read was written.
  template <typename T>
  void setNote(const T& note) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kNoteSize && alignof(T) <= 8);
    new (note_) T(note);
    setNoteType(&kNoteType<T>);
  }
  template <typename T>
  const T& note() const {
    assert(note_type_ == &kNoteType<T>);
    return *std::launder(reinterpret_cast<const T*>(note_));
  }
  // Call it when the packet's owner changes.
  void clearNote() { setNoteType(nullptr); }

  // Marks the packet as accounted for: sent, dropped with a reason, or consumed.
  void settle() { settled_ = true; }

 private:
  friend class PacketPool;
  friend class SharedPacket;
  friend struct PacketReleaser;
  static constexpr size_t kNoteSize = 32;
  template <typename T>
  static constexpr char kNoteType = 0;  // its address identifies the type
  enum class RtpState : uint8_t { kUnknown, kParsed, kMalformed };

  Packet() = default;
  void reset();
  void parseRtp() const;
  void onChange() {
    rtp_state_ = RtpState::kUnknown;
    origin.reset();
  }
  void setRoute(Route route, const Address& to, const Address& from) {
    route_ = route;
    remote = to;
    local = from;
    ttl = 0;
  }
#ifdef NDEBUG
  void setNoteType(const char*) {}
#else
  void setNoteType(const char* type) {
    note_type_ = type;
  }
  const char* note_type_ = nullptr;
#endif

  PacketPool* pool_ = nullptr;
  Packet* next_ = nullptr;  // in a free list
  uint16_t offset_ = kHeadroom;
  uint16_t size_ = 0;
  uint32_t holders_ = 0;  // SharedPackets
  bool settled_ = false;
  Route route_ = Route::kSelected;
  mutable RtpState rtp_state_ = RtpState::kUnknown;
  mutable rtp::Packet rtp_;
  alignas(8) std::byte note_[kNoteSize];
  uint8_t block_[kCapacity];
};

inline SharedPacket::SharedPacket(PacketPtr packet) : packet_(packet.release()) {
  packet_->settle();
  packet_->holders_ = 1;
}

inline SharedPacket::SharedPacket(const SharedPacket& other) : packet_(other.packet_) {
  if (packet_ != nullptr) ++packet_->holders_;
}

inline void SharedPacket::reset() {
  Packet* packet = std::exchange(packet_, nullptr);
  if (packet != nullptr && --packet->holders_ == 0) PacketReleaser{}(packet);
}

}  // namespace sluice::net
