#include "filters/stun_turn/stun_turn.h"

#include <doctest/doctest.h>

#include "source/codec/stun.h"
#include "source/codec/stun_writer.h"
#include "source/crypto/hmac.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

using test::ChainHarness;

const net::Address kClient = *net::Address::parse("192.0.2.1:5000");
const net::Address kOther = *net::Address::parse("192.0.2.7:6000");
constexpr stun::TransactionId kId{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const std::vector<uint8_t> kRtp{0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7};

// Changes that a test makes to a correct ICE check.
struct CheckOptions {
  std::string username = "ours:theirs";
  std::string password = "a password of 24 letters";
  bool integrity = true;
  bool sha256 = false;  // MESSAGE-INTEGRITY-SHA256 instead
  bool use_candidate = false;
  bool controlled = false;
  uint16_t unknown = 0;
  bool fingerprint = true;
  uint16_t method = stun::kBinding;
  stun::Class kind = stun::Class::kRequest;
};

stun::TransactionId newId() {
  static uint8_t last = 0;
  stun::TransactionId id = kId;
  id[11] = ++last;
  return id;
}

std::vector<uint8_t> check(const CheckOptions& options = {}) {
  std::vector<uint8_t> buffer(500);
  stun::Writer writer(buffer, options.method, options.kind, newId());
  if (!options.username.empty()) writer.add(stun::kUsername, options.username);
  writer.addU64(options.controlled ? stun::kIceControlled : stun::kIceControlling, 5);
  if (options.use_candidate) writer.addFlag(stun::kUseCandidate);
  if (options.unknown != 0) writer.addU32(options.unknown, 0);
  writer.addU32(stun::kPriority, 1);
  if (options.integrity && options.sha256) {
    writer.addIntegritySha256(asBytes(options.password), crypto::hmacSha256);
  } else if (options.integrity) {
    writer.addIntegrity(asBytes(options.password), crypto::hmacSha1);
  }
  if (options.fingerprint) writer.addFingerprint();
  buffer.resize(writer.finish().value());
  return buffer;
}

std::vector<uint8_t> plainBinding() {
  std::vector<uint8_t> buffer(20);
  stun::Writer(buffer, stun::kBinding, stun::Class::kRequest, kId);
  return buffer;
}

struct Fixture {
  ManualClock clock;
  test::FakeWorker worker{clock};
  ChainHarness chain;

  explicit Fixture(const char* config = "") : chain(worker, {{stun_turn::filterType(), config}}) {
    rooms::Negotiated negotiated;
    negotiated.local = {"ours", "a password of 24 letters"};
    chain.session.known_player =
        std::make_shared<rooms::Player>(std::make_shared<rooms::Room>("room", 1), "player", negotiated);
  }

  stun::Message response() {
    REQUIRE(!chain.outer.empty());
    const auto message = stun::parse(chain.outer.back().data);
    REQUIRE(message.has_value());
    return *message;
  }
  unsigned errorTo(const CheckOptions& options) {
    chain.ingress(check(options));
    return response().errorCode().value_or(0);
  }
};

TEST_CASE("a correct check gets a response with the client's address and lets its media pass") {
  Fixture f;
  f.chain.ingress(kRtp);
  CHECK(f.chain.dropped("stun_turn", "not_authenticated") == 1);
  const auto request = check();
  f.chain.ingress(request);
  const auto response = f.response();
  CHECK(response.kind == stun::Class::kSuccess);
  CHECK(response.id == stun::parse(request)->id);
  CHECK(response.checkIntegrity(asBytes("a password of 24 letters"), crypto::hmacSha1));
  CHECK(response.checkFingerprint());
  const auto mapped = response.xorAddress(stun::kXorMappedAddress);
  REQUIRE(mapped);
  CHECK(net::Address(Bytes(mapped->ip).first(mapped->ip_length), mapped->port) == kClient);
  CHECK(f.chain.outer.back().remote == kClient);
  f.chain.ingress(kRtp);
  CHECK(f.chain.inner.size() == 1);
}

TEST_CASE("media from another address is dropped until that address has authenticated") {
  Fixture f;
  f.chain.ingress(check());
  f.chain.ingress(kRtp, kOther);
  CHECK(f.chain.inner.empty());
  f.chain.ingress(check(), kOther);
  CHECK(f.chain.session.remote() == kClient);
  f.chain.ingress(kRtp, kOther);
  CHECK(f.chain.inner.size() == 1);
  f.chain.ingress(check({.use_candidate = true}), kOther);
  CHECK(f.chain.session.remote() == kOther);
}

TEST_CASE("the fault of a check determines the error, and no faulty check authenticates") {
  Fixture f;
  CHECK(f.errorTo({.password = "wrong"}) == 401);
  CHECK(f.errorTo({.username = "other:theirs"}) == 401);
  CHECK(f.errorTo({.username = "ours"}) == 401);
  CHECK(f.errorTo({.integrity = false}) == 400);
  CHECK(f.errorTo({.username = ""}) == 400);
  CHECK(f.errorTo({.unknown = 0x7777}) == 420);
  const auto unknown = f.response().find(stun::kUnknownAttributes);
  REQUIRE(unknown);
  CHECK(readU16(unknown->data()) == 0x7777);
  CHECK(f.errorTo({.controlled = true}) == 487);
  CHECK(f.chain.session.authenticated.empty());
}

TEST_CASE("RFC 8489 9.1.3: a response has the integrity attribute of its request, and no USERNAME") {
  for (const bool sha256 : {false, true}) {
    for (const bool controlled : {false, true}) {  // an error 487, which is also authenticated
      CAPTURE(sha256);
      Fixture f;
      f.chain.ingress(check({.sha256 = sha256, .controlled = controlled}));
      const auto response = f.response();
      CHECK(response.kind == (controlled ? stun::Class::kError : stun::Class::kSuccess));
      CHECK(response.has(stun::kMessageIntegrity) == !sha256);
      CHECK(response.has(stun::kMessageIntegritySha256) == sha256);
      const auto password = asBytes("a password of 24 letters");
      CHECK((sha256 ? response.checkIntegritySha256(password, crypto::hmacSha256)
                    : response.checkIntegrity(password, crypto::hmacSha1)));
      CHECK_FALSE(response.has(stun::kUsername));
      CHECK(response.find(stun::kSoftware));
    }
  }
}

TEST_CASE("RFC 8489 9.1.3: a failed check gets a plain 400 or 401, without integrity") {
  struct Case {
    CheckOptions options;
    unsigned code;
  };
  for (const bool sha256 : {false, true}) {
    for (const Case& c : {Case{{.username = ""}, 400}, Case{{.integrity = false}, 400},
                          Case{{.username = "other:theirs"}, 401}, Case{{.password = "wrong"}, 401}}) {
      CAPTURE(c.code);
      Fixture f;
      CheckOptions options = c.options;
      options.sha256 = sha256;
      CHECK(f.errorTo(options) == c.code);
      for (const uint16_t type : {stun::kMessageIntegrity, stun::kMessageIntegritySha256, stun::kUsername,
                                  stun::kRealm, stun::kNonce, stun::kSoftware})
        CHECK_FALSE(f.response().has(type));
    }
  }
}

TEST_CASE(
    "RFC 8489 9.1.3: MESSAGE-INTEGRITY-SHA256 decides, and a right MESSAGE-INTEGRITY does not make up for a "
    "wrong one") {
  for (const std::string sha256_password : {"a password of 24 letters", "wrong"}) {
    Fixture f;
    std::vector<uint8_t> request(500);
    stun::Writer writer(request, stun::kBinding, stun::Class::kRequest, kId);
    writer.add(stun::kUsername, "ours:theirs");
    writer.addIntegrity(asBytes("a password of 24 letters"), crypto::hmacSha1);
    writer.addIntegritySha256(asBytes(sha256_password), crypto::hmacSha256);
    request.resize(writer.finish().value());
    f.chain.ingress(request);
    CHECK(f.response().errorCode().value_or(0) == (sha256_password == "wrong" ? 401 : 0));
  }
}

TEST_CASE("comprehension-optional attributes are ignored") {
  Fixture f;
  f.chain.ingress(check({.unknown = 0xC057}));
  CHECK(f.response().kind == stun::Class::kSuccess);
}

TEST_CASE("responses to unknown clients are less than three times as long as the request") {
  for (const char* client : {"192.0.2.1:5000", "[2001:db8::1]:5000"}) {
    Fixture f("max_unauthenticated_responses_per_second: 1000");
    const net::Address from = *net::Address::parse(client);
    for (const auto& request : {plainBinding(), check({.password = "wrong"}), check({.integrity = false}),
                                check({.username = "", .integrity = false, .unknown = 0x7777})}) {
      f.chain.ingress(request, from);
      CHECK(f.chain.outer.back().data.size() < 3 * request.size());
    }
  }
}

TEST_CASE("unknown clients get responses at a limited rate, clients that authenticate always do") {
  Fixture f("max_unauthenticated_responses_per_second: 5");
  for (int i = 0; i < 30; ++i) f.chain.ingress(plainBinding());
  CHECK(f.chain.outer.size() == 25);
  CHECK(f.chain.dropped("stun_turn", "rate_limited") == 5);
  f.chain.ingress(check());
  CHECK(f.chain.outer.size() == 26);
  f.clock.advance(1s);
  f.chain.ingress(plainBinding());
  CHECK(f.chain.outer.size() == 27);
}

TEST_CASE("stun_turn: each drop reason is caused and counted") {
  Fixture f("answer_anonymous: false");
  auto drops = [&](const char* reason) { return f.chain.dropped("stun_turn", reason); };
  f.chain.ingress(plainBinding());
  CHECK(drops("anonymous_refused") == 1);
  auto damaged = check();
  damaged.back() ^= 1;
  f.chain.ingress(damaged);
  CHECK(drops("bad_fingerprint") == 1);
  auto cut = check();
  cut.pop_back();
  f.chain.ingress(cut);
  CHECK(drops("malformed") == 1);
  f.chain.ingress(check({.method = stun::kAllocate}));
  CHECK(drops("unsupported_method") == 1);
  f.chain.ingress(check({.kind = stun::Class::kSuccess}));
  CHECK(drops("unexpected_response") == 1);
  f.chain.ingress(check({.unknown = 0x7777, .kind = stun::Class::kIndication}));
  CHECK(drops("unknown_attribute") == 1);
  f.chain.session.max_addresses = 0;
  f.chain.ingress(check());
  CHECK(drops("too_many_addresses") == 1);
  CHECK(f.chain.outer.empty());
}

TEST_CASE("without a free packet buffer there is no response") {
  Fixture f;
  f.chain.ingress(check());
  std::vector<net::PacketPtr> taken;
  // The harness needs one packet for the request itself.
  while (taken.size() < 4095) taken.push_back(f.worker.pool().acquire());
  f.chain.ingress(check());
  CHECK(f.chain.dropped("stun_turn", "no_packet") == 1);
  for (auto& packet : taken) packet->settle();
}

TEST_CASE("a keep-alive indication gets no response") {
  Fixture f;
  f.chain.ingress(check({.kind = stun::Class::kIndication}));
  CHECK(f.chain.outer.empty());
  CHECK(f.worker.pool().unaccounted() == 0);
}

TEST_CASE("a client that sends no more checks has withdrawn its consent") {
  Fixture f("consent_timeout_s: 5");
  f.chain.ingress(check());
  f.clock.advance(4s);
  f.worker.timers().run();
  f.chain.ingress(check());
  f.clock.advance(4s);
  f.worker.timers().run();
  CHECK(f.chain.session.closed.empty());
  f.clock.advance(1s);
  f.worker.timers().run();
  CHECK(f.chain.session.closed == "consent_expired");
}

TEST_CASE(
    "egress moves from an address pair that is no longer checked to one that is (RFC 7675 section 5.1)") {
  Fixture f("consent_timeout_s: 30");
  const auto pass = [&](Duration time) {
    f.clock.advance(time);
    f.worker.timers().run();
  };
  f.chain.ingress(check({.use_candidate = true}));
  SUBCASE("after a NAT assigned the client another port, without USE-CANDIDATE") {
    for (int i = 0; i < 3; ++i) {
      CHECK(f.chain.session.remote() == kClient);
      pass(2500ms);
      f.chain.ingress(check(), kOther);
    }
    pass(2500ms);
    f.chain.ingress(check(), kOther);
    CHECK(f.chain.session.remote() == kOther);
  }
  SUBCASE(
      "another host's address that was nominated gets no packets after a check from the client's own "
      "address") {
    const net::Address foreign = *net::Address::parse("203.0.113.9:9");
    pass(1s);
    f.chain.ingress(check({.use_candidate = true}), foreign);
    CHECK(f.chain.session.remote() == foreign);
    for (int i = 0; i < 5; ++i) {
      f.chain.ingress(check(), kClient);
      pass(2500ms);
    }
    CHECK(f.chain.session.remote() == kClient);
    for (int i = 0; i < 20; ++i) {
      f.chain.ingress(check(), kClient);
      pass(2500ms);
    }
    CHECK(f.chain.session.closed.empty());
  }
  CHECK(f.chain.counted("stun_turn", "consent_moves") == 1);
  pass(10s);
  CHECK(f.chain.session.closed.empty());
  pass(20s);
  CHECK(f.chain.session.closed == "consent_expired");
}

TEST_CASE("a pair that is checked stays, however many others are added") {
  Fixture f("consent_timeout_s: 30");
  f.chain.ingress(check({.use_candidate = true}));
  for (int i = 0; i < 40; ++i) {
    f.clock.advance(2500ms);
    f.worker.timers().run();
    f.chain.ingress(check(), kOther);
    if (i % 3 == 2) f.chain.ingress(check(), kClient);
  }
  CHECK(f.chain.session.remote() == kClient);
}

TEST_CASE("media and indications renew consent only if consent_from_media is set") {
  for (const bool from_media : {false, true}) {
    CAPTURE(from_media);
    Fixture f(from_media ? "consent_timeout_s: 5 consent_from_media: true" : "consent_timeout_s: 5");
    f.chain.ingress(check());
    for (int i = 0; i < 20; ++i) {
      f.clock.advance(1s);
      f.worker.timers().run();
      if (i % 2 == 0) f.chain.ingress(kRtp);
      f.chain.ingress(check({.kind = stun::Class::kIndication}));
      f.chain.ingress(kRtp, kOther);  // not the client's
    }
    CHECK(f.chain.session.closed.empty() == from_media);
  }
}

TEST_CASE("a check that is repeated from another address changes nothing") {
  Fixture f;
  const auto captured = check({.use_candidate = true});
  f.chain.ingress(captured);
  f.clock.advance(3s);
  f.chain.ingress(captured, kOther);
  CHECK(f.chain.dropped("stun_turn", "replayed_check") == 1);
  CHECK(f.chain.session.remote() == kClient);
  CHECK_FALSE(f.chain.session.authenticated.contains(kOther));
  CHECK(f.chain.outer.size() == 1);
}

TEST_CASE("a check that is retransmitted from its own address gets a response, and renews no consent") {
  Fixture f("consent_timeout_s: 5");
  const auto captured = check();
  for (int i = 0; i < 3; ++i) {
    f.chain.ingress(captured);
    CHECK(f.chain.outer.size() == i + 1u);
    f.clock.advance(2s);
    f.worker.timers().run();
  }
  CHECK(f.chain.session.closed == "consent_expired");
}

TEST_CASE("a check is remembered while 255 others follow") {
  Fixture f;
  const auto captured = check();
  f.chain.ingress(captured);
  for (int i = 0; i < 255; ++i) f.chain.ingress(check());
  f.chain.ingress(captured, kOther);
  CHECK(f.chain.dropped("stun_turn", "replayed_check") == 1);
}

TEST_CASE("forged Binding requests do not use up the responses to TURN clients of the same address") {
  Fixture f("turn { realm: 'sluice' }");
  std::vector<uint8_t> allocate(100);
  stun::Writer writer(allocate, stun::kAllocate, stun::Class::kRequest, kId);
  writer.add(stun::kSoftware, "a client with a long name, as browsers have it");
  allocate.resize(*writer.finish());
  for (int i = 0; i < 2000; ++i) f.chain.ingress(plainBinding());
  const size_t before = f.chain.outer.size();
  for (int i = 0; i < 200; ++i) f.chain.ingress(allocate);  // as many clients behind one NAT
  CHECK(f.chain.outer.size() == before + 200);
}

}  // namespace
}  // namespace sluice
