#include "bundle/pack.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "bundle/digest.h"
#include "bundle/format.h"
#include "bundle/limits.h"

namespace grpc_os::bundle {
namespace {

constexpr char kLeaveOut[] = ", or name it in .grpc-osignore";

bool IsWantOfResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

// Hands an archive on in pieces, and digests it.
class PieceWriter {
 public:
  explicit PieceWriter(const Sink& sink)
      : sink_(sink), buffer_(static_cast<size_t>(limits::kBundlePieceBytes), '\0') {}

  void Add(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t size = std::min(bytes.size(), Room());
      memcpy(Free(), bytes.data(), size);
      Took(size);
      bytes.remove_prefix(size);
    }
  }
  void AddZeros(size_t size) { Add(std::string(size, '\0')); }
  // Where the next bytes can be put, and how many; Took says how many were.
  char* Free() { return buffer_.data() + used_; }
  size_t Room() const { return buffer_.size() - used_; }
  void Took(size_t size) {
    used_ += size;
    if (Room() == 0) Flush();
  }
  void Flush() {
    const std::string_view piece(buffer_.data(), used_);
    bytes_ += static_cast<int64_t>(used_);
    used_ = 0;
    digest_.Add(piece);
    if (sink_ && status_.ok() && !piece.empty()) status_ = sink_(piece);
  }
  int64_t bytes() const { return bytes_ + static_cast<int64_t>(used_); }
  const absl::Status& status() const { return status_; }  // of the sink
  std::string FinishDigest() { return digest_.Finish(); }

 private:
  const Sink& sink_;
  std::string buffer_;
  size_t used_ = 0;
  int64_t bytes_ = 0;  // flushed
  RunningDigest digest_;
  absl::Status status_;
};

struct Found {
  std::string name;
  unsigned char type = DT_UNKNOWN;
};

class Packer {
 public:
  Packer(const LeftOut& left_out, const Sink& sink) : left_out_(left_out), writer_(sink) {}

  absl::StatusOr<Packed> Run(const std::string& directory) {
    UniqueFd root(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot read the directory ", Quoted(directory), ": ", strerror(errno)));
    }
    Walk(std::move(root));
    if (!failure_.ok()) return failure_;
    if (problem_count_ > 0) return Problems(directory);
    writer_.AddZeros(2 * kBlockBytes);
    writer_.AddZeros((kRecordBytes - static_cast<size_t>(writer_.bytes()) % kRecordBytes) %
                     kRecordBytes);
    writer_.Flush();
    if (!writer_.status().ok()) return writer_.status();
    return Packed{writer_.FinishDigest(), writer_.bytes(), entries_};
  }

 private:
  void Problem(const std::string& why) {
    if (++problem_count_ > limits::kBundleProblems) return;
    absl::StrAppend(&problems_, "\n  ", path_.empty() ? "the directory" : Quoted(path_), " ", why);
  }
  // One after which nothing else is looked at.
  void LastProblem(const std::string& why) {
    path_.clear();
    Problem(why);
    stopped_ = true;
  }
  void CannotRead(int error) {
    if (IsWantOfResources(error)) {
      failure_ = absl::UnavailableError(
          absl::StrCat("cannot read ", Quoted(path_), ": ", strerror(error)));
      stopped_ = true;
      return;
    }
    if (error == ENOENT || error == ELOOP) return Changed();
    Problem(absl::StrCat("cannot be read: ", strerror(error), "; make it readable", kLeaveOut));
  }
  void Changed() { Problem("changed while it was read; try again once nothing writes to it"); }

  absl::Status Problems(const std::string& directory) const {
    std::string text = absl::StrCat("cannot pack ", Quoted(directory), ":", problems_);
    if (problem_count_ > limits::kBundleProblems) {
      absl::StrAppend(&text, "\n  … and ", problem_count_ - limits::kBundleProblems, " more");
    }
    return absl::FailedPreconditionError(text);
  }

  // What lies in a directory, in the order of the archive.
  std::vector<Found> List(int directory) {
    std::vector<Found> found;
    const int fd = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    DIR* const entries = fd >= 0 ? fdopendir(fd) : nullptr;
    if (entries == nullptr) {
      CannotRead(errno);
      if (fd >= 0) close(fd);
      return found;
    }
    errno = 0;
    while (const dirent* entry = readdir(entries)) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == ".." || name == ".git") continue;
      found.push_back({std::string(name), entry->d_type});
      errno = 0;
    }
    if (errno != 0) CannotRead(errno);
    closedir(entries);
    for (Found& one : found) {
      struct stat status {};
      if (one.type != DT_UNKNOWN) continue;  // what some file systems say of all
      if (fstatat(directory, one.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        one.type = IFTODT(status.st_mode);
      }
    }
    std::sort(found.begin(), found.end(),
              [](const Found& a, const Found& b) { return a.name < b.name; });
    return found;
  }

