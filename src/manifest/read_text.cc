#include "manifest/read_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::manifest {

absl::StatusOr<std::string> ReadText(const std::string& path, const char* what,
                                     int64_t most_bytes) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot open ", what, " ", path, "; name another"));
  }
  std::string text;
  char buffer[16 << 10];
  while (true) {
    const ssize_t count = read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", what, " ", path));
    if (count == 0) return text;
    text.append(buffer, static_cast<size_t>(count));
    if (static_cast<int64_t>(text.size()) > most_bytes) {
      return absl::InvalidArgumentError(absl::StrCat(what, " ", path, " is larger than ",
                                                     most_bytes, " bytes; is it the right one?"));
    }
  }
}

}  // namespace grpc_os::manifest
