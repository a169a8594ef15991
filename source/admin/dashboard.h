// The files of the dashboard, which are a part of the binary.
#pragma once

#include <span>
#include <string_view>

#include "source/http/message.h"

namespace sluice::admin {

struct DashboardFile {
  std::string_view name;
  std::string_view content;
};

// In the generated source dashboard_files.cc.
std::span<const DashboardFile> dashboardFiles();

// The file as a response that lets a browser load nothing but these files and read nothing but this
// endpoint, or 404.
http::Response dashboardFile(std::string_view name);

}  // namespace sluice::admin
