// The .env file: settings as NAME=value lines.
#ifndef GRPC_OS_MANIFEST_ENV_FILE_H_
#define GRPC_OS_MANIFEST_ENV_FILE_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace grpc_os::manifest {

// A value, and where it is from: "/srv/.env:12", "environment".
struct Given {
  std::string value;
  std::string source;

  bool operator==(const Given&) const = default;
};

// Names match [A-Za-z_][A-Za-z0-9_]*.
using Variables = std::map<std::string, Given>;

// A .env file of at most this size is read.
inline constexpr int64_t kEnvFileBytes = 1 << 20;

// Parses lines of `NAME=value`, `export NAME=value`, `# comment` and blank ones; blanks around `=`
// are allowed. A bare value ends at the end of the line or at a `#` after a blank, without the
// blanks around it. 'value' is taken as it is; "value" knows \n \r \t \\ \" \$ and no other escape.
// Neither goes on in the next line, and nothing is expanded: `$` is a dollar sign. A name that
// comes twice has its last value. Line ends may be CRLF, and a byte order mark is passed over.
// INVALID_ARGUMENT, with `name_of_file`, line and column (from 1, in bytes), for all else, NUL
// bytes included.
absl::StatusOr<Variables> ParseEnv(std::string_view text, std::string_view name_of_file);

// Reads and parses a file. NOT_FOUND, PERMISSION_DENIED or UNAVAILABLE if it cannot be read; errors
// of ParseEnv.
absl::StatusOr<Variables> ReadEnvFile(const std::string& path);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_ENV_FILE_H_
