#include "store/sqlite/sqlite_connection.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/sqlite/sqlite_database.h"
#include "store/sqlite/sqlite_error.h"
#include "store/sqlite/sqlite_file.h"

namespace grpc_os::store {
namespace {

constexpr int kBusyTimeoutMs = 5000;

// synchronous=FULL: a commit is on the disk before it is answered. The page caches are small, for
// grpc-osd as a whole has 30 MiB: the kernel's cache is behind them. The
// log grows to 32 MiB before it is moved into the database: most commits change the same few pages,
// and the longer the log, the fewer of them are written again. journal_size_limit gives the room of
// an unusually long log back.
constexpr std::string_view kWriterPragmas = R"(
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
PRAGMA cache_size = -2048;
PRAGMA temp_store = MEMORY;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA journal_size_limit = 67108864;
)";
constexpr std::string_view kReaderPragmas = R"(
PRAGMA query_only = ON;
PRAGMA trusted_schema = OFF;
PRAGMA cell_size_check = ON;
PRAGMA cache_size = -1024;
PRAGMA temp_store = MEMORY;
PRAGMA wal_autocheckpoint = 0;
)";

// For errors, which users read: never the statement itself.
std::string DoingOf(std::string_view sql) {
  const std::string_view verb = sql.substr(0, sql.find(' '));
  if (verb == "COMMIT") return "committing";
  if (sql == "BEGIN IMMEDIATE") return "beginning a change";
  if (verb == "SELECT" || verb == "PRAGMA" || verb == "BEGIN") return "reading";
  return "writing";
}

}  // namespace

