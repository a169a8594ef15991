#include "source/chain/filter_type.h"

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

Result<FilterFactoryPtr> withErrors(Errors errors, Result<FilterFactoryPtr> factory) {
  if (errors.empty()) return factory;
  if (!factory.ok()) errors.insert(errors.end(), factory.errors().begin(), factory.errors().end());
  return errors;
}

const FilterType* Registry::find(std::string_view config_type) const {
  if (const size_t slash = config_type.rfind('/'); slash != std::string_view::npos) {
    config_type.remove_prefix(slash + 1);
  }
  for (const FilterType& type : types_) {
    if (type.config_type == config_type) return &type;
  }
  return nullptr;
}

}  // namespace sluice::chain
