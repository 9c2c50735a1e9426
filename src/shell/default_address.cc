#include "shell/default_address.h"

#include <sys/stat.h>

#include "manifest/env_file.h"

namespace grpc_os::shell {
namespace {

constexpr char kSocket[] = "/run/api.sock";

bool Exists(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0;
}

}  // namespace

absl::StatusOr<client::Address> DefaultAddress(const Variable& variable) {
  if (const auto address = variable("GRPC_OS_ADDRESS")) return client::ParseAddress(*address);
  if (const auto directory = variable("DATA_DIR")) {
    return client::ParseAddress("unix:" + *directory + kSocket);
  }
  if (Exists(".env")) {
    const auto settings = manifest::ReadEnvFile(".env");
    if (!settings.ok()) return settings.status();
    const auto found = settings->find("DATA_DIR");
    if (found != settings->end() && !found->second.empty()) {
      return client::ParseAddress("unix:" + found->second + kSocket);
    }
  }
  if (Exists(std::string("data") + kSocket)) {
    return client::ParseAddress(std::string("unix:data") + kSocket);
  }
  return client::ParseAddress(std::string("unix:/var/lib/grpc-os") + kSocket);
}

}  // namespace grpc_os::shell
