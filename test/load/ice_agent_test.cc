#include "source/load/ice_agent.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "source/codec/stun_writer.h"
#include "source/crypto/hmac.h"

namespace sluice::load {
namespace {

using Datagram = std::vector<uint8_t>;

const rooms::IceCredentials kLocal{"locl", "local-password-of-24-chr"};
const rooms::IceCredentials kRemote{"remo", "remote-password-of-24-ch"};

std::optional<Datagram> poll(IceAgent& agent, Instant now) {
  std::array<uint8_t, 256> buffer;
  const auto size = agent.poll(now, buffer);
  if (!size) return std::nullopt;
  return Datagram(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(*size));
}

std::optional<size_t> give(IceAgent& agent, const Datagram& datagram, Instant now) {
  std::array<uint8_t, 256> buffer;
  return agent.onStun(datagram, now, buffer);
}

Datagram binding(stun::Class kind, const stun::TransactionId& id, const std::string& password) {
  std::array<uint8_t, 256> buffer;
  stun::Writer writer(buffer, stun::kBinding, kind, id);
  writer.addIntegrity(asBytes(password), crypto::hmacSha1);
  writer.addFingerprint();
  return Datagram(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(*writer.finish()));
}

Datagram answerTo(const Datagram& request, const std::string& password = kRemote.password) {
  return binding(stun::Class::kSuccess, stun::parse(request)->id, password);
}

const Instant kStart{std::chrono::hours{1}};

TEST_CASE("IceAgent: a check has all attributes of a controlling agent") {
  IceAgent agent(kLocal, kRemote);
  const auto request = poll(agent, kStart);
  REQUIRE(request);
  const auto message = stun::parse(*request);
  REQUIRE(message);
  CHECK(message->method == stun::kBinding);
  CHECK(message->kind == stun::Class::kRequest);
  REQUIRE(message->find(stun::kUsername));
  CHECK(asText(*message->find(stun::kUsername)) == "remo:locl");
  CHECK(message->has(stun::kIceControlling));
  CHECK(message->has(stun::kUseCandidate));
  CHECK(message->has(stun::kPriority));
  CHECK(message->checkIntegrity(asBytes(kRemote.password), crypto::hmacSha1));
  CHECK(message->has(stun::kFingerprint));
  CHECK(message->checkFingerprint());
}

TEST_CASE("IceAgent: checks are repeated until one gets a response, then consent checks follow every 2.5 s") {
  IceAgent agent(kLocal, kRemote);
  const auto first = poll(agent, kStart);
  REQUIRE(first);
  CHECK_FALSE(poll(agent, kStart + 50ms));
  const auto second = poll(agent, kStart + 100ms);
  REQUIRE(second);
  CHECK(*second == *first);
  CHECK_FALSE(agent.connected());
  give(agent, answerTo(*second), kStart + 120ms);
  CHECK(agent.connected());
  CHECK_FALSE(poll(agent, kStart + 2s));
  const auto consent = poll(agent, kStart + 2600ms);
  REQUIRE(consent);
  CHECK(stun::parse(*consent)->id != stun::parse(*first)->id);
}

TEST_CASE("IceAgent: a response that takes longer than the check interval still counts") {
  IceAgent agent(kLocal, kRemote);
  const auto first = poll(agent, kStart);
  for (Duration at = 100ms; at <= 400ms; at += 100ms) REQUIRE(poll(agent, kStart + at));
  give(agent, answerTo(*first), kStart + 450ms);
  CHECK(agent.connected());
}

TEST_CASE("IceAgent: responses that are not authentic, or to another request, do not connect") {
  IceAgent agent(kLocal, kRemote);
  const auto request = poll(agent, kStart);
  give(agent, answerTo(*request, kLocal.password), kStart);
  give(agent, binding(stun::Class::kSuccess, {}, kRemote.password), kStart);
  give(agent, binding(stun::Class::kError, stun::parse(*request)->id, kRemote.password), kStart);
  give(agent, {}, kStart);
  give(agent, *request, kStart);
  Datagram damaged = answerTo(*request);
  damaged.back() ^= 1;
  give(agent, damaged, kStart);
  CHECK_FALSE(agent.connected());
}

TEST_CASE("IceAgent: consent expires 30 s after the last response") {
  IceAgent agent(kLocal, kRemote);
  CHECK_FALSE(agent.expired(kStart + 1h));
  give(agent, answerTo(*poll(agent, kStart)), kStart);
  CHECK_FALSE(agent.expired(kStart + 30s));
  CHECK(agent.expired(kStart + 31s));
  give(agent, answerTo(*poll(agent, kStart + 31s)), kStart + 31s);
  CHECK_FALSE(agent.expired(kStart + 60s));
}

TEST_CASE("IceAgent: the other side's checks get a response if they are authentic") {
  IceAgent agent(kLocal, kRemote);
  const stun::TransactionId id{1, 2, 3};
  std::array<uint8_t, 256> buffer;
  const auto size = agent.onStun(binding(stun::Class::kRequest, id, kLocal.password), kStart, buffer);
  REQUIRE(size);
  const auto answer = stun::parse(Bytes(buffer).first(*size));
  REQUIRE(answer);
  CHECK(answer->kind == stun::Class::kSuccess);
  CHECK(answer->id == id);
  CHECK(answer->checkIntegrity(asBytes(kLocal.password), crypto::hmacSha1));
  CHECK_FALSE(give(agent, binding(stun::Class::kRequest, id, kRemote.password), kStart));
}

}  // namespace
}  // namespace sluice::load
