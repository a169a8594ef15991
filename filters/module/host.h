// What modules may call.
#pragma once

#include "api/filter_abi.h"

namespace sluice::module {

// Its functions know a sluice_session for a Module.
const sluice_host_api& hostApi();

}  // namespace sluice::module
