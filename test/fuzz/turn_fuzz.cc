// A malicious TURN client with valid credentials, and its peers. An input is a list of (kind, size, bytes);
// requests get the credentials that they need, so that the code behind these checks is reached.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "filters/stun_turn/stun_turn.h"
#include "source/codec/stun.h"
#include "source/codec/stun_writer.h"
#include "source/credentials/store.h"
#include "source/crypto/hmac.h"
#include "test/support/harness.h"

namespace {

using namespace sluice;

constexpr std::string_view kUser = "user", kPassword = "password", kRealm = "sluice";
constexpr uint16_t kMethods[] = {stun::kAllocate, stun::kRefresh, stun::kCreatePermission,
                                 stun::kChannelBind};

class Client {
 public:
  explicit Client(test::ChainHarness& chain) : chain_(chain) {
    const auto key =
        crypto::md5(asBytes(std::string(kUser) + ":" + std::string(kRealm) + ":" + std::string(kPassword)));
    key_.assign(key.begin(), key.end());
  }

  // A request with these bytes as attributes; with credentials unless `plain`.
  void request(uint16_t method, Bytes attributes, bool plain) {
    std::vector<uint8_t> bytes(net::Packet::kMaxPayload);
    stun::TransactionId id{};
    writeU32(id.data(), ++transactions_);
    stun::Writer writer(bytes, method, stun::Class::kRequest, id);
    if (!plain) {
      writer.add(stun::kUsername, kUser);
      writer.add(stun::kRealm, kRealm);
      writer.add(stun::kNonce, nonce_);
    }
    addRaw(writer, attributes);
    if (!plain) writer.addIntegrity(key_, crypto::hmacSha1);
    const auto size = writer.finish();
    if (!size) return;
    bytes.resize(*size);
    const size_t responses = chain_.outer.size();
    chain_.ingress(bytes);
    if (chain_.outer.size() == responses) return;
    const auto response = stun::parse(chain_.outer.back().data);
    if (!response) std::abort();
    if (plain && chain_.outer.back().data.size() >= 3 * bytes.size()) std::abort();
    if (const auto nonce = response->find(stun::kNonce)) nonce_.assign(asText(*nonce));
  }

 private:
  // Type, length, value, as in the input; truncated at its end.
  static void addRaw(stun::Writer& writer, Bytes attributes) {
    while (attributes.size() >= 4) {
      const size_t size = std::min<size_t>(readU16(&attributes[2]) % 64, attributes.size() - 4);
      writer.add(readU16(attributes.data()), attributes.subspan(4, size));
      attributes = attributes.subspan(4 + size);
    }
  }

  test::ChainHarness& chain_;
  std::vector<uint8_t> key_;
  std::string nonce_;
  uint32_t transactions_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  ManualClock clock;
  test::FakeWorker worker(clock);
  const bool shared = (data[0] & 1) != 0;
  test::ChainHarness chain(worker,
                           {{stun_turn::filterType(), std::string("turn { max_peers_per_allocation: 8 ") +
                                                          (shared ? "relays: SHARED" : "") + " }"}});
  chain.credentials = std::make_shared<credentials::Store>(
      credentials::Options{.users = {{std::string(kUser), std::string(kPassword)}}, .shared_secrets = {}});
  Client client(chain);
  client.request(stun::kAllocate, {}, true);
  const Bytes input(data + 1, size - 1);
  for (size_t at = 0; at + 3 <= input.size();) {
    const uint8_t kind = input[at];
    const size_t length = std::min<size_t>({readU16(&input[at + 1]) % 1500u, input.size() - at - 3});
    const Bytes bytes = input.subspan(at + 3, length);
    at += 3 + length;
    const net::Address peer(Bytes(std::array<uint8_t, 4>{203, 0, 113, static_cast<uint8_t>(kind >> 5)}),
                            7000);
    const net::Address relayed = worker.network().lastOpened();
    switch (kind % 5) {
      case 0:
        client.request(kMethods[kind / 5 % 4], bytes, kind >= 240);
        break;
      case 1:
        chain.ingress(bytes);
        break;
      case 2:
        worker.network().deliver(peer, relayed, bytes);
        break;
      case 3:
        worker.network().icmp(relayed, {peer, static_cast<uint8_t>(kind >> 3), kind, 0});
        break;
      default:
        clock.advance(std::chrono::seconds{kind});
        worker.timers().run();
    }
    worker.hairpin().deliver();
  }
  chain.closeChain();
  if (worker.pool().unaccounted() != 0) std::abort();
  return 0;
}
