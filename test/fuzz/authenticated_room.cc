#include "test/fuzz/authenticated_room.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "filters/adaptation/adaptation.h"
#include "filters/dtls_srtp/dtls_srtp.h"
#include "filters/fragment/fragment.h"
#include "filters/fragment/fragment_header.h"
#include "filters/impair/impair.h"
#include "filters/marker/marker.h"
#include "filters/opus/opus.h"
#include "filters/pacer/pacer.h"
#include "filters/repair/repair.h"
#include "filters/rtp_router/rtp_router.h"
#include "filters/stun_turn/stun_turn.h"
#include "source/base/log.h"
#include "source/codec/rtp.h"
#include "source/codec/stun_writer.h"
#include "source/crypto/certificate.h"
#include "source/crypto/hmac.h"

namespace sluice::fuzz {
namespace {

constexpr std::string_view kPassword = "a password of 24 letters";
constexpr const char* kUnlimited =
    "uplink { packets_per_second: 10000 burst_packets: 100000 bytes_per_second: 1000000 burst_bytes: "
    "10000000 }";

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// The shipped chain; then a chain with every filter, with varying modes.
std::vector<test::FilterConfig> filtersOf(unsigned chain) {
  log::setLevel("error");  // impair logs a warning whenever it is configured
  const bool shipped = chain == 0;
  std::vector<test::FilterConfig> filters{{marker::filterType(), "egress { all { dscp: 46 ttl: 64 } }"},
                                          {stun_turn::filterType(), ""}};
  if (!shipped) {
    filters.push_back({impair::filterType(),
                       "seed: 7 ingress { loss { percent: 5 } jitter { max_ms: 60 } duplicate_percent: 5 } "
                       "egress { loss { percent: 5 } delay_ms: 20 duplicate_percent: 5 }"});
    filters.push_back({fragment::filterType(), ""});
  }
  filters.push_back({dtls_srtp::filterType(), ""});
  filters.push_back({pacer::filterType(), "adaptation {}"});
  constexpr const char* kRepair[] = {
      "", "uplink { red: true } downlink { redundancy: TWO max_overhead_percent: 300 }",
      "downlink { budget_ms: 1000 redundancy: ONE }", ""};
  filters.push_back({repair::filterType(), kRepair[chain]});
  filters.push_back({adaptation::filterType(), ""});
  constexpr const char* kOpusModes[] = {
      "", "ingress { mode: CONCEAL } egress { mode: CONCEAL }",
      "ingress { mode: TRANSCODE max_streams: 2 } egress { mode: TRANSCODE }",
      "ingress {} egress { mode: CONCEAL }"};
  if (!shipped) filters.push_back({opus_filter::filterType(), kOpusModes[chain]});
  filters.push_back({rtp_router::filterType(), shipped ? "" : kUnlimited});
  return filters;
}

// Keys by index: the server's `local` is the client's `remote`.
crypto::SrtpKeys keysOf(unsigned index, bool client) {
  crypto::SrtpKeys keys;
  keys.profile = index == 0 ? crypto::SrtpProfile::kAeadAes128Gcm : crypto::SrtpProfile::kAes128CmSha1_80;
  keys.local.fill(static_cast<uint8_t>(2 * index + (client ? 1 : 2)));
  keys.remote.fill(static_cast<uint8_t>(2 * index + (client ? 2 : 1)));
  if (keys.profile == crypto::SrtpProfile::kAeadAes128Gcm) {
    keys.local[28] = keys.local[29] = keys.remote[28] = keys.remote[29] = 0;
  }
  return keys;
}

// The state that dtls_srtp reads when its session comes from another process: the presence of keys, and
// SRTP's state.
test::SavedChain savedKeys(unsigned index) {
  Descriptors none;
  Archive out(none);
  bool keyed = true;
  out(keyed);
  (*crypto::SrtpSession::make(keysOf(index, false)))->save(out);
  const chain::FilterType type = dtls_srtp::filterType();
  const std::string name(type.name);
  return {"", {{name, name, type.state_format, out.takeBytes()}}, {}};
}

rooms::Negotiated negotiate(const std::string& name, uint32_t ssrc, uint32_t slot_ssrc) {
  rooms::AudioSection line;
  line.mid = "0";
  line.opus_payload_type = kOpus;
  line.red_payload_type = kRed;
  line.rtx_payload_type = kRtx;
  line.feedback = {.nack = true, .remb = true, .tmmbr = true};
  line.extensions = {.mid = 4, .audio_level = 1};
  rooms::Negotiated negotiated;
  negotiated.local = {name, std::string(kPassword)};
  negotiated.cname = name;
  static_cast<rooms::AudioSection&>(negotiated.sending.emplace()) = line;
  negotiated.sending->ssrcs = {ssrc};
  rooms::Slot& slot = negotiated.slots.emplace_back();
  static_cast<rooms::AudioSection&>(slot) = line;
  slot.mid = "1";
  slot.ssrc = slot_ssrc;
  slot.rtx_ssrc = slot_ssrc + 1;
  return negotiated;
}

net::Address addressOf(unsigned player, unsigned number) {
  const std::array<uint8_t, 4> ip{192, 0, 2, static_cast<uint8_t>(1 + player)};
  return net::Address(Bytes(ip), static_cast<uint16_t>(5000 + number));
}

}  // namespace

Member::Member(AuthenticatedRoom& room, unsigned index)
    : ssrc(100 + index), slot_ssrc(0x1000 * (index + 1)), chain(room.makeChain()) {
  srtp_ = *crypto::SrtpSession::make(keysOf(index, true));
  const std::string name = index == 0 ? "first" : "second";
  chain->session.selected = addressOf(index, 0);
  chain->session.known_player = *room.directory().join("room", name, negotiate(name, ssrc, slot_ssrc));
  chain->session.known_player->observed.connected = true;
  if (!chain->load(savedKeys(index)).empty()) fail("dtls_srtp cannot read its keys");
  check({}, 0, true);
  if (!chain->session.isAuthenticated()) fail("the check did not authenticate the client");
}

void Member::send(Bytes datagram, unsigned address) {
  const std::vector<uint8_t> bytes(datagram.begin(), datagram.end());
  if (!bytes.empty()) chain->ingress(bytes, addressOf(ssrc - 100, address));
  last_ = bytes;
}

void Member::protectAndSend(Bytes packet,
                            crypto::SrtpStatus (crypto::SrtpSession::*protect)(uint8_t*, size_t&),
                            unsigned address) {
  std::vector<uint8_t> bytes(packet.begin(), packet.end());
  size_t size = bytes.size();
  bytes.resize(size + crypto::kSrtpTailroom);
  const bool sealed = ((*srtp_).*protect)(bytes.data(), size) == crypto::SrtpStatus::kOk;
  if (!sealed || size > net::Packet::kMaxPayload) return send(packet, address);
  bytes.resize(size);
  send(bytes, address);
}

void Member::sendRtp(Bytes packet, unsigned address) {
  protectAndSend(packet, &crypto::SrtpSession::protect, address);
}

void Member::sendRtcp(Bytes packet, unsigned address) {
  protectAndSend(packet, &crypto::SrtpSession::protectRtcp, address);
}

void Member::check(Bytes attributes, unsigned address, bool nominate) {
  std::vector<uint8_t> buffer(net::Packet::kMaxPayload);
  stun::TransactionId id{};
  writeU32(id.data(), ++transactions_);
  stun::Writer writer(buffer, stun::kBinding, stun::Class::kRequest, id);
  writer.add(stun::kUsername, chain->session.known_player->negotiated.local.ufrag + ":theirs");
  writer.addU64(stun::kIceControlling, 5);
  writer.addU32(stun::kPriority, 1);
  if (nominate) writer.addFlag(stun::kUseCandidate);
  while (attributes.size() >= 4) {  // type, length, value
    const size_t size = std::min<size_t>(readU16(&attributes[2]) % 64, attributes.size() - 4);
    writer.add(readU16(attributes.data()), attributes.subspan(4, size));
    attributes = attributes.subspan(4 + size);
  }
  writer.addIntegrity(asBytes(kPassword), crypto::hmacSha1);
  writer.addFingerprint();
  const auto size = writer.finish();
  if (size) send(Bytes(buffer).first(*size), address);
}

void Member::receive(test::ChainHarness& from) {
  for (test::Captured& packet : from.outer) {
    const bool rtp = packet.kind == PacketKind::kRtp;
    if ((!rtp && packet.kind != PacketKind::kRtcp) || fragment::isFragment(packet.data)) continue;
    size_t size = packet.data.size();
    const auto status =
        rtp ? srtp_->unprotect(packet.data.data(), size) : srtp_->unprotectRtcp(packet.data.data(), size);
    if (status != crypto::SrtpStatus::kOk && status != crypto::SrtpStatus::kReplayed) {
      fail("the client cannot decrypt a packet");
    }
    if (rtp && status == crypto::SrtpStatus::kOk) {
      const auto voice = rtp::parse(Bytes(packet.data).first(size));
      if (!voice) fail("the client cannot read an RTP packet");
      if (voice->ssrc == slot_ssrc) last_received = voice->sequence;
    }
  }
  from.outer.clear();
}

AuthenticatedRoom::AuthenticatedRoom(unsigned chain)
    : chain_(chain % kChains),
      worker_(std::make_unique<test::FakeWorker>(clock_)),
      members{Member(*this, 0), Member(*this, 1)} {}

AuthenticatedRoom::~AuthenticatedRoom() {
  for (Member& member : members) {
    member.chain->closeChain();
    member.receive();
  }
  endWorker(std::move(worker_));
}

// Every packet that arrived was sent, dropped or consumed.
void AuthenticatedRoom::endWorker(std::unique_ptr<test::FakeWorker> worker) {
  worker->runMain();
  if (worker->pool().unaccounted() != 0) fail("a packet was neither sent, dropped nor consumed");
}

std::unique_ptr<test::ChainHarness> AuthenticatedRoom::makeChain() {
  auto chain = std::make_unique<test::ChainHarness>(*worker_, filtersOf(chain_));
  chain->directory = &directory_;
  return chain;
}

void AuthenticatedRoom::wait(Duration time) {
  const Instant end = clock_.now() + time;
  for (Instant next = worker_->timers().next(); next <= end; next = worker_->timers().next()) {
    clock_.advance(std::max(next - clock_.now(), Duration{}));
    worker_->timers().run();
  }
  clock_.advance(end - clock_.now());
  worker_->runMain();
}

void AuthenticatedRoom::reload(unsigned chain) {
  chain_ = chain % kChains;
  for (Member& member : members) member.chain->reload(filtersOf(chain_));
}

void AuthenticatedRoom::takeOver() {
  for (Member& member : members) member.chain->chain().flush();
  auto old_worker = std::move(worker_);
  worker_ = std::make_unique<test::FakeWorker>(clock_);
  for (Member& member : members) {
    auto old_chain = std::exchange(member.chain, makeChain());
    if (!member.chain->takeOver(*old_chain).empty()) fail("a session cannot continue in another process");
    old_chain->closeChain();
    member.receive(*old_chain);
  }
  endWorker(std::move(old_worker));
}

}  // namespace sluice::fuzz
