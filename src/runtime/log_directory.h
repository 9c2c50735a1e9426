// The log segments of one process, as its supervisor writes, rotates and removes them.
#ifndef GRPC_OS_RUNTIME_LOG_DIRECTORY_H_
#define GRPC_OS_RUNTIME_LOG_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::runtime {

// An open directory of segments. Follows no symbolic link. Not thread-safe.
class LogDirectory {
 public:
  // The directory `name` in the open directory `parent`. NOT_FOUND: it is not there;
  // FAILED_PRECONDITION: it is no directory.
  static absl::StatusOr<LogDirectory> Open(int parent, const std::string& name);

  int fd() const { return fd_.get(); }
  // The numbers of its segments, ascending.
  absl::StatusOr<std::vector<uint64_t>> Segments() const;
  bool Has(uint64_t segment) const;
  // NOT_FOUND: it is not there (any more); FAILED_PRECONDITION: it is no regular file.
  absl::StatusOr<UniqueFd> OpenSegment(uint64_t segment) const;

 private:
  explicit LogDirectory(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_LOG_DIRECTORY_H_
