// Reading the content of an object to its end.
#ifndef GRPC_OS_SHELL_COMMANDS_OBJECT_CONTENT_H_
#define GRPC_OS_SHELL_COMMANDS_OBJECT_CONTENT_H_

#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/statusor.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

// Whether the daemon answered this command before: one that goes away after that is waited for, one
// that was never there is not.
enum class Daemon { kNotAskedYet, kAnswered };

// Hands what lies from `request.offset` on to `sink`, in order, until the end of the content or an
// error of `sink`. A lost connection and a slow reader do not end it: it goes on where it was, in
// the same generation. `crc32c` is that of what lies before the offset. DATA_LOSS: the bytes are
// not those of the object's checksum, or too few. Gives the object that was read.
absl::StatusOr<v1::Object> ReadContent(Session& session, v1::ReadObjectRequest request,
                                       Daemon daemon, uint32_t crc32c,
                                       const std::function<absl::Status(std::string_view)>& sink);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_OBJECT_CONTENT_H_
