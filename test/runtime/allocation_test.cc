// The data path does not allocate once it has run for a while.
#include <doctest/doctest.h>

#include "filters/adaptation/adaptation.h"
#include "filters/marker/marker.h"
#include "filters/opus/opus.h"
#include "filters/pacer/pacer.h"
#include "filters/repair/repair.h"
#include "filters/rtp_router/rtp_router.h"
#include "source/codec/rtp.h"
#include "source/crypto/srtp.h"
#include "test/filters/stun_turn/turn_client.h"
#include "test/support/allocations.h"
#include "test/support/harness.h"
#include "test/support/udp_client.h"
#include "test/support/voice_signal.h"
#include "test/support/workers.h"

namespace sluice {
namespace {

constexpr int kPackets = 10'000;
constexpr int kWindow = 50;  // in transit at once: fewer than any socket buffer holds

TEST_CASE("the allocation counter counts") {
  const uint64_t before = test::allocations();
  test::countAllocations(true);
  const auto memory = std::make_unique<std::vector<uint8_t>>(100);
  test::countAllocations(false);
  CHECK(test::allocations() - before == 2);
}

TEST_CASE("10,000 datagrams through sockets, marker and forward allocate nothing") {
  test::UdpClient client, upstream;
  test::Workers workers(
      "listeners { name: 'udp' address: '127.0.0.1:0' filter_chains { name: 'c' "
      "filters { typed_config { [type.googleapis.com/sluice.filters.Marker] { ingress { all { dscp: 46 ttl: "
      "64 } } } } } "
      "filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: 'up' } } } } } "
      "clusters { name: 'up' endpoints: '" +
          upstream.local().toString() + "' }",
      1);
  const std::vector<uint8_t> data(160, 'v');
  const auto forward = [&](int count) {
    for (int i = 0; i < count; i += kWindow) {
      for (int j = 0; j < kWindow; ++j) client.send(data, workers.address());
      for (int j = 0; j < kWindow; ++j) REQUIRE(upstream.receive());
    }
  };
  forward(2'000);
  workers.on(0, [](runtime::WorkerThread&) { test::countAllocations(true); });
  const uint64_t before = test::allocations();
  forward(kPackets);
  const uint64_t after = test::allocations();
  workers.on(0, [](runtime::WorkerThread&) { test::countAllocations(false); });
  CHECK(after - before == 0);
}

TEST_CASE("10,000 voice packets to nine receivers allocate nothing") {
  ManualClock clock;
  test::FakeWorker worker(clock);
  rooms::Directory directory({}, 1, clock);
  std::vector<std::unique_ptr<test::ChainHarness>> players;
  for (int i = 0; i < 10; ++i) {
    rooms::Negotiated negotiated;
    negotiated.local = {"player" + std::to_string(i), "password"};
    negotiated.sending.emplace();
    negotiated.sending->feedback.nack = true;
    negotiated.slots.resize(1);
    negotiated.slots[0].ssrc = static_cast<uint32_t>(100 + i);
    negotiated.slots[0].feedback.nack = true;
    auto chain = std::make_unique<test::ChainHarness>(
        worker, std::vector<test::FilterConfig>{{marker::filterType(), "egress { all { dscp: 46 } }"},
                                                {pacer::filterType(), ""},
                                                {repair::filterType(), ""},
                                                // An event goes to the main thread: a change of the profile
                                                // may allocate.
                                                {adaptation::filterType(), "events: false"},
                                                {rtp_router::filterType(), ""}});
    chain->directory = &directory;
    chain->session.known_player = *directory.join("room", "p" + std::to_string(i), negotiated);
    chain->session.known_player->observed.connected = true;
    chain->record = false;
    chain->chain();
    players.push_back(std::move(chain));
  }
  std::vector<uint8_t> packet(100);
  const auto talk = [&](uint16_t first, int count) {
    for (int i = 0; i < count; ++i) {
      const auto sequence = static_cast<uint16_t>(first + i);
      rtp::write({.payload_type = 111, .sequence = sequence, .timestamp = sequence * 960u, .ssrc = 7},
                 packet.data());
      if (i % 10 == 9) continue;  // lost, and requested
      players[0]->ingress(packet);
      clock.advance(10ms);
      worker.timers().run();
      clock.advance(10ms);
    }
  };
  talk(0, 100);
  worker.runMain();
  const uint64_t heard = players[9]->counted("rtp_router", "voice_out");
  test::countAllocations(true);
  const uint64_t before = test::allocations();
  talk(100, kPackets);
  const uint64_t after = test::allocations();
  test::countAllocations(false);
  CHECK(after - before == 0);
  CHECK(players[9]->counted("rtp_router", "voice_out") - heard == kPackets * 9 / 10);
  CHECK(players[0]->counted("repair", "requested") > kPackets / 20);
}

TEST_CASE("10,000 packets of ChannelData each way through a TURN relay allocate nothing") {
  test::TurnServer server("max_bandwidth_per_user_bps: 1000000000 ");
  test::TurnClient client(server);
  client.allocate();
  REQUIRE(client.bind(0x4000, test::kPeer).code() == test::kSuccess);
  const net::Address peer = *net::Address::parse(test::kPeer);
  const std::vector<uint8_t> payload(160, 'v');
  std::vector<uint8_t> message(4 + payload.size(), 'v');
  writeU16(&message[0], 0x4000);
  writeU16(&message[2], static_cast<uint16_t>(payload.size()));
  client.chain.record = server.network().record = false;
  const auto relay = [&](int count) {
    for (int i = 0; i < count; ++i) {
      client.chain.ingress(message);
      REQUIRE(server.network().deliver(peer, client.relay(), payload));
      server.clock.advance(1ms);
    }
  };
  relay(100);
  const uint64_t out = client.chain.counted("stun_turn", "relayed_to_peer");
  const uint64_t in = client.chain.counted("stun_turn", "relayed_from_peer");
  test::countAllocations(true);
  const uint64_t before = test::allocations();
  relay(kPackets);
  const uint64_t after = test::allocations();
  test::countAllocations(false);
  CHECK(after - before == 0);
  CHECK(client.chain.counted("stun_turn", "relayed_to_peer") - out == kPackets);
  CHECK(client.chain.counted("stun_turn", "relayed_from_peer") - in == kPackets);
}

TEST_CASE("2,000 packets with gaps through every mode of opus allocate nothing") {
  const auto voice = test::voiceSignal(1, 120);
  media::OpusEncoder encoder;
  encoder.apply({.bandwidth = opus::Bandwidth::kWide,
                 .mode = opus::Mode::kSilk,
                 .fec = true,
                 .expected_loss_percent = 10,
                 .bitrate_bps = 28'000});
  std::vector<std::vector<uint8_t>> packets;
  for (size_t at = 0; at + 960 <= voice.size(); at += 960) {
    std::vector<uint8_t> packet(rtp::kHeaderSize + media::kMaxOpusFrame);
    packet.resize(rtp::kHeaderSize +
                  encoder.encode({&voice[at], 960}, MutableBytes(packet).subspan(rtp::kHeaderSize)));
    packets.push_back(std::move(packet));
  }
  for (const char* mode : {"REORDER", "CONCEAL", "TRANSCODE"}) {
    CAPTURE(mode);
    ManualClock clock;
    test::FakeWorker worker(clock);
    test::ChainHarness chain(worker,
                             {{opus_filter::filterType(), "ingress { mode: " + std::string(mode) + " }"}});
    chain.record = false;
    const auto talk = [&](uint32_t first, uint32_t count) {
      for (uint32_t i = first; i < first + count; ++i) {
        std::vector<uint8_t>& packet = packets[i % packets.size()];
        rtp::write(
            {.payload_type = 111, .sequence = static_cast<uint16_t>(i), .timestamp = i * 960, .ssrc = 7},
            packet.data());
        if (i % 10 != 9) chain.ingress(packet);
        clock.advance(20ms);
        worker.timers().run();
      }
    };
    talk(0, 100);
    test::countAllocations(true);
    const uint64_t before = test::allocations();
    talk(100, 2'000);
    const uint64_t after = test::allocations();
    test::countAllocations(false);
    CHECK(after - before == 0);
  }
}

TEST_CASE("encrypting and decrypting 10,000 packets allocates nothing") {
  crypto::SrtpKeys ours;
  ours.local.fill(1);
  ours.remote.fill(2);
  crypto::SrtpKeys theirs;
  theirs.local.fill(2);
  theirs.remote.fill(1);
  auto made_sender = crypto::SrtpSession::make(ours);
  auto made_receiver = crypto::SrtpSession::make(theirs);
  crypto::SrtpSession& sender = **made_sender;
  crypto::SrtpSession& receiver = **made_receiver;
  std::vector<uint8_t> packet(100 + crypto::kSrtpTailroom);
  const auto pass = [&](uint16_t sequence) {
    size_t size = 100;
    rtp::write({.payload_type = 111, .sequence = sequence, .timestamp = 1, .ssrc = 7}, packet.data());
    return sender.protect(packet.data(), size) == crypto::SrtpStatus::kOk &&
           receiver.unprotect(packet.data(), size) == crypto::SrtpStatus::kOk && size == 100;
  };
  REQUIRE(pass(0));
  test::countAllocations(true);
  const uint64_t before = test::allocations();
  bool good = true;
  for (int i = 1; i <= kPackets; ++i) good = pass(static_cast<uint16_t>(i)) && good;
  const uint64_t after = test::allocations();
  test::countAllocations(false);
  CHECK(good);
  CHECK(after - before == 0);
}

}  // namespace
}  // namespace sluice