  // path_ is the directory's.
  void Walk(UniqueFd directory) {
    const size_t length = path_.size();
    for (const Found& found : List(directory.get())) {
      if (stopped_) return;
      if (length > 0) path_ += '/';
      path_ += found.name;
      if (!left_out_ || !left_out_(path_, found.type == DT_DIR)) Take(directory.get(), found);
      path_.resize(std::min(length, path_.size()));
    }
  }

  void Take(int directory, const Found& found) {
    if (++entries_ > limits::kBundleEntries) {
      return LastProblem(absl::StrCat("has more than ", limits::kBundleEntries,
                                      " files, directories and links; name what the process does "
                                      "not need in .grpc-osignore"));
    }
    if (const std::string why = WhyNotPath(path_); !why.empty()) {
      return Problem(absl::StrCat(why, "; give it another", kLeaveOut));
    }
    switch (found.type) {
      case DT_REG:
        return TakeFile(directory, found.name);
      case DT_DIR:
        return TakeDirectory(directory, found.name);
      case DT_LNK:
        return TakeLink(directory, found.name);
      case DT_UNKNOWN:  // gone since
        return Changed();
      default:
        break;
    }
    const char* const kind = found.type == DT_SOCK   ? "a socket"
                             : found.type == DT_FIFO ? "a named pipe"
                                                     : "a device";
    Problem(absl::StrCat("is ", kind, "; remove it", kLeaveOut));
  }

  void TakeDirectory(int directory, const std::string& name) {
    UniqueFd fd(openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return CannotRead(errno);
    AddHeader({.kind = Kind::kDirectory, .path = path_});
    Walk(std::move(fd));
  }

  void TakeLink(int directory, const std::string& name) {
    std::string target(static_cast<size_t>(limits::kPathBytes) + 1, '\0');
    const ssize_t size = readlinkat(directory, name.c_str(), target.data(), target.size());
    if (size < 0) return CannotRead(errno);
    target.resize(static_cast<size_t>(size));
    if (const std::string why = WhyNotTarget(path_, target); !why.empty()) {
      return Problem(absl::StrCat(why, "; put a copy in its place", kLeaveOut));
    }
    AddHeader({.kind = Kind::kLink, .path = path_, .target = target});
  }

  void TakeFile(int directory, const std::string& name) {
    // A pipe that took the file's place would not let go of an open without O_NONBLOCK.
    const UniqueFd file(
        openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat before {};
    if (!file || fstat(file.get(), &before) != 0) return CannotRead(errno);
    if (!S_ISREG(before.st_mode)) return Changed();
    const int64_t size = before.st_size;
    // Counted before it is read.
    if (!Count(size) || !Count(static_cast<int64_t>(PaddingOf(size)))) return;
    AddHeader({.path = path_, .executable = (before.st_mode & S_IXUSR) != 0, .size = size});
    if (problem_count_ > 0 || stopped_) return;  // the archive comes to nothing
    for (int64_t left = size; left > 0;) {
      const size_t wanted = std::min<size_t>(writer_.Room(), static_cast<size_t>(left));
      const ssize_t got = read(file.get(), writer_.Free(), wanted);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return CannotRead(errno);
      if (got == 0) return Changed();
      writer_.Took(static_cast<size_t>(got));
      left -= got;
    }
    writer_.AddZeros(PaddingOf(size));
    struct stat after {};
    if (fstat(file.get(), &after) != 0) return CannotRead(errno);
    if (after.st_size != size || after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
        after.st_mtim.tv_nsec != before.st_mtim.tv_nsec) {
      return Changed();
    }
    CheckSink();
  }

  void AddHeader(const Entry& entry) {
    const std::string header = EncodeHeader(entry);
    if (!Count(static_cast<int64_t>(header.size())) || problem_count_ > 0) return;
    writer_.Add(header);
    CheckSink();
  }
  // Whether so many bytes more, and the end of the archive, can be in a bundle.
  bool Count(int64_t bytes) {
    constexpr auto kEnd = static_cast<int64_t>(2 * kBlockBytes + kRecordBytes);
    if (bytes <= limits::kBundleBytes - kEnd - total_) {
      total_ += bytes;
      return true;
    }
    LastProblem(absl::StrCat("is larger than ", limits::kBundleBytes >> 20,
                             " MiB; name what the process does not need in .grpc-osignore"));
    return false;
  }
  void CheckSink() {
    if (writer_.status().ok()) return;
    failure_ = writer_.status();
    stopped_ = true;
  }

  const LeftOut& left_out_;
  PieceWriter writer_;
  std::string path_;  // of what is looked at
  int64_t entries_ = 0;
  int64_t total_ = 0;  // bytes of the archive, also once it comes to nothing
  std::string problems_;
  int problem_count_ = 0;
  absl::Status failure_;  // what is no fault of the directory
  bool stopped_ = false;
};

}  // namespace

absl::StatusOr<Packed> Pack(const std::string& directory, const LeftOut& left_out,
                            const Sink& sink) {
  return Packer(left_out, sink).Run(directory);
}

}  // namespace grpc_os::bundle
