#include "source/turn/transactions.h"

#include <doctest/doctest.h>

#include <string>

#include "source/base/clock.h"
#include "source/codec/stun_writer.h"

namespace sluice::turn {
namespace {

// A request; it differs from others by its id and its lifetime.
struct Request {
  Request(uint8_t id, uint32_t lifetime) : bytes(28) {
    stun::Writer writer(bytes, stun::kRefresh, stun::Class::kRequest, {id});
    writer.addU32(stun::kLifetime, lifetime);
  }
  stun::Message message() const { return *stun::parse(bytes); }
  std::vector<uint8_t> bytes;
};

std::string found(const Transactions& transactions, const Request& request, Instant now) {
  const auto* response = transactions.find(request.message(), now);
  return response == nullptr ? "none" : std::string(asText(*response));
}

TEST_CASE("Transactions: a retransmitted request finds its response for kMemory") {
  ManualClock clock;
  Transactions transactions;
  const Request request(1, 600);
  CHECK(found(transactions, request, clock.now()) == "none");
  transactions.add(request.message(), asBytes("response"), clock.now());
  CHECK(found(transactions, request, clock.now()) == "response");
  clock.advance(Transactions::kMemory - 1ns);
  CHECK(found(transactions, request, clock.now()) == "response");
  clock.advance(1ns);
  CHECK(found(transactions, request, clock.now()) == "none");
}

TEST_CASE("Transactions: another request with the same id is not a retransmission") {
  ManualClock clock;
  Transactions transactions;
  transactions.add(Request(1, 600).message(), asBytes("response"), clock.now());
  CHECK(found(transactions, Request(1, 0), clock.now()) == "none");
  CHECK(found(transactions, Request(2, 600), clock.now()) == "none");
}

TEST_CASE("Transactions: the last kMax responses are kept") {
  ManualClock clock;
  Transactions transactions;
  constexpr uint8_t kCount = 3 * Transactions::kMax + 1;
  for (uint8_t id = 0; id < kCount; ++id) {
    transactions.add(Request(id, 600).message(), asBytes(std::to_string(id)), clock.now());
  }
  for (uint8_t id = 0; id < kCount; ++id) {
    CAPTURE(int{id});
    const bool kept = id >= kCount - Transactions::kMax;
    CHECK(found(transactions, Request(id, 600), clock.now()) == (kept ? std::to_string(id) : "none"));
  }
}

TEST_CASE("Transactions: another process finds the responses") {
  ManualClock clock;
  Transactions before;
  before.add(Request(1, 600).message(), asBytes("response"), clock.now());
  Descriptors descriptors;
  Archive writer(descriptors);
  before.archive(writer);
  const std::string bytes = writer.takeBytes();
  Transactions after;
  Archive reader(asBytes(bytes), descriptors);
  after.archive(reader);
  CHECK(reader.ok());
  CHECK(found(after, Request(1, 600), clock.now()) == "response");
}

}  // namespace
}  // namespace sluice::turn
