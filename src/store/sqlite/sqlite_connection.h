// One connection to an SQLite file.
#ifndef GRPC_OS_STORE_SQLITE_SQLITE_CONNECTION_H_
#define GRPC_OS_STORE_SQLITE_SQLITE_CONNECTION_H_

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/database.h"
#include "store/sqlite/files_in_place.h"
#include "store/sqlite/sqlite_log_file.h"

namespace grpc_os::store {

class SqliteConnection final : public Connection {
 public:
  enum class Role { kWriter, kReader };
  // `on_close` is called once it is closed. `files`: of a writer, which begins no transaction where
  // they are not in their place; null: that is not looked at.
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(
      const std::string& path, Role role, std::function<void()> on_close,
      std::shared_ptr<FilesInPlace> files = nullptr);
  ~SqliteConnection() override;

  absl::StatusOr<Statement*> Prepare(std::string_view sql) override;
  absl::Status Execute(std::string_view sql) override;
  void AllowReserve() override { may_use_reserve_ = true; }
  Reserve reserve() const override { return vfs_ == nullptr ? Reserve() : vfs_->reserve(); }

 private:
  class SqliteStatement;
  struct HashText {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  SqliteConnection(std::string path, std::unique_ptr<GatheredLogVfs> vfs, sqlite3* db,
                   std::function<void()> on_close, std::shared_ptr<FilesInPlace> files);
  absl::Status SetUp(Role role);
  absl::Status CheckIdentity();
  absl::Status Pragmas(std::string_view sql);
  absl::Status BeginWrite();
  bool Checkpoint(int mode);

  const std::string path_;
  const std::unique_ptr<GatheredLogVfs> vfs_;  // of a writer
  sqlite3* const db_;
  const std::function<void()> on_close_;
  const std::shared_ptr<FilesInPlace> files_;
  // Of a writer: frames of a commit that failed, or was cut off before this writer was opened, may
  // lie in the log behind the last one; see BeginWrite.
  bool frames_behind_ = false;
  bool may_use_reserve_ = false;  // the next transaction
  std::unordered_map<std::string, std::unique_ptr<SqliteStatement>, HashText, std::equal_to<>>
      statements_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_SQLITE_CONNECTION_H_
