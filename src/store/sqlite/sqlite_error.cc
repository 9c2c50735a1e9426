#include "store/sqlite/sqlite_error.h"

#include <cerrno>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"

namespace grpc_os::store {
namespace {

// Opening fails so where the shared memory beside the database has no room.
bool WantsRoom(int code, int error_number) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  return ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN) &&
         IsDiskFull(error_number);
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
}

absl::Status Unavailable(int code, int error_number, const std::string& cause,
                         const std::string& path) {
  std::string cure;
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      cure = "another program holds the file; end it, only grpc-osd may open it";
      break;
    case SQLITE_READONLY:
      cure = "the file or its file system is read-only; make it writable";
      break;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      cure =
          "see that its directory exists and that this account may write the file and in the "
          "directory";
      break;
    default:
      cure = error_number == EROFS
                 ? "its file system is read-only now; see the kernel's log why, and mount it "
                   "writable again"
                 : "see the kernel's log for errors of the disk";
  }
  return absl::UnavailableError(
      absl::StrCat(cause, ": the database ", path, " cannot be used now: ", cure));
}

}  // namespace

absl::Status SqliteDamaged(const std::string& cause, const std::string& path) {
  return absl::DataLossError(absl::StrCat(
      cause, ": the database ", path,
      " is damaged or is no database. It is left as it is; restore a backup in its place, or copy "
      "it with its -wal file and try sqlite3's .recover on the copy"));
}

absl::Status SqliteError(sqlite3* db, int code, const std::string& what, const std::string& path) {
  const int error_number = errno;
  std::string cause =
      absl::StrCat(what, ": ", db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db),
                   " (SQLite ", code, ")");
  const bool by_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
  if (by_system && error_number != 0) {
    absl::StrAppend(&cause, ", ", std::generic_category().message(error_number));
  }
  if (WantsRoom(code, error_number))
    return absl::ResourceExhaustedError(DescribeDiskFull(DirectoryOf(path), error_number));
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return absl::AlreadyExistsError(cause);
    case SQLITE_IOERR_NOMEM:
    case SQLITE_NOMEM:
      return absl::UnavailableError(absl::StrCat(cause, ": no memory; give grpc-osd more of it"));
    case SQLITE_IOERR_CORRUPTFS:
      return SqliteDamaged(cause, path);
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return SqliteDamaged(cause, path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_IOERR:
      return Unavailable(code, error_number, cause, path);
    default:
      return absl::InternalError(absl::StrCat(cause, ", database ", path));
  }
}

}  // namespace grpc_os::store
