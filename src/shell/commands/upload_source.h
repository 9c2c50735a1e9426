// Where the bytes of an upload come from.
#ifndef GRPC_OS_SHELL_COMMANDS_UPLOAD_SOURCE_H_
#define GRPC_OS_SHELL_COMMANDS_UPLOAD_SOURCE_H_

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "shell/session.h"

namespace grpc_os::shell {

// Bytes by their offsets. Errors name the source.
class UploadSource {
 public:
  virtual ~UploadSource() = default;
  // All of it, where that is known.
  virtual std::optional<int64_t> size() const = 0;
  // Makes ready what comes from `offset` on, below which nothing is asked for any more: how many
  // bytes can be read at once. 0: the end.
  virtual absl::StatusOr<int64_t> Prepare(int64_t offset) = 0;
  // Up to `most` bytes of what was made ready.
  virtual absl::StatusOr<std::string> Read(int64_t offset, size_t most) = 0;
  // FAILED_PRECONDITION: what was read is not one and the same content.
  virtual absl::Status CheckUnchanged() const { return absl::OkStatus(); }
};

// A regular file.
class FileSource : public UploadSource {
 public:
  // INVALID_ARGUMENT or NOT_FOUND: there is no such file that can be read. Of anything but a
  // regular file nothing is made: nullptr, and the descriptor is given to `other`.
  static absl::StatusOr<std::unique_ptr<FileSource>> Open(const std::string& path, UniqueFd& other);
  // One that is open already; `name` is for errors.
  static absl::StatusOr<std::unique_ptr<FileSource>> Of(UniqueFd fd, const std::string& name);

  std::optional<int64_t> size() const override { return info_.st_size; }
  absl::StatusOr<int64_t> Prepare(int64_t offset) override;
  absl::StatusOr<std::string> Read(int64_t offset, size_t most) override;
  absl::Status CheckUnchanged() const override;

  // Whether the system knows its size. What it makes up while it is read (/proc, /sys) has no block
  // on a disk and claims 0 bytes, or a page: that is read to its end as a StreamSource. A file that
  // is all holes has no block either, as all files of some file systems; it claims more.
  bool KnowsItsSize() const;
  int fd() const { return fd_.get(); }

  // What says that it is still the same content, as far as the system can tell: of a file with
  // another identity an upload is not resumed.
  std::string Identity() const;

 private:
  FileSource(UniqueFd fd, std::string path, const struct stat& info);

  const UniqueFd fd_;
  const std::string path_;
  const struct stat info_;
};

// What can be read once: standard input, a pipe. Keeps what may have to be sent again.
class StreamSource : public UploadSource {
 public:
  // Reads `fd`, which stays the caller's. `session` says when the user interrupts.
  StreamSource(Session& session, int fd, std::string name);

  std::optional<int64_t> size() const override { return std::nullopt; }
  absl::StatusOr<int64_t> Prepare(int64_t offset) override;
  absl::StatusOr<std::string> Read(int64_t offset, size_t most) override;

 private:
  Session& session_;
  const int fd_;
  const std::string name_;
  std::string kept_;
  int64_t kept_from_ = 0;
  bool ended_ = false;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_UPLOAD_SOURCE_H_
