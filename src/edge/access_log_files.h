// The access logs of domains: `<domain id>.log`, which nginx writes, and what it was renamed to
// when it had grown: `<domain id>.000001.log`, `<domain id>.000002.log`, …
//
// A file keeps its number for life: the one that nginx writes will have the number after the
// highest one there is. Renamed, it is still written to until nginx reopens its logs. The functions
// follow no symbolic link, and are safe against a rotation on another thread.
#ifndef GRPC_OS_EDGE_ACCESS_LOG_FILES_H_
#define GRPC_OS_EDGE_ACCESS_LOG_FILES_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::edge {

inline constexpr int64_t kAccessLogBytes = int64_t{10} << 20;  // then it is renamed
inline constexpr int kAccessLogsKept = 2;                      // of the renamed ones

// Renames each log in `directory` of more than `max_bytes`, error.log as well, and removes all but
// the last `keep` renamed ones of it. Whether nginx has to reopen its logs (USR1): after this or an
// earlier call, it writes to a renamed one. What cannot be renamed or removed is left for the next
// call.
bool RotateAccessLogs(const std::string& directory, int64_t max_bytes = kAccessLogBytes,
                      int keep = kAccessLogsKept);
// Removes the logs of all domains but these, with all that was renamed. nginx must have been told
// before not to write them any more.
void RemoveOtherAccessLogs(const std::string& directory, const std::set<std::string>& domain_ids);

// Whether a file may be named after it: "dom_" and small letters or digits.
bool IsDomainId(const std::string& text);

// One of the files of a log, open for reading.
struct AccessLogFile {
  UniqueFd file;
  uint64_t number = 0;
};

// The files of one domain. Errors: FAILED_PRECONDITION: something else lies in the place of a file,
// or of the directory. No file, or no directory, is nullopt.
class AccessLogFiles {
 public:
  AccessLogFiles(std::string directory, std::string domain_id)
      : directory_(std::move(directory)), domain_id_(std::move(domain_id)) {}

  // The last one.
  absl::StatusOr<std::optional<AccessLogFile>> Newest() const;
  absl::StatusOr<std::optional<AccessLogFile>> At(uint64_t number) const;
  // The one to be read after `file` (-1: none) of that number, if it has been begun: the next there
  // is. A log that somebody removed begins anew, with a number that is not higher.
  absl::StatusOr<std::optional<AccessLogFile>> After(uint64_t number, int file) const;
  // Whether nginx has begun another file than `file`. Cheap.
  bool IsLeft(int file) const;

 private:
  std::optional<uint64_t> NumberOf(int file, int directory,
                                   const std::vector<uint64_t>& renamed) const;

  const std::string directory_;
  const std::string domain_id_;
};

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_ACCESS_LOG_FILES_H_
