#include "test/filters/stun_turn/turn_client.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>

#include "filters/stun_turn/stun_turn.h"
#include "source/crypto/hmac.h"

namespace sluice::test {
namespace {

std::string hexOf(unsigned value, int digits) {
  char out[16];
  std::snprintf(out, sizeof out, "%0*x", digits, value);
  return out;
}

void append(std::string& list, const std::string& entry) {
  if (!list.empty()) list += ", ";
  list += entry;
}

// RFC 8656 section 12.4, over UDP: bytes after the data are padding.
std::string describeChannelData(Bytes datagram) {
  REQUIRE(datagram.size() >= 4);
  const size_t size = readU16(&datagram[2]);
  REQUIRE(datagram.size() >= 4 + size);
  CHECK(datagram.size() <= 4 + ((size + 3) & ~size_t{3}));
  return "0x" + hexOf(readU16(&datagram[0]), 4) + " " + std::string(asText(datagram.subspan(4, size)));
}

// RFC 8656 section 11.3 and 11.5: a peer, and data or an ICMP error.
std::string describeDataIndication(const stun::Message& message) {
  const auto from = message.xorAddress(stun::kXorPeerAddress);
  REQUIRE(from);
  const std::string name = toAddress(*from).toString() + " ";
  const auto icmp = message.find(stun::kIcmp);
  const auto payload = message.find(stun::kData);
  CHECK(icmp.has_value() != payload.has_value());
  if (!icmp) return name + std::string(asText(payload.value_or(Bytes())));
  std::string digits;
  for (const uint8_t byte : *icmp) digits += hexOf(byte, 2);
  return name + "icmp " + digits;
}

std::string protectionOf(const stun::Message& message, const Auth* auth) {
  const bool sha1 = message.has(stun::kMessageIntegrity);
  const bool sha256 = message.has(stun::kMessageIntegritySha256);
  if (!sha1 && !sha256) return "none";
  if (auth == nullptr) return "wrong";
  if (sha1 && !message.checkIntegrity(auth->key(), crypto::hmacSha1)) return "wrong";
  if (sha256 && !message.checkIntegritySha256(auth->key(), crypto::hmacSha256)) return "wrong";
  return sha1 && sha256 ? "both" : sha1 ? "sha1" : "sha256";
}

bool isAnswerTo(Bytes request, Bytes candidate) {
  const auto asked = stun::parse(request);
  const auto message = stun::parse(candidate);
  if (!asked || !message || message->kind == stun::Class::kIndication) return false;
  CHECK(message->kind != stun::Class::kRequest);
  return message->id == asked->id && message->method == asked->method;
}

std::string describeWays(bool out, bool in) {
  return out && in ? "both" : out ? "out" : in ? "in" : "none";
}

}  // namespace

TurnServer::TurnServer(const std::string& turn, unsigned workers)
    : config("max_unauthenticated_responses_per_second: 1000000 turn { realm: '" + kRealm + "' " + turn +
             "}"),
      worker(clock, 0, workers) {}

void TurnServer::advance(Duration by) {
  const Instant end = clock.now() + by;
  for (Instant next = worker.timers().next(); next <= end; next = worker.timers().next()) {
    clock.advance(std::max(next - clock.now(), Duration{}));
    worker.timers().run();
    worker.runMain();
  }
  clock.advance(end - clock.now());
}

std::string TurnServer::sent() {
  std::string list;
  for (; sent_seen_ < network().sent.size(); ++sent_seen_) {
    const SentDatagram& one = network().sent[sent_seen_];
    append(list, one.to.toString() + " " + std::string(asText(one.data)));
  }
  return list;
}

void TurnServer::forgetSent() {
  network().sent.clear();
  sent_seen_ = 0;
}

TurnClient::TurnClient(TurnServer& server, const std::string& address, User user)
    : chain(server.worker, {{stun_turn::filterType(), server.config}}),
      server_(server),
      user_(std::move(user)) {
  chain.process = &server.process;
  chain.session.selected = *net::Address::parse(address);
  if (chain.session.selected.isV6())
    chain.session.local_address = *net::Address::parse("[2001:db8:ffff::1]:3478");
  const Clock& clock = server.clock;
  chain.credentials = std::make_shared<credentials::Store>(
      credentials::Options{.users = server.users,
                           .shared_secrets = server.shared_secrets,
                           .grace = std::chrono::seconds{86'400}},
      [&clock] {
        return 1'700'000'000 +
               std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()).count();
      });
}

TurnClient::~TurnClient() {
  CHECK(chain.session.closed == "");  // allocations live by their own lifetime
}

Auth TurnClient::auth() {
  if (challenge_.bytes.empty()) useChallenge(bareRequest(stun::kAllocate, {transport(), kClientSoftware}));
  Auth auth;
  auth.user = user_.name;
  auth.username = user_.name;
  auth.password = user_.password;
  auth.key_realm = kRealm;
  auth.realm = challenge_.text(stun::kRealm);
  auth.nonce = challenge_.text(stun::kNonce);
  if (challenge_.has(stun::kPasswordAlgorithms)) {
    const auto list = *challenge_.message().find(stun::kPasswordAlgorithms);
    auth.algorithms = std::vector<uint8_t>(list.begin(), list.end());
    auth.algorithm = kSha256;
    auth.sha256 = true;
  } else {
    auth.key_algorithm = kMd5;
    auth.sha1 = true;
  }
  return auth;
}

Auth TurnClient::anonymousAuth() {
  Auth hidden = auth();
  hidden.username.reset();
  hidden.userhash = userhash(user_.name, kRealm);
  return hidden;
}

Response TurnClient::request(uint16_t method, const Attributes& attributes) {
  const Response response = request(method, attributes, auth());
  if (response.code() != 438) return response;
  useChallenge(response);
  return request(method, attributes, auth());
}

Response TurnClient::request(uint16_t method, const Attributes& attributes, const Auth& auth) {
  return send(form(method, stun::Class::kRequest, newTransaction(), attributes, &auth), &auth);
}

Response TurnClient::bareRequest(uint16_t method, const Attributes& attributes) {
  return send(form(method, stun::Class::kRequest, newTransaction(), attributes));
}

void TurnClient::indicate(uint16_t method, const Attributes& attributes) {
  const Response response = send(form(method, stun::Class::kIndication, newTransaction(), attributes));
  CHECK(response.code() == kSilence);
}

std::vector<uint8_t> TurnClient::formed(uint16_t method, const Attributes& attributes) {
  const Auth right = auth();
  return form(method, stun::Class::kRequest, newTransaction(), attributes, &right);
}

Response TurnClient::send(Bytes datagram, const Auth* auth) {
  const size_t before = chain.outer.size();
  chain.ingress(datagram);
  server_.worker.runMain();
  Response response;
  for (size_t i = before; i < chain.outer.size(); ++i) {
    const Captured& sent = chain.outer[i];
    if (!isAnswerTo(datagram, sent.data)) continue;
    CHECK(response.bytes.empty());  // one is enough
    CHECK((!sent.remote.isSet() || sent.remote == chain.session.selected));
    checkForm(sent.data);
    CHECK(sent.data.size() < 548);  // RFC 8489 section 6.1: the path's MTU is not known
    response.bytes = sent.data;
    response.protection = protectionOf(response.message(), auth);
  }
  return response;
}

Response TurnClient::tryAllocate(Attributes attributes) {
  attributes.push_back(transport());
  return request(stun::kAllocate, attributes);
}

Response TurnClient::allocate(Attributes attributes) {
  Response response = tryAllocate(std::move(attributes));
  REQUIRE(response.code() == kSuccess);
  relayed = response.addresses(stun::kXorRelayedAddress);
  REQUIRE(!relayed.empty());
  return response;
}

Response TurnClient::permit(const std::vector<std::string>& peers) {
  Attributes attributes;
  for (const std::string& one : peers) attributes.push_back(peer(one));
  return request(stun::kCreatePermission, attributes);
}

Response TurnClient::bind(uint16_t number, const std::string& address) {
  return request(stun::kChannelBind, {channel(number), peer(address)});
}

void TurnClient::sendIndication(const std::string& address, std::string_view data) {
  indicate(stun::kSend, {peer(address), payload(data)});
}

void TurnClient::sendOnChannel(uint16_t number, std::string_view payload, std::optional<size_t> claimed) {
  std::vector<uint8_t> datagram(4);
  writeU16(&datagram[0], number);
  writeU16(&datagram[2], static_cast<uint16_t>(claimed.value_or(payload.size())));
  datagram.insert(datagram.end(), payload.begin(), payload.end());
  send(datagram);
}

bool TurnClient::peerSends(const std::string& address, std::string_view payload) {
  const net::Address from = *net::Address::parse(address);
  bool any = false;
  for (const net::Address& to : relayed)
    any |= to.family() == from.family() && server_.network().deliver(from, to, asBytes(payload));
  return any;
}

std::string TurnClient::received() {
  std::string list;
  for (; received_count_ < chain.outer.size(); ++received_count_) {
    const Bytes datagram = chain.outer[received_count_].data;
    const auto message = stun::parse(datagram);
    if (!message) {
      append(list, describeChannelData(datagram));
    } else if (message->kind == stun::Class::kIndication) {
      CHECK(message->method == stun::kDataIndication);
      append(list, describeDataIndication(*message));
    }
  }
  return list;
}

void TurnClient::forgetReceived() {
  chain.outer.clear();
  received_count_ = 0;
}

void checkChallenge(const Response& response, bool algorithms_are_a_must) {
  CHECK(response.text(stun::kRealm) == kRealm);
  CHECK(response.has(stun::kNonce));
  CHECK_FALSE(response.has(stun::kUsername));
  CHECK_FALSE(response.has(stun::kUserhash));
  const auto features = response.securityFeatures();
  REQUIRE(features);
  const bool algorithms = (*features & 0x800000) != 0;
  CHECK(response.has(stun::kPasswordAlgorithms) == algorithms);
  if (algorithms_are_a_must) CHECK(algorithms);
}

std::string flows(TurnServer& server, TurnClient& client, const std::string& peer) {
  server.sent();
  client.received();
  client.sendIndication(peer, "ping");
  client.peerSends(peer, "pong");
  return describeWays(server.sent() == peer + " ping", client.received() == peer + " pong");
}

std::string flows(TurnServer& server, TurnClient& client, uint16_t channel, const std::string& peer) {
  server.sent();
  client.received();
  client.sendOnChannel(channel, "ping");
  client.peerSends(peer, "pong");
  return describeWays(server.sent() == peer + " ping",
                      client.received() == "0x" + hexOf(channel, 4) + " pong");
}

}  // namespace sluice::test
