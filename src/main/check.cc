#include "main/check.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/unique_fd.h"
#include "host/content_sha256.h"
#include "host/crc32c.h"
#include "store/blob/blob_check.h"
#include "store/blob/files.h"
#include "store/sqlite/sqlite_check.h"

namespace grpc_os {
namespace {

int Say(const std::string& sentence) {
  printf("%s\n", sentence.c_str());
  return 1;
}

}  // namespace

absl::StatusOr<store::CheckReport> CheckLockedDirectory(const std::string& directory) {
  const host::ContentSha256 hash;
  const host::Crc32c checksum;
  const auto files = store::FilesIn(directory);
  return store::CheckSqlite(
      directory + "/grpc-os.db",
      [&](store::Connection& reader, const store::Dialect& dialect, store::CheckReport& found) {
        return store::CheckContents(reader, dialect, *files, {hash, checksum}, found);
      });
}

int CheckDataDirectory(const std::string& directory) {
  const std::string database = directory + "/grpc-os.db";
  struct stat info {};
  if (stat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return Say("expected a data directory at " + directory +
               ", found none; name one that is there");
  }
  // A directory that was copied away may have no lock, and then nobody runs there.
  const std::string path = directory + "/run/osd.lock";
  const UniqueFd lock(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!lock && errno != ENOENT) {
    return Say("opening " + path + ": " + std::generic_category().message(errno) +
               "; run this as the account that owns the data directory");
  }
  if (lock && flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Say("a grpc-osd runs on " + directory +
               "; stop it first (make stop), for the database of a running one changes meanwhile");
  }
  const auto report = CheckLockedDirectory(directory);
  if (!report.ok()) return Say(std::string(report.status().message()));
  for (const std::string& finding : report->findings) Say(finding);
  if (!report->findings.empty()) {
    return Say(database + ": " + std::to_string(report->findings.size()) +
               " findings; nothing was changed. Restore a backup, or look at a copy");
  }
  printf("OK: %s\n", report->summary.c_str());
  return 0;
}

}  // namespace grpc_os