class SqliteConnection::SqliteStatement final : public Statement {
 public:
  SqliteStatement(const SqliteConnection& connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;
  ~SqliteStatement() override { sqlite3_finalize(statement_); }

  void Reset() override {
    if (!used_) return;
    sqlite3_reset(statement_);  // repeats the error of the last Step, which was reported
    sqlite3_clear_bindings(statement_);
    bind_code_ = SQLITE_OK;
    used_ = false;
  }

  void BindInt(int index, int64_t value) override {
    Note(sqlite3_bind_int64(statement_, index + 1, value));
  }
  void BindText(int index, std::string_view value) override {
    Note(sqlite3_bind_text64(statement_, index + 1, NotNull(value), value.size(), SQLITE_STATIC,
                             SQLITE_UTF8));
  }
  void BindBlob(int index, std::string_view value) override {
    Note(sqlite3_bind_blob64(statement_, index + 1, NotNull(value), value.size(), SQLITE_STATIC));
  }
  void BindNull(int index) override { Note(sqlite3_bind_null(statement_, index + 1)); }

  absl::StatusOr<bool> Step() override {
    errno = 0;
    used_ = true;
    const int code = bind_code_ != SQLITE_OK ? bind_code_ : sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    absl::Status status;
    if (code != SQLITE_DONE) {
      status =
          SqliteError(connection_.db_, code, DoingOf(sqlite3_sql(statement_)), connection_.path_);
    }
    // At once, because a statement that is not reset holds its snapshot.
    Reset();
    if (!status.ok()) return status;
    return false;
  }

  int64_t Int(int column) const override { return sqlite3_column_int64(statement_, column); }
  std::string Text(int column) const override {
    // Bytes as they are, for text and blob alike. The size is asked after the pointer, which may
    // convert.
    const void* bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
  }
  bool IsNull(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }

 private:
  // SQLite takes a null pointer for NULL.
  static const char* NotNull(std::string_view value) {
    return value.data() == nullptr ? "" : value.data();
  }
  void Note(int code) {
    used_ = true;
    if (bind_code_ == SQLITE_OK) bind_code_ = code;
  }

  const SqliteConnection& connection_;
  sqlite3_stmt* const statement_;
  int bind_code_ = SQLITE_OK;  // of the first binding that failed
  bool used_ = false;          // since the last Reset
};

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(
    const std::string& path, Role role, std::function<void()> on_close,
    std::shared_ptr<FilesInPlace> files) {
  // Once, before SQLite is used: nobody asks how much memory it has, and counting takes a lock at
  // each allocation.
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3* db = nullptr;
  const int flags = (role == Role::kWriter ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  auto vfs = role == Role::kWriter ? std::make_unique<GatheredLogVfs>() : nullptr;
  errno = 0;
  const int code =
      sqlite3_open_v2(path.c_str(), &db, flags, vfs == nullptr ? nullptr : vfs->name());
  std::unique_ptr<SqliteConnection> connection(
      new SqliteConnection(path, std::move(vfs), db, std::move(on_close), std::move(files)));
  if (code != SQLITE_OK) return SqliteError(db, code, "opening", path);
  if (auto status = connection->SetUp(role); !status.ok()) return status;
  return connection;
}

SqliteConnection::SqliteConnection(std::string path, std::unique_ptr<GatheredLogVfs> vfs,
                                   sqlite3* db, std::function<void()> on_close,
                                   std::shared_ptr<FilesInPlace> files)
    : path_(std::move(path)),
      vfs_(std::move(vfs)),
      db_(db),
      on_close_(std::move(on_close)),
      files_(std::move(files)) {}

SqliteConnection::~SqliteConnection() {
  statements_.clear();
  // On a full disk the log stays, emptied, with what is kept behind it, and its index beside it:
  // what is given up might be gone at the next start.
  if (int persist = 1; vfs_ != nullptr && vfs_->DiskIsShort())
    sqlite3_file_control(db_, nullptr, SQLITE_FCNTL_PERSIST_WAL, &persist);
  // What lies in the place of ours may have been put there to be started with.
  if (files_ != nullptr && !files_->Look().ok())
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_close(db_);
  on_close_();
}

absl::Status SqliteConnection::SetUp(Role role) {
  sqlite3_busy_timeout(db_, kBusyTimeoutMs);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  if (role == Role::kReader) {
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return Pragmas(kReaderPragmas);
  }
  frames_behind_ = true;
  if (auto status = CheckIdentity(); !status.ok()) return status;
  if (auto status = Pragmas(kWriterPragmas); !status.ok()) return status;
  vfs_->KeepRoom();
  if (files_ != nullptr) files_->EndWriting();
  return absl::OkStatus();
}

absl::Status SqliteConnection::CheckIdentity() {
  auto id = Prepare("PRAGMA application_id");
  if (!id.ok()) return id.status();
  auto row = (*id)->Step();
  if (!row.ok()) return row.status();
  const int64_t found = (*id)->Int(0);
  (*id)->Reset();
  if (found != kSqliteApplicationId) {
    return absl::FailedPreconditionError(absl::StrCat(
        path_, " is an SQLite database of another program (application_id ", found, ", expected ",
        kSqliteApplicationId, "). It is left as it is; move it away, or use another directory"));
  }
  auto mode = Prepare("PRAGMA journal_mode = WAL");
  if (!mode.ok()) return mode.status();
  row = (*mode)->Step();
  if (!row.ok()) return row.status();
  const std::string journal = (*mode)->Text(0);
  (*mode)->Reset();
  if (journal != "wal") {
    return absl::FailedPreconditionError(absl::StrCat(
        "the file system of ", path_, " cannot hold a write-ahead log (journal_mode stays \"",
        journal, "\"); put the data directory on a local file system"));
  }
  return absl::OkStatus();
}

absl::Status SqliteConnection::Pragmas(std::string_view sql) {
  errno = 0;
  const int code = sqlite3_exec(db_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(db_, code, "setting up", path_);
}

absl::StatusOr<Statement*> SqliteConnection::Prepare(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    sqlite3_stmt* prepared = nullptr;
    errno = 0;
    const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
    if (code != SQLITE_OK) return SqliteError(db_, code, DoingOf(sql), path_);
    found = statements_.emplace(sql, std::make_unique<SqliteStatement>(*this, prepared)).first;
  }
  found->second->Reset();
  return found->second.get();
}

absl::Status SqliteConnection::Execute(std::string_view sql) {
  auto statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  const bool begins = sql == SqliteDialect().begin_write && vfs_ != nullptr;
  absl::Status status = begins ? BeginWrite() : absl::OkStatus();
  if (!status.ok()) return status;
  // After some failures SQLite has rolled back by itself, and logs that there is nothing to.
  if (sql != "ROLLBACK" || sqlite3_get_autocommit(db_) == 0) status = (*statement)->Step().status();
  if (!status.ok() && sql == "COMMIT" && vfs_ != nullptr && vfs_->handed_on_commit())
    frames_behind_ = true;
  if (files_ != nullptr && sqlite3_get_autocommit(db_) != 0) files_->EndWriting();
  return status;
}

// A COMMIT whose sync fails has all its frames in the log, and so may one have that the power cut
// off. The next one writes over them, but if it is shorter, what is left behind it looks like
// committed transactions behind damage (and is refused as that at the next start, sqlite_bytes.h).
// Before anything is written again, the log is therefore emptied into the database. Where that
// cannot be, because a reader still needs it or the disk fails, the next BEGIN tries again.
//
// Where the disk is so full that the log cannot grow without taking of what is kept behind it, it
// is moved into the database, and begins anew. It is not cut, which would give room up.
absl::Status SqliteConnection::BeginWrite() {
  const bool may_use_reserve = std::exchange(may_use_reserve_, false);
  if (files_ != nullptr) {
    if (absl::Status in_place = files_->BeginWriting(); !in_place.ok()) return in_place;
  }
  vfs_->BeginTransaction(may_use_reserve);
  if (frames_behind_) frames_behind_ = !Checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  if (!vfs_->KeepRoom() && !frames_behind_ && Checkpoint(SQLITE_CHECKPOINT_RESTART))
    vfs_->LogBeginsAnew();
  return absl::OkStatus();
}

bool SqliteConnection::Checkpoint(int mode) {
  sqlite3_busy_timeout(db_, 0);
  const int code = sqlite3_wal_checkpoint_v2(db_, nullptr, mode, nullptr, nullptr);
  sqlite3_busy_timeout(db_, kBusyTimeoutMs);
  return code == SQLITE_OK;
}

}  // namespace grpc_os::store
