#include <cstdint>
#include <cstdlib>
#include <vector>

#include "source/codec/rendering_extension.h"
#include "source/codec/rtp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  const auto packet = rtp::parse(Bytes(data, size));
  if (!packet) return 0;
  if (packet->payload.data() < data || packet->payload.data() + packet->payload.size() > data + size)
    std::abort();
  std::vector<uint32_t> csrcs;
  for (size_t i = 0; i < packet->csrcCount(); ++i) csrcs.push_back(packet->csrc(i));
  std::vector<rtp::ExtensionElement> elements;
  for (unsigned id = 0; id < 256; ++id) {
    const auto element = packet->findExtension(static_cast<uint8_t>(id));
    if (!element) continue;
    if (id >= 1 && id <= 14 && !element->empty() && element->size() <= 16) {
      elements.push_back({static_cast<uint8_t>(id), *element});
    }
    static_cast<void>(rtp::readAudioLevel(*element));
    if (const auto rendering = rtp::readRendering(*element)) {
      const auto again = rtp::readRendering(rtp::writeRendering(*rendering));
      if (!again || again->azimuth != rendering->azimuth) std::abort();
    }
  }
  // A packet is parsed as it was written.
  const rtp::Header header{.marker = packet->marker,
                           .payload_type = packet->payload_type,
                           .sequence = packet->sequence,
                           .timestamp = packet->timestamp,
                           .ssrc = packet->ssrc,
                           .csrcs = csrcs,
                           .extensions = elements};
  std::vector<uint8_t> out(header.size());
  rtp::write(header, out.data());
  const auto again = rtp::parse(out);
  if (!again || again->sequence != packet->sequence || again->csrcCount() != csrcs.size()) std::abort();
  for (const auto& element : elements) {
    const auto found = again->findExtension(element.id);
    if (!found || found->size() != element.data.size()) std::abort();
  }
  return 0;
}
