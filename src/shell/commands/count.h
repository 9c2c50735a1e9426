// Numbers and points in time that are given as options.
#ifndef GRPC_OS_SHELL_COMMANDS_COUNT_H_
#define GRPC_OS_SHELL_COMMANDS_COUNT_H_

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "shell/parser.h"

namespace grpc_os::shell {

// -n N: 0 to 1,000,000; `fallback` if it was not given.
absl::StatusOr<int> CountOption(const Arguments& arguments, int fallback);

// A point in time as commands show it ("2026-11-23 06:00:00 +0100") or in RFC 3339, of which the
// zone, the seconds, or all behind the day may be left out: without a zone it is local time.
// nullopt: it is none.
std::optional<google::protobuf::Timestamp> ParseTime(const std::string& text);

// "1h" (so long before `now_ms`), or as ParseTime has it.
absl::StatusOr<google::protobuf::Timestamp> ParseSince(const std::string& text, int64_t now_ms);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_COUNT_H_
