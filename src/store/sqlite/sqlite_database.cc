#include "store/sqlite/sqlite_database.h"

#include <sys/stat.h>

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/sqlite/files_in_place.h"
#include "store/sqlite/kept_room.h"
#include "store/sqlite/sqlite_connection.h"
#include "store/sqlite/sqlite_error.h"
#include "store/sqlite/sqlite_file.h"

namespace grpc_os::store {
namespace {

// BEGIN IMMEDIATE takes the right to write at once, which keeps a transaction from failing half-way
// for the lack of it. The snapshot of BEGIN is taken by its first SELECT. SUBSTR counts the
// characters of a text, and the bytes of a BLOB.
constexpr Dialect kSqliteDialect = {.integer = "INTEGER",
                                    .key = "TEXT",
                                    .text = "TEXT",
                                    .path = "TEXT",
                                    .digest = "BLOB",
                                    .bytes = "BLOB",
                                    .table = "STRICT",
                                    .clustered_table = "STRICT, WITHOUT ROWID",
                                    .where_deleted = " WHERE deleted = 1",
                                    .drop_column = "DROP COLUMN",
                                    .add_column = "ADD COLUMN",
                                    .begin_write = "BEGIN IMMEDIATE",
                                    .begin_read = "BEGIN",
                                    .for_update = "",
                                    .moved_name = "? || SUBSTR(CAST(name AS BLOB), ?)"};

// On the disk, with what is allocated behind its end.
int64_t SizeOf(const std::string& path) {
  constexpr int64_t kBlockBytes = 512;  // stat(2)
  struct stat file {};
  return stat(path.c_str(), &file) == 0 ? file.st_blocks * kBlockBytes : 0;
}

// Thread-safe.
class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(std::string path)
      : path_(std::move(path)), files_(std::make_shared<FilesInPlace>(path_)) {}

  const Dialect& dialect() const override { return kSqliteDialect; }

  DatabaseSize SizeOnDisk() const override {
    return {.database_bytes = SizeOf(path_), .log_bytes = SizeOf(path_ + "-wal")};
  }

  absl::Status CheckFiles() const override { return files_->Look(); }

  absl::StatusOr<std::unique_ptr<Connection>> OpenWriter() override {
    if (writer_open_->exchange(true)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the database ", path_, " has a writer already; there can be only one"));
    }
    return SqliteConnection::Open(
        path_, SqliteConnection::Role::kWriter, [open = writer_open_] { *open = false; }, files_);
  }

  absl::StatusOr<std::unique_ptr<Connection>> OpenReader() override {
    return SqliteConnection::Open(path_, SqliteConnection::Role::kReader, [] {});
  }

 private:
  const std::string path_;
  const std::shared_ptr<FilesInPlace> files_;
  // Shared with the writer, which may outlive this.
  const std::shared_ptr<std::atomic<bool>> writer_open_ =
      std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

const Dialect& SqliteDialect() { return kSqliteDialect; }

namespace {

constexpr int64_t kQuicklyReadBytes = int64_t{64} << 20;

// After an unclean stop, of a file that is soon read: its structure is whole. Changes nothing but
// what a full disk has kept for this.
absl::Status CheckAfterUncleanStop(const std::string& path) {
  struct stat log {};
  struct stat file {};
  if (stat((path + "-wal").c_str(), &log) != 0 || log.st_blocks == 0) return absl::OkStatus();
  MakeRoomForIndex(path + "-wal", path + "-shm");
  if (log.st_size == 0 || stat(path.c_str(), &file) != 0 ||
      file.st_size + log.st_size > kQuicklyReadBytes) {
    return absl::OkStatus();
  }
  auto reader = SqliteConnection::Open(path, SqliteConnection::Role::kReader, [] {});
  if (!reader.ok()) return reader.status();
  auto check = (*reader)->Prepare("PRAGMA quick_check(1)");
  if (!check.ok()) return check.status();
  const auto row = (*check)->Step();
  if (!row.ok()) return row.status();
  const std::string found = *row ? (*check)->Text(0) : "nothing";
  (*check)->Reset();
  if (found == "ok") return absl::OkStatus();
  return SqliteDamaged(absl::StrCat("after an unclean stop (", found, ")"), path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path,
                                                     const std::string& sign_of_use) {
  if (auto status = EnsureSqliteFile(path, sign_of_use); !status.ok()) return status;
  if (auto status = CheckAfterUncleanStop(path); !status.ok()) return status;
  return std::unique_ptr<Database>(new SqliteDatabase(path));
}

}  // namespace grpc_os::store
