#include "store/sqlite/sqlite_file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/unique_fd.h"
#include "store/sqlite/sqlite_bytes.h"
#include "store/sqlite/sqlite_error.h"

namespace grpc_os::store {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};

std::string DirectoryOf(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

absl::Status SystemError(const char* doing, const std::string& path, int error_number) {
  if (IsDiskFull(error_number))
    return absl::ResourceExhaustedError(DescribeDiskFull(DirectoryOf(path), error_number));
  return absl::UnavailableError(
      absl::StrCat(doing, " ", path, ": ", std::generic_category().message(error_number),
                   "; see that it and its directory exist and that this account may write them"));
}

bool IsThere(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0;
}

// Makes an empty database with our mark, in WAL mode, closed and on the disk.
absl::Status WriteEmptyDatabase(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!file) return SystemError("making", path, errno);
  file.Reset();
  sqlite3* opened = nullptr;
  errno = 0;
  int code =
      sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<sqlite3, CloseDatabase> db(opened);
  if (code != SQLITE_OK) return SqliteError(opened, code, "opening", path);
  const std::string sql = absl::StrCat("PRAGMA page_size = 4096; PRAGMA synchronous = FULL;",
                                       "PRAGMA application_id = ", kSqliteApplicationId,
                                       "; PRAGMA journal_mode = WAL;");
  errno = 0;
  code = sqlite3_exec(opened, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return SqliteError(opened, code, "making", path);
  return absl::OkStatus();
}

// Puts `from` at `to`, which must not be there, and the entry of the directory on the disk.
absl::Status MoveIntoPlace(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    return SystemError("making", to, errno);
  }
  const UniqueFd fd(open(DirectoryOf(to).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) return SystemError("making", to, errno);
  return absl::OkStatus();
}

absl::Status MakeFile(const std::string& path) {
  // A log without its database would be played into the new one.
  for (const char* suffix : {"-wal", "-journal"}) {
    if (IsThere(path + suffix)) {
      return absl::DataLossError(
          absl::StrCat("the database ", path, " is missing, but its log ", path, suffix,
                       " is there; put the database back beside it or restore a backup, or, to "
                       "start anew, move the log away"));
    }
  }
  const std::string unfinished = path + ".new";
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) unlink((unfinished + suffix).c_str());
  if (auto status = WriteEmptyDatabase(unfinished); !status.ok()) return status;
  return MoveIntoPlace(unfinished, path);
}

absl::Status CheckFile(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return SystemError("opening", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return absl::UnavailableError(
        absl::StrCat("expected a database file at ", path, ", found something that is no file"));
  }
  if (info.st_size == 0) {
    return absl::DataLossError(absl::StrCat(
        "the database ", path,
        " is empty, as none of ours ever is: its content was lost. Restore a backup in its place, "
        "or, to start anew, move it away with its -wal and -shm files"));
  }
  for (const std::string& writable : {path, DirectoryOf(path)}) {
    if (faccessat(AT_FDCWD, writable.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
      return SystemError("writing", writable, errno);
    }
  }
  if ((info.st_mode & 077) != 0 && chmod(path.c_str(), 0600) != 0) {
    return SystemError("taking the rights of others away from", path, errno);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EnsureSqliteFile(const std::string& path, const std::string& sign_of_use) {
  if (!IsThere(path)) {
    if (!sign_of_use.empty() && IsThere(sign_of_use)) {
      return absl::DataLossError(absl::StrCat(
          "the database ", path, " is missing, but its directory was in use: ", sign_of_use,
          " is there. Put the database back or restore a backup; to "
          "start anew, move the whole data directory away"));
    }
    if (auto status = MakeFile(path); !status.ok()) return status;
  }
  if (auto status = CheckFile(path); !status.ok()) return status;
  return CheckSqliteBytes(path);
}

}  // namespace grpc_os::store
