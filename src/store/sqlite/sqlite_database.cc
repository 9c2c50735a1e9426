#include "store/sqlite/sqlite_database.h"

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/sqlite/sqlite_connection.h"
#include "store/sqlite/sqlite_file.h"

namespace grpc_os::store {
namespace {

// BEGIN IMMEDIATE takes the right to write at once, which keeps a transaction from failing half-way
// for the lack of it. The snapshot of BEGIN is taken by its first SELECT.
constexpr Dialect kSqliteDialect = {.integer = "INTEGER",
                                    .key = "TEXT",
                                    .text = "TEXT",
                                    .bytes = "BLOB",
                                    .table = "STRICT",
                                    .clustered_table = "STRICT, WITHOUT ROWID",
                                    .begin_write = "BEGIN IMMEDIATE",
                                    .begin_read = "BEGIN",
                                    .for_update = ""};

// Thread-safe.
class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(std::string path) : path_(std::move(path)) {}

  const Dialect& dialect() const override { return kSqliteDialect; }

  absl::StatusOr<std::unique_ptr<Connection>> OpenWriter() override {
    if (writer_open_->exchange(true)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the database ", path_, " has a writer already; there can be only one"));
    }
    return SqliteConnection::Open(path_, SqliteConnection::Role::kWriter,
                                  [open = writer_open_] { *open = false; });
  }

  absl::StatusOr<std::unique_ptr<Connection>> OpenReader() override {
    return SqliteConnection::Open(path_, SqliteConnection::Role::kReader, [] {});
  }

 private:
  const std::string path_;
  // Shared with the writer, which may outlive this.
  const std::shared_ptr<std::atomic<bool>> writer_open_ =
      std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path) {
  if (auto status = EnsureSqliteFile(path); !status.ok()) return status;
  return std::unique_ptr<Database>(new SqliteDatabase(path));
}

}  // namespace grpc_os::store
