// A local file that is replaced only once all of its new content is there.
#ifndef GRPC_OS_SHELL_COMMANDS_LOCAL_TARGET_H_
#define GRPC_OS_SHELL_COMMANDS_LOCAL_TARGET_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::shell {

// The new content grows in a file beside it, ".NAME.MARK.part" (0600), which stays when the program
// ends before it is whole, so that another run can resume it. Held by one program at a time.
class LocalTarget {
 public:
  // `mark` stands for the content: that of another one is not resumed. FAILED_PRECONDITION:
  // another program writes it just now, or the file there is not ours.
  static absl::StatusOr<LocalTarget> Open(const std::string& path, const std::string& mark);
  LocalTarget(LocalTarget&&) = default;
  LocalTarget& operator=(LocalTarget&&) = default;
  // Leaves nothing behind if nothing came.
  ~LocalTarget();

  // What an earlier run has left, and its CRC32C.
  int64_t size() const { return size_; }
  uint32_t crc32c() const { return crc32c_; }

  absl::Status Append(std::string_view data);
  // Forgets what there is.
  absl::Status Restart();
  // The content is whole: synced, and in its place. With `replace` in that of what is there, with
  // its mode; else ALREADY_EXISTS if something is, which stays.
  absl::Status Commit(bool replace);

 private:
  LocalTarget(std::string path, std::string part, UniqueFd fd);
  absl::Status ReadWhatIsThere();
  // Why the last write failed (errno), and what to do.
  absl::Status NotWritten() const;

  std::string path_;
  std::string part_;
  UniqueFd fd_;
  int64_t size_ = 0;
  uint32_t crc32c_ = 0;
  bool committed_ = false;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_LOCAL_TARGET_H_
