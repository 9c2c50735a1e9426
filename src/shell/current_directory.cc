#include "shell/current_directory.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace grpc_os::shell {

std::string CurrentDirectory() {
  std::error_code error;
  const char* const named = std::getenv("PWD");
  if (named != nullptr && *named == '/') {
    const std::filesystem::path path(named);
    if (path == path.lexically_normal() && std::filesystem::equivalent(path, ".", error)) {
      return named;
    }
  }
  const auto directory = std::filesystem::current_path(error);
  return error ? "" : directory.string();
}

}  // namespace grpc_os::shell
