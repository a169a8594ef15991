// The source of long-term credentials (RFC 8489 section 9.2). Code that authenticates uses only this
// interface; another source, such as a copy of a database, implements it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "source/credentials/key.h"

namespace sluice::credentials {

enum class Use {
  kBegin,     // the credentials must be valid now
  kContinue,  // they were valid when the usage began; it continues although they have expired since
};

// The username that a client claims, and the kind of key to check it with.
struct Claim {
  std::string_view username;
  std::string_view realm;
  Algorithm algorithm;
};

// Immutable except for the time of day; shared by all threads.
class Source {
 public:
  virtual ~Source() = default;

  // Passes each possible key of this user to `check` until it returns true; bounded. Keys instead of
  // passwords, since a source may have only keys (RFC 8656 section 6).
  using Check = std::function<bool(Bytes key)>;
  virtual bool authenticate(const Claim& claim, Use use, const Check& check) const = 0;

  // The account for quotas: for "EXPIRY:name" it is the name.
  virtual std::string_view account(std::string_view username) const = 0;

  // All usernames, to which a USERHASH may belong; empty if the source cannot list all users.
  virtual std::vector<std::string> usernames() const = 0;

  virtual bool sameAs(const Source& other) const = 0;
};

// A source without users.
class None final : public Source {
 public:
  bool authenticate(const Claim&, Use, const Check&) const override { return false; }
  std::string_view account(std::string_view username) const override { return username; }
  std::vector<std::string> usernames() const override { return {}; }
  bool sameAs(const Source& other) const override { return dynamic_cast<const None*>(&other) != nullptr; }
};

}  // namespace sluice::credentials
