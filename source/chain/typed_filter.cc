#include "source/chain/typed_filter.h"

namespace sluice::chain {

Result<FilterFactoryPtr> withErrors(Errors errors, Result<FilterFactoryPtr> factory) {
  if (errors.empty()) return factory;
  if (!factory.ok()) errors.insert(errors.end(), factory.errors().begin(), factory.errors().end());
  return errors;
}

}  // namespace sluice::chain
