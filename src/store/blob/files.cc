#include "store/blob/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/limits.h"
#include "base/unique_fd.h"

namespace grpc_os::store {
namespace {

absl::Status Failed(const char* what, const std::string& path) {
  const int error = errno;
  const std::string text =
      absl::StrCat(what, " ", path, ": ", std::generic_category().message(error));
  if (error == ENOENT) return absl::NotFoundError(text);
  if (IsDiskFull(error))
    return absl::ResourceExhaustedError(DescribeDiskFull(path.substr(0, path.rfind('/')), error));
  return absl::UnavailableError(text);
}

class RealFile final : public OpenFile {
 public:
  RealFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  absl::StatusOr<int64_t> Size() override {
    struct stat status {};
    if (fstat(fd_.get(), &status) != 0) return Failed("looking at", path_);
    return status.st_size;
  }
  absl::Status WriteAt(int64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t wrote = pwrite(fd_.get(), bytes.data(), bytes.size(), offset);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return Failed("writing", path_);
      offset += wrote;
      bytes.remove_prefix(static_cast<size_t>(wrote));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> ReadAt(int64_t offset, int64_t size) override {
    std::string bytes(static_cast<size_t>(size), '\0');
    size_t got = 0;
    while (got < bytes.size()) {
      const ssize_t part = pread(fd_.get(), bytes.data() + got, bytes.size() - got,
                                 offset + static_cast<int64_t>(got));
      if (part < 0 && errno == EINTR) continue;
      if (part < 0) return Failed("reading", path_);
      if (part == 0) break;
      got += static_cast<size_t>(part);
    }
    bytes.resize(got);
    return bytes;
  }
  absl::Status Truncate(int64_t size) override {
    return ftruncate(fd_.get(), size) == 0 ? absl::OkStatus() : Failed("shortening", path_);
  }
  absl::Status Sync() override {
    return fdatasync(fd_.get()) == 0 ? absl::OkStatus() : Failed("syncing", path_);
  }
  void BeginSync(int64_t offset, int64_t size) override {
    sync_file_range(fd_.get(), offset, size, SYNC_FILE_RANGE_WRITE);
  }

 private:
  const UniqueFd fd_;
  const std::string path_;
};

class RealFiles final : public Files {
 public:
  explicit RealFiles(std::string root) : root_(std::move(root) + "/") {}

  absl::StatusOr<std::unique_ptr<OpenFile>> Open(const std::string& path, Mode mode) override {
    const std::string full = root_ + path;
    const int flags = mode == Mode::kRead     ? O_RDONLY
                      : mode == Mode::kCreate ? O_RDWR | O_CREAT | O_EXCL
                                              : O_RDWR;
    UniqueFd fd(open(full.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return Failed("opening", full);
    return std::make_unique<RealFile>(std::move(fd), full);
  }
  absl::Status MakeDirectory(const std::string& path) override {
    const std::string full = root_ + path;
    if (mkdir(full.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
    return Failed("making the directory", full);
  }
  absl::Status Link(const std::string& from, const std::string& to) override {
    const std::string full = root_ + to;
    if (link((root_ + from).c_str(), full.c_str()) == 0) return absl::OkStatus();
    return Failed("making the link", full);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    const std::string full = root_ + to;
    if (rename((root_ + from).c_str(), full.c_str()) == 0) return absl::OkStatus();
    return Failed("renaming to", full);
  }
  absl::Status Unlink(const std::string& path) override {
    const std::string full = root_ + path;
    if (unlink(full.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    return Failed("removing", full);
  }
  absl::Status SyncDirectory(const std::string& path) override {
    const std::string full = root_ + path;
    const UniqueFd fd(open(full.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || fsync(fd.get()) != 0) return Failed("syncing the directory", full);
    return absl::OkStatus();
  }
  absl::Status CheckSpace(int64_t bytes) override {
    const auto space = DiskSpaceAt(root_);
    if (!space) return Failed("looking at the disk of", root_);
    const int64_t reserved = std::min(limits::kDiskReservedBytes,
                                      space->total_bytes / 100 * limits::kDiskReservedPercent);
    if (space->free_bytes - bytes >= reserved) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat(
        DescribeDiskFull(root_.substr(0, root_.size() - 1), 0), ", of which contents leave ",
        (reserved + (1 << 20) - 1) >> 20, " MiB to the database"));
  }
  absl::StatusOr<std::vector<Entry>> List(const std::string& path) override {
    const std::string full = root_ + path;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(full.c_str()), closedir);
    if (directory == nullptr) return Failed("reading the directory", full);
    std::vector<Entry> entries;
    errno = 0;
    while (const dirent* entry = readdir(directory.get())) {
      const std::string name = entry->d_name;
      struct stat status {};
      if (name == "." || name == ".." ||
          fstatat(dirfd(directory.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        errno = 0;
        continue;
      }
      entries.push_back({.name = name,
                         .directory = S_ISDIR(status.st_mode),
                         .size_bytes = status.st_size,
                         .change_time_ms = int64_t{status.st_mtim.tv_sec} * 1000,
                         .links = static_cast<int64_t>(status.st_nlink)});
    }
    if (errno != 0) return Failed("reading the directory", full);
    return entries;
  }

 private:
  const std::string root_;
};

}  // namespace

std::unique_ptr<Files> FilesIn(const std::string& root) {
  return std::make_unique<RealFiles>(root);
}

}  // namespace grpc_os::store
