#include "source/chain/process_state.h"

#include "source/base/bytes.h"

namespace sluice::chain {

void ProcessState::archive(Archive& a) {
  std::map<std::string, std::string> states;
  if (!a.isReading()) {
    for (const auto& [name, archive] : archives_) {
      Archive part(a.descriptors());
      archive(part);
      states[name] = part.takeBytes();
    }
  }
  a(states);
  if (!a.isReading()) return;
  for (const auto& [name, bytes] : states) {
    const auto known = archives_.find(name);
    if (known == archives_.end()) continue;
    Archive part(asBytes(bytes), a.descriptors());
    known->second(part);
    if (!part.ok()) a.fail();
  }
}

}  // namespace sluice::chain
