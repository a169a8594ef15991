#include "source/load/player.h"

#include <algorithm>
#include <array>

#include "source/base/log.h"
#include "source/base/random.h"
#include "source/codec/rendering_extension.h"
#include "source/codec/rtcp.h"
#include "source/codec/rtcp_feedback.h"
#include "source/codec/sequence.h"

namespace sluice::load {
namespace {

constexpr Duration kPoll = 50ms;
constexpr Duration kFrame = std::chrono::milliseconds{kFrameMs};
constexpr uint32_t kGoldenRatio = 0x9e3779b9;  // fractional part of the golden ratio, times 2^32
constexpr Duration kReport = 1s;
constexpr Duration kFloodTick = 2ms;
constexpr unsigned kFloodTicksPerSecond = 500;
constexpr Duration kNackInterval = 5ms;
constexpr Duration kConnectTimeout = 10s;
constexpr Duration kSpurt = 3s;
constexpr Duration kPause = 2s;
constexpr Duration kTalkTime = 1s;  // of each speaker with --in-turn
constexpr uint8_t kLevel = 25;      // -dBov, about the level of the melodies
constexpr int kCreated = 201;
constexpr int kUnauthorized = 401;
constexpr int kTooManyRequests = 429;

rooms::IceCredentials newCredentials() {
  return {randomIceString(8), randomIceString(24)};
}

}  // namespace

Player::Player(LoadContext& context, uint32_t index, std::string room, std::string name, const Melody* melody,
               unsigned place, std::optional<double> lossy_percent)
    : context_(context),
      index_(index),
      room_(std::move(room)),
      name_(std::move(name)),
      melody_(melody),
      place_(place),
      ice_credentials_(newCredentials()),
      ssrc_(randomU32() | 1),
      totals_(lossy_percent ? context.lossy_totals : context.totals),
      poll_(context.loop.timers(), [this] { onPollTimer(); }),
      talk_(context.loop.timers(), [this] { onTalkTimer(); }),
      report_(context.loop.timers(), [this] { onReportTimer(); }),
      nack_(context.loop.timers(), [this] { onNackTimer(); }),
      rtp_sequence_(rtp::firstSequence(randomU32())),
      rtp_timestamp_(randomU32()),
      frame_(index * 37) {
  if (lossy_percent) line_.emplace(*lossy_percent);
}

Player::~Player() = default;

Player::Joined Player::join(std::string& error) {
  const std::string target = "/v1/rooms/" + room_ + "/players/" + name_;
  const std::string offer = makeOffer({.ice = ice_credentials_,
                                       .fingerprint = context_.dtls.fingerprint(),
                                       .talks = hasMicrophone(),
                                       .ssrc = ssrc_,
                                       .slots = context_.slots});
  const auto response = context_.http.request("POST", target, "application/sdp", offer, token());
  if (!response.ok()) {
    error = response.error().toString();
    return Joined::kNo;
  }
  if (response->status == kTooManyRequests) return Joined::kLater;
  if (response->status != kCreated) {
    error = "POST " + target + ": " + std::to_string(response->status) + " " + response->body;
    return response->status == kUnauthorized ? Joined::kUnauthorized : Joined::kNo;
  }
  location_ = response->location;
  auto answer = readAnswer(response->body);
  if (!answer.ok()) {
    error = answer.error().toString();
    return Joined::kNo;
  }
  answer_ = *answer;
  ice_.emplace(ice_credentials_, answer_.ice);
  static constexpr uint8_t kAny[16] = {};
  net::UdpReceiver& receiver = *this;
  auto port = context_.network.open(net::Address(Bytes(kAny, answer_.candidate.ip().size()), 0),
                                    {.connect_to = answer_.candidate, .stats = &context_.udp}, receiver);
  if (!port.ok()) {
    error = port.error().message;
    return Joined::kNo;
  }
  port_ = *std::move(port);
  began_ = context_.loop.clock().refresh();
  onPollTimer();
  return Joined::kYes;
}

void Player::leave() {
  talk_.cancel();
  report_.cancel();
  nack_.cancel();
  poll_.cancel();
  if (dtls_ != nullptr) dtls_->close();
  if (!location_.empty()) static_cast<void>(context_.http.request("DELETE", location_, {}, {}, token()));
  location_.clear();
}

// A new token for each request: a run may last longer than a token.
std::string Player::token() const {
  if (context_.tokens == nullptr) return {};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return context_.tokens->sign(room_, name_, std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

void Player::onPollTimer() {
  const Instant now = context_.loop.clock().now();
  std::array<uint8_t, 256> buffer;
  if (const auto size = ice_->poll(now, buffer)) sendBytes(Bytes(buffer).first(*size));
  if (dtls_ != nullptr && !connected()) {
    if (const auto due = dtls_->nextTimeout(); due && *due <= Duration::zero()) dtls_->onTimeout();
    checkHandshake();
  }
  if (ice_->expired(now) || (!connected() && now - began_ > kConnectTimeout)) {
    failed_ = true;
    return;
  }
  poll_.arm(kPoll);
}

void Player::sendBytes(Bytes datagram) {
  net::PacketPtr packet = context_.pool.acquire();
  if (packet == nullptr) return;
  packet->assign(datagram);
  packet->sendTo(answer_.candidate);
  port_->send(std::move(packet));
}

void Player::sendDtls(Bytes datagram) {
  sendBytes(datagram);
}

void Player::onPacket(net::PacketPtr&& packet) {
  switch (classify(packet->data())) {
    case PacketKind::kStun:
      onStun(packet->data());
      break;
    case PacketKind::kDtls:
      onDtls(packet->data());
      break;
    case PacketKind::kRtp:
    case PacketKind::kRtcp:
      onMedia(*packet);
      break;
    default:
      ++context_.totals.integrity_errors;
      break;
  }
  packet->settle();
  packet.reset();
}

void Player::onStun(Bytes datagram) {
  std::array<uint8_t, 256> buffer;
  const bool before = ice_->connected();
  if (const auto size = ice_->onStun(datagram, context_.loop.clock().now(), buffer)) {
    sendBytes(Bytes(buffer).first(*size));
  }
  if (before || !ice_->connected() || dtls_ != nullptr) return;
  crypto::DtlsSink& sink = *this;
  dtls_ = std::make_unique<crypto::DtlsConnection>(
      context_.dtls,
      crypto::DtlsConnection::Options{
          .role = answer_.server_is_passive ? crypto::DtlsRole::kClient : crypto::DtlsRole::kServer,
          .peer_fingerprints = {answer_.fingerprint},
          .profiles = {crypto::SrtpProfile::kAeadAes128Gcm, crypto::SrtpProfile::kAes128CmSha1_80}},
      sink);
  if (answer_.server_is_passive) dtls_->start();
}

void Player::onDtls(Bytes datagram) {
  if (dtls_ == nullptr) return;
  dtls_->onDatagram(datagram);
  checkHandshake();
}

void Player::checkHandshake() {
  using State = crypto::DtlsConnection::State;
  const State state = dtls_->state();
  if (state == State::kFailed || state == State::kClosed) failed_ = true;
  if (state != State::kConnected || connected()) return;
  auto session = crypto::SrtpSession::make(dtls_->keys());
  if (!session.ok()) {
    failed_ = true;
    return;
  }
  srtp_ = *std::move(session);
  const Instant now = context_.loop.clock().now();
  context_.totals.connect_ms.push_back(std::chrono::duration<double, std::milli>(now - began_).count());
  if (hasMicrophone()) talk_.armAt(nextFrame(now));
  report_.arm(Duration{static_cast<int64_t>(randomU32()) % kReport.count()});
  if (line_) nack_.arm(kNackInterval);
}

bool Player::speaking() const {
  if (!talks()) return false;
  const Instant now = context_.loop.clock().now();
  if (context_.in_turn) return now.time_since_epoch() / kTalkTime % context_.speakers == place_;
  return !context_.spurts || (now - began_ + index_ * 1700ms) % (kSpurt + kPause) < kSpurt;
}

// Independent clients send at any phase of the 20 ms. However few there are, the players of a run spread
// evenly over the phases, so that a run covers every phase relative to other work with the same period.
Instant Player::nextFrame(Instant now) const {
  const int64_t fraction = index_ * kGoldenRatio;
  const Duration phase{(fraction * kFrame.count()) >> 32};
  return now + kFrame - (now - context_.began - phase) % kFrame;
}

void Player::onTalkTimer() {
  if (!context_.talking) return;
  talk_.armAt(talk_.due() + (floods() ? kFloodTick : kFrame));
  for (unsigned left = floods() ? context_.flood / kFloodTicksPerSecond : 1; left > 0; --left) sendFrame();
}

void Player::sendFrame() {
  if (speaking()) {
    sendVoice((*melody_)[frame_ % melody_->size()], true);
  } else if (context_.silence != nullptr) {
    sendVoice((*context_.silence)[frame_ % context_.silence->size()], false);
  }
  ++frame_;
  rtp_timestamp_ += kTimestampStep;
}

void Player::sendVoice(const std::vector<uint8_t>& opus, bool speech) {
  net::PacketPtr packet = context_.pool.acquire();
  if (packet == nullptr) return;
  const uint8_t level = rtp::writeAudioLevel(speech ? rtp::AudioLevel{kLevel, true} : rtp::AudioLevel{});
  const rtp::ExtensionElement extension{answer_.audio_level_id, Bytes(&level, 1)};
  const rtp::Header header{.marker = packets_sent_ == 0,
                           .payload_type = kOpusPayloadType,
                           .sequence = rtp_sequence_,
                           .timestamp = rtp_timestamp_,
                           .ssrc = ssrc_,
                           .extensions = {&extension, answer_.audio_level_id != 0 ? 1u : 0u}};
  packet->resize(net::Packet::kMaxPayload);
  rtp::write(header, packet->mutableData().data());
  const bool counted = context_.counting && speech && !floods();
  const Stamp mark{index_, sequence_counted_, std::chrono::steady_clock::now(), counted};
  const auto payload = stamp(opus, mark, packet->mutableData().subspan(header.size()));
  size_t size = header.size() + payload.value_or(0);
  if (!payload || srtp_->protect(packet->mutableData().data(), size) != crypto::SrtpStatus::kOk) {
    packet->settle();
    return;
  }
  packet->resize(size);
  packet->sendTo(answer_.candidate);
  port_->send(std::move(packet));
  ++rtp_sequence_;
  ++packets_sent_;
  octets_sent_ += static_cast<uint32_t>(*payload);
  if (!counted) return;
  ++sequence_counted_;
  ++context_.totals.sent;
}

void Player::onMedia(net::Packet& packet) {
  if (!connected()) return;
  size_t size = packet.size();
  const bool rtp = classify(packet.data()) == PacketKind::kRtp;
  if (rtp && line_ && line_->loses()) return;
  const auto status = rtp ? srtp_->unprotect(packet.mutableData().data(), size)
                          : srtp_->unprotectRtcp(packet.mutableData().data(), size);
  if (status == crypto::SrtpStatus::kReplayed && line_) {
    ++totals_.duplicates;  // two retransmissions for two NACKs
    return;
  }
  if (status != crypto::SrtpStatus::kOk) {
    ++totals_.integrity_errors;
    return;
  }
  packet.resize(size);
  if (rtp) {
    const auto parsed = rtp::parse(packet.data());
    if (parsed) return onVoice(*parsed, packet.received);
    ++context_.totals.integrity_errors;
    return;
  }
  rtcp::Reader reader(packet.data());
  while (const auto part = reader.next()) {
    const auto info = rtcp::readSenderInfo(*part);
    if (!info) continue;
    if (const auto stream = streams_.find(info->ssrc); stream != streams_.end()) {
      stream->second.onSenderReport(info->ntp, packet.received);
    }
  }
}

void Player::onVoice(const rtp::Packet& rtp, Instant received) {
  Totals& totals = totals_;
  if (line_) line_->onPacket(rtp, received);
  streams_.try_emplace(rtp.ssrc, 48'000).first->second.onPacket(rtp.sequence, rtp.timestamp, received);
  const auto mark = readStamp(rtp.payload);
  const bool ours =
      std::find(answer_.slot_ssrcs.begin(), answer_.slot_ssrcs.end(), rtp.ssrc) != answer_.slot_ssrcs.end();
  // Checks that there is one CSRC, the same for all of a speaker's packets, on a slot that the answer named,
  // and that the speaker is another player of the same room.
  if (!mark || !ours || rtp.csrcCount() != 1 || mark->speaker >= context_.rooms.size() ||
      mark->speaker == index_ || context_.rooms[mark->speaker] != room_ ||
      csrc_of_.try_emplace(mark->speaker, rtp.csrc(0)).first->second != rtp.csrc(0)) {
    ++totals.integrity_errors;
    return;
  }
  if (!mark->counted) return;
  checkRendering(rtp, mark->speaker);
  switch (receptions_[mark->speaker].onPacket(mark->sequence)) {
    case SpeakerReception::Verdict::kDuplicate:
      ++totals.duplicates;
      return;
    case SpeakerReception::Verdict::kOutOfOrder:
      ++totals.out_of_order;
      break;
    case SpeakerReception::Verdict::kNew:
      break;
  }
  ++totals.received;
  totals.latency.record(received - mark->sent);
}

void Player::checkRendering(const rtp::Packet& rtp, uint32_t speaker) {
  const auto element = rtp.findExtension(answer_.rendering_id);
  if (context_.walker == nullptr || answer_.rendering_id == 0 || !element) return;
  ++totals_.renderings;
  const auto rendering = rtp::readRendering(*element);
  const bool right = rendering && context_.walker->isRight(*rendering, speaker, index_);
  if (!right) ++totals_.wrong_renderings;
}

void Player::onReportTimer() {
  report_.arm(kReport);
  const Instant now = context_.loop.clock().now();
  std::vector<rtcp::ReportBlock> blocks;
  for (auto& [ssrc, stream] : streams_) {
    if (blocks.size() < 31) blocks.push_back(stream.report(ssrc, now));
  }
  sendRtcp([&](rtcp::Writer& writer) {
    if (packets_sent_ == 0) return writer.addReceiverReport(ssrc_, blocks);
    writer.addSenderReport(
        {ssrc_, rtcp::toNtp(std::chrono::system_clock::now()), rtp_timestamp_, packets_sent_, octets_sent_},
        blocks);
  });
}

void Player::onNackTimer() {
  nack_.arm(kNackInterval);
  line_->requestLost(context_.loop.clock().now(), [this](uint32_t ssrc, std::span<const uint16_t> sequences) {
    if (context_.counting) totals_.requested += sequences.size();
    sendRtcp([&](rtcp::Writer& writer) {
      writer.addReceiverReport(ssrc_, {});
      rtcp::addNack(writer, ssrc_, ssrc, sequences);
    });
  });
}

// `fill` starts the compound packet with a report.
void Player::sendRtcp(const std::function<void(rtcp::Writer&)>& fill) {
  net::PacketPtr packet = context_.pool.acquire();
  if (packet == nullptr) return;
  packet->resize(net::Packet::kMaxPayload);
  rtcp::Writer writer(packet->mutableData());
  fill(writer);
  writer.addCname(ssrc_, ice_credentials_.ufrag);
  size_t size = writer.finish().value_or(0);
  if (size == 0 || srtp_->protectRtcp(packet->mutableData().data(), size) != crypto::SrtpStatus::kOk) {
    packet->settle();
    return;
  }
  packet->resize(size);
  packet->sendTo(answer_.candidate);
  port_->send(std::move(packet));
}

}  // namespace sluice::load
