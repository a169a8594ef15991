// Where long-term credentials (RFC 8489 section 9.2) come from. Whoever authenticates sees only this; another
// source, like a database's copy, implements it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "source/credentials/key.h"

namespace sluice::credentials {

enum class Use {
  kBegin,     // the credentials must be valid now
  kContinue,  // they were when this began; that they have expired a while ago does not end it
};

// Who somebody says to be, and which key that takes.
struct Claim {
  std::string_view username;
  std::string_view realm;
  Algorithm algorithm;
};

// Immutable but for the time of day; shared by all threads.
class Source {
 public:
  virtual ~Source() = default;

  // Offers each key that this user may have to `check` until it says yes; bounded. Keys and not passwords,
  // since a source may know no more (RFC 8656 section 6).
  using Check = std::function<bool(Bytes key)>;
  virtual bool authenticate(const Claim& claim, Use use, const Check& check) const = 0;

  // Who is counted for quotas: of "EXPIRY:name" the name.
  virtual std::string_view account(std::string_view username) const = 0;

  // The usernames that a USERHASH may stand for; nothing when there are users that only authenticate() knows.
  virtual std::vector<std::string> usernames() const = 0;

  virtual bool sameAs(const Source& other) const = 0;
};

// Nobody.
class None final : public Source {
 public:
  bool authenticate(const Claim&, Use, const Check&) const override { return false; }
  std::string_view account(std::string_view username) const override { return username; }
  std::vector<std::string> usernames() const override { return {}; }
  bool sameAs(const Source& other) const override { return dynamic_cast<const None*>(&other) != nullptr; }
};

}  // namespace sluice::credentials
