#include <cstdint>
#include <cstdlib>

#include "source/codec/reception.h"
#include "source/codec/rtcp.h"
#include "source/codec/rtcp_extended.h"
#include "source/codec/rtcp_feedback.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  rtcp::Reader reader(Bytes(data, size));
  size_t packets = 0;
  while (const auto packet = reader.next()) {
    if (++packets > size / 4) std::abort();
    static_cast<void>(rtcp::readSenderInfo(*packet));
    size_t i = 0;
    for (; const auto block = rtcp::readReportBlock(*packet, i); ++i)
      static_cast<void>(rtcp::roundTrip(*block, 1));
    if (i > packet->count) std::abort();
    rtcp::forEachLost(*packet, [](uint32_t, uint16_t) {});
    static_cast<void>(rtcp::readRemb(*packet));
    static_cast<void>(rtcp::referenceRoundTrip(*packet, 0, 0));
    static_cast<void>(rtcp::readTmmbr(*packet, 0));
  }
  rtp::Reception reception(48'000);
  Instant now{std::chrono::hours{1}};
  for (size_t i = 0; i + 2 <= size; i += 2) {
    now += std::chrono::milliseconds{data[i]};
    reception.onPacket(readU16(data + i), readU16(data + i) * 960u, now);
  }
  static_cast<void>(reception.report(1, now));
  return 0;
}
