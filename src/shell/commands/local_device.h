// A local device or pipe that takes the bytes of an object as they come.
#ifndef GRPC_OS_SHELL_COMMANDS_LOCAL_DEVICE_H_
#define GRPC_OS_SHELL_COMMANDS_LOCAL_DEVICE_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "shell/session.h"

namespace grpc_os::shell {

// Whether a path is a link that leads to what a program has open, as /dev/stdout is.
bool LeadsToADescriptor(const std::filesystem::path& path);
// Such a one that is the descriptor `fd` of this program.
bool IsDescriptor(const std::string& path, int fd);

// What was written before an error stays written: nothing is resumed. The user can interrupt
// while it takes nothing.
class LocalDevice {
 public:
  // FAILED_PRECONDITION: it is a terminal, where bytes could act.
  static absl::StatusOr<LocalDevice> Open(Session& session, const std::string& path);

  absl::Status Write(std::string_view data);

 private:
  LocalDevice(Session& session, std::string path, UniqueFd fd);

  Session* session_;
  std::string path_;
  UniqueFd fd_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_LOCAL_DEVICE_H_
