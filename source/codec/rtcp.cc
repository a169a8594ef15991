#include "source/codec/rtcp.h"

#include <algorithm>

namespace sluice::rtcp {
namespace {

constexpr size_t kBlockSize = 24;
constexpr size_t kSenderInfoSize = 24;  // with the SSRC
constexpr uint64_t kSecondsFrom1900To1970 = 2'208'988'800;
constexpr uint8_t kCnameItem = 1;

void writeBlocks(std::span<const ReportBlock> blocks, uint8_t* out) {
  for (size_t i = 0; i < blocks.size(); ++i) writeReportBlock(blocks[i], out + i * kBlockSize);
}

}  // namespace

Ntp toNtp(std::chrono::system_clock::time_point time) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<uint64_t>(ns / 1'000'000'000);
  const auto rest = static_cast<uint64_t>(ns % 1'000'000'000);
  return (seconds + kSecondsFrom1900To1970) << 32 | (rest << 32) / 1'000'000'000;
}

std::optional<Packet> Reader::next() {
  if (rest_.size() < 4 || rest_[0] >> 6 != 2) return std::nullopt;
  const size_t size = 4 + size_t{4} * readU16(&rest_[2]);
  if (rest_.size() < size) return std::nullopt;
  Packet packet{rest_[1], static_cast<uint8_t>(rest_[0] & 0x1F), rest_.subspan(4, size - 4)};
  if ((rest_[0] & 0x20) != 0) {
    const size_t padding = packet.body.empty() ? 0 : packet.body.back();
    if (padding == 0 || padding > packet.body.size()) return std::nullopt;
    packet.body = packet.body.first(packet.body.size() - padding);
  }
  rest_ = rest_.subspan(size);
  return packet;
}

std::optional<SenderInfo> readSenderInfo(const Packet& packet) {
  if (packet.type != kSenderReport || packet.body.size() < kSenderInfoSize) return std::nullopt;
  const uint8_t* p = packet.body.data();
  return SenderInfo{readU32(p), readU64(p + 4), readU32(p + 12), readU32(p + 16), readU32(p + 20)};
}

Bytes reportBlock(const Packet& packet, size_t i) {
  if (packet.type != kSenderReport && packet.type != kReceiverReport) return {};
  const size_t at = (packet.type == kSenderReport ? kSenderInfoSize : 4) + i * kBlockSize;
  if (i >= packet.count || packet.body.size() < at + kBlockSize) return {};
  return packet.body.subspan(at, kBlockSize);
}

std::optional<ReportBlock> readReportBlock(const Packet& packet, size_t i) {
  const Bytes bytes = reportBlock(packet, i);
  if (bytes.empty()) return std::nullopt;
  const uint8_t* p = bytes.data();
  const auto lost = static_cast<int32_t>(readU24(p + 5) << 8) >> 8;  // sign-extended
  return ReportBlock{readU32(p),      p[4],           lost, readU32(p + 8), readU32(p + 12),
                     readU32(p + 16), readU32(p + 20)};
}

void writeReportBlock(const ReportBlock& block, uint8_t* out) {
  writeU32(out, block.ssrc);
  out[4] = block.fraction_lost;
  writeU24(out + 5, static_cast<uint32_t>(std::clamp(block.cumulative_lost, -0x800000, 0x7FFFFF)) & 0xFFFFFF);
  writeU32(out + 8, block.highest_sequence);
  writeU32(out + 12, block.jitter);
  writeU32(out + 16, block.last_sr);
  writeU32(out + 20, block.delay_since_last_sr);
}

std::optional<Duration> roundTrip(const ReportBlock& block, uint32_t now_middle) {
  if (block.last_sr == 0) return std::nullopt;
  const auto units = static_cast<int32_t>(now_middle - block.last_sr - block.delay_since_last_sr);
  if (units < 0) return std::nullopt;  // the client's delay exceeds the total: invalid
  return Duration{int64_t{units} * 1'000'000'000 / 65536};
}

uint8_t* Writer::add(uint8_t type, size_t count, size_t body_size) {
  const size_t size = 4 + ((body_size + 3) & ~size_t{3});
  if (overflow_ || count > 31 || buffer_.size() - size_ < size) {
    overflow_ = true;
    return nullptr;
  }
  uint8_t* at = &buffer_[size_];
  at[0] = static_cast<uint8_t>(0x80 | count);
  at[1] = type;
  writeU16(at + 2, static_cast<uint16_t>(size / 4 - 1));
  std::fill(at + 4 + body_size, at + size, 0);
  size_ += size;
  return at + 4;
}

void Writer::addSenderReport(const SenderInfo& info, std::span<const ReportBlock> blocks) {
  uint8_t* at = add(kSenderReport, blocks.size(), kSenderInfoSize + blocks.size() * kBlockSize);
  if (at == nullptr) return;
  writeU32(at, info.ssrc);
  writeU64(at + 4, info.ntp);
  writeU32(at + 12, info.rtp_timestamp);
  writeU32(at + 16, info.packets);
  writeU32(at + 20, info.octets);
  writeBlocks(blocks, at + kSenderInfoSize);
}

void Writer::addReceiverReport(uint32_t ssrc, std::span<const ReportBlock> blocks) {
  uint8_t* at = add(kReceiverReport, blocks.size(), 4 + blocks.size() * kBlockSize);
  if (at == nullptr) return;
  writeU32(at, ssrc);
  writeBlocks(blocks, at + 4);
}

void Writer::addCname(uint32_t ssrc, std::string_view cname) {
  if (cname.size() > 255) cname = cname.substr(0, 255);
  // The item list ends with at least one zero byte (RFC 3550 section 6.5).
  uint8_t* at = add(kSourceDescription, 1, 4 + 2 + cname.size() + 1);
  if (at == nullptr) return;
  writeU32(at, ssrc);
  at[4] = kCnameItem;
  at[5] = static_cast<uint8_t>(cname.size());
  std::copy(cname.begin(), cname.end(), at + 6);
  at[6 + cname.size()] = 0;
}

void Writer::addBye(uint32_t ssrc) {
  if (uint8_t* at = add(kBye, 1, 4)) writeU32(at, ssrc);
}

std::optional<size_t> Writer::finish() const {
  if (overflow_) return std::nullopt;
  return size_;
}

}  // namespace sluice::rtcp
