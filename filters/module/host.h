// The functions that modules may call.
#pragma once

#include "api/filter_abi.h"

namespace sluice::module {

// Its functions require that a sluice_session is a Module.
const sluice_host_api& hostApi();

}  // namespace sluice::module
