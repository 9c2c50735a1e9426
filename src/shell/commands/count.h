// Numbers and points in time that are given as options.
#ifndef GRPC_OS_SHELL_COMMANDS_COUNT_H_
#define GRPC_OS_SHELL_COMMANDS_COUNT_H_

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "shell/parser.h"

namespace grpc_os::shell {

// -n N: 0 to 1,000,000; `fallback` if it was not given.
absl::StatusOr<int> CountOption(const Arguments& arguments, int fallback);

// "1h" (so long before `now_ms`), "2026-11-23" or "2026-11-23T05:00:00Z" (RFC 3339).
absl::StatusOr<google::protobuf::Timestamp> ParseSince(const std::string& text, int64_t now_ms);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_COUNT_H_
