#include "source/chain/filter_type.h"

namespace sluice::chain {

const FilterType* Registry::find(std::string_view config_type) const {
  if (const size_t slash = config_type.rfind('/'); slash != std::string_view::npos) {
    config_type.remove_prefix(slash + 1);
  }
  for (const FilterType& type : types_) {
    if (type.config_type == config_type) return &type;
  }
  return nullptr;
}

std::string Registry::names(bool (*wanted)(const FilterType&)) const {
  std::string names;
  for (const FilterType& type : types_) {
    if (wanted(type)) names += (names.empty() ? "" : ", ") + std::string(type.name);
  }
  return names;
}

}  // namespace sluice::chain
