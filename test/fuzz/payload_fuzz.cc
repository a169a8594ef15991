// Shortens an RTP packet's payload and extends it again. An input is (how much, payload type, packet).
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "source/media/payload.h"
#include "source/net/packet_pool.h"
#include "test/fuzz/input.h"

namespace {

using namespace sluice;

// Aborts unless `packet` is `before` with another payload type and with this payload and padding at its end.
void check(const net::Packet& packet, const std::vector<uint8_t>& before, size_t header, uint8_t payload_type,
           Bytes end) {
  const Bytes data = packet.data();
  if (data.size() < header + end.size()) std::abort();
  if (!std::equal(end.begin(), end.end(), data.end() - static_cast<ptrdiff_t>(end.size()))) std::abort();
  const auto now = rtp::parse(data);
  if (!now || now->payload_type != payload_type || now->marker != ((before[1] & 0x80) != 0)) std::abort();
  for (size_t i = 0; i < header; ++i) {
    if (i != 1 && data[i] != before[i]) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const size_t wanted = input.u16();
  const uint8_t payload_type = input.u8() & 127;
  const Bytes bytes = input.rest();
  net::PacketPool pool(2);
  net::PacketPtr packet = pool.acquire();
  if (!packet->assign(bytes)) return packet->settle(), 0;
  const std::vector<uint8_t> before(bytes.begin(), bytes.end());
  if (const auto rtp = rtp::parse(packet->data())) {
    const auto header = static_cast<size_t>(rtp->payload.data() - packet->data().data());
    const size_t n = wanted % (rtp->payload.size() + 1);
    media::cutPayload(*packet, *rtp, n, payload_type);
    check(*packet, before, header, payload_type, bytes.subspan(header + n));
  }
  if (const auto rtp = rtp::parse(packet->data())) {
    const auto header = static_cast<size_t>(rtp->payload.data() - packet->data().data());
    const std::vector<uint8_t> cut(packet->data().begin(), packet->data().end());
    const size_t n = wanted % net::Packet::kMaxPayload;
    uint8_t* const front = media::growPayload(*packet, *rtp, n, payload_type);
    if (front != nullptr && packet->size() > net::Packet::kMaxPayload) std::abort();
    if (front != nullptr) {
      std::fill(front, front + n, uint8_t{0xA5});
      check(*packet, cut, header, payload_type, Bytes(cut).subspan(header));
    }
  }
  packet->settle();
  return 0;
}
