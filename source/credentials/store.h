// Credentials from the configuration: users with passwords or keys, and time-limited ones derived from a
// shared secret (the TURN REST scheme: username "EXPIRY:name", password base64(HMAC(secret, username))).
#pragma once

#include <cstdint>
#include <map>

#include "source/base/clock.h"
#include "source/credentials/source.h"

namespace sluice::credentials {

// A user's keys for one realm; empty: no key for this algorithm.
struct Keys {
  std::vector<uint8_t> md5;
  std::vector<uint8_t> sha256;
  bool operator==(const Keys&) const = default;
};

struct Options {
  std::map<std::string, std::string> users;  // name to password
  std::vector<std::string> shared_secrets;   // any of them is accepted; the server signs with the first
  std::chrono::seconds ttl{};                // maximum for credentials that the server signs
  std::map<std::string, Keys> keyed_users{};
  std::chrono::seconds grace{};  // how long expired credentials may continue what they began
  bool operator==(const Options&) const = default;
};

struct Issued {
  std::string username;
  std::string password;
  std::chrono::seconds ttl;
};

class Store final : public Source {
 public:
  using Wall = std::function<int64_t()>;  // seconds since 1970, from any thread
  explicit Store(Options options, Wall wall = systemTime);

  bool authenticate(const Claim& claim, Use use, const Check& check) const override;
  std::string_view account(std::string_view username) const override;
  std::vector<std::string> usernames() const override;
  bool sameAs(const Source& other) const override;

  // Issues credentials for `name`, valid until `latest` (seconds since 1970) at most. Needs a shared secret.
  Issued issue(std::string_view name, int64_t latest) const;

  static int64_t systemTime();

 private:
  const Options options_;
  const Wall wall_;
};

}  // namespace sluice::credentials
