#include "store/sqlite/files_in_place.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace grpc_os::store {

FilesInPlace::FilesInPlace(const std::string& path)
    : name_(std::filesystem::path(path).filename().string()) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  directory_.Reset(
      open(directory.empty() ? "." : directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

absl::Status FilesInPlace::BeginWriting() {
  auto state = state_.Lock();
  absl::Status in_place = state->writing ? absl::OkStatus() : Compare(*state);
  state->writing = in_place.ok();
  return in_place;
}

void FilesInPlace::EndWriting() {
  auto state = state_.Lock();
  Note(name_, state->database);
  Note(name_ + "-wal", state->log);
  state->writing = false;
}

absl::Status FilesInPlace::Look() const {
  auto state = state_.Lock();
  return state->writing ? absl::OkStatus() : Compare(*state);
}

// Where it cannot be looked at, for another reason than that it is gone, nothing is known.
FilesInPlace::File FilesInPlace::Find(const std::string& name) const {
  struct stat there {};
  if (fstatat(directory_.get(), name.c_str(), &there, 0) != 0) return {};
  return {there.st_dev, there.st_ino, there.st_size,
          there.st_mtim.tv_sec * int64_t{1'000'000'000} + there.st_mtim.tv_nsec};
}

// Another file in its place is none of ours: it shows when they are compared.
void FilesInPlace::Note(const std::string& name, File& file) const {
  const File there = Find(name);
  if (file.inode == 0 || there.IsSameFile(file)) file = there;
}

absl::Status FilesInPlace::Compare(const State& state) const {
  absl::Status database = CompareOne(name_, state.database);
  return database.ok() ? CompareOne(name_ + "-wal", state.log) : database;
}

absl::Status FilesInPlace::CompareOne(const std::string& name, const File& was) const {
  if (was.inode == 0) return absl::OkStatus();
  errno = 0;
  const File there = Find(name);
  if (there.inode == 0 && errno != ENOENT && errno != ENOTDIR) return absl::OkStatus();
  const char* what = nullptr;
  const char* cure =
      "Nothing is stored until it is back, or gRPC OS was stopped (grpc-os-init --stop), the "
      "database restored from a backup, and gRPC OS started again";
  if (there.inode == 0) {
    what = "deleted or moved";
  } else if (!there.IsSameFile(was)) {
    what = "replaced by another file";
  } else if (there.size != was.size || there.change_ns != was.change_ns) {
    what = "written to by another program";
    cure =
        "Nothing is stored until gRPC OS was stopped (grpc-os-init --stop) and started again, "
        "which "
        "checks it; restore a backup only if that refuses it";
  } else {
    return absl::OkStatus();
  }
  return absl::UnavailableError(absl::StrCat("the file ", name, " was ", what,
                                             " while the daemon had it open. ", cure,
                                             "; processes go on meanwhile"));
}

}  // namespace grpc_os::store
