// The narrow seam over a database engine: SQLite here, MariaDB behind the same functions when its
// issue comes.
#ifndef GRPC_OS_STORE_DATABASE_H_
#define GRPC_OS_STORE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/dialect.h"

namespace grpc_os::store {

// A prepared statement, bound and stepped by one thread. Parameters and columns count from 0.
class Statement {
 public:
  virtual ~Statement() = default;
  virtual void Reset() = 0;  // forgets bindings too
  virtual void BindInt(int index, int64_t value) = 0;
  // Not copied: it lives until the statement is reset or stepped to its end.
  virtual void BindText(int index, std::string_view value) = 0;
  virtual void BindBlob(int index, std::string_view value) = 0;
  void BindText(int index, std::string&& value) = delete;  // would be gone too early
  void BindBlob(int index, std::string&& value) = delete;
  virtual void BindNull(int index) = 0;
  // True: a row is there. False: done.
  virtual absl::StatusOr<bool> Step() = 0;
  virtual int64_t Int(int column) const = 0;
  virtual std::string Text(int column) const = 0;
  virtual bool IsNull(int column) const = 0;
};

// What a writer keeps of its disk, for transactions that are allowed to use it.
struct Reserve {
  int64_t wanted_bytes = 0;  // 0: this engine keeps none
  int64_t kept_bytes = 0;
  bool supported = true;  // false: the file system cannot keep room; then there is none
};

// One connection, used by one thread at a time. ALREADY_EXISTS: a unique constraint;
// RESOURCE_EXHAUSTED: storage is full, in the words of DescribeDiskFull; UNAVAILABLE: busy,
// read-only, out of memory or I/O error; DATA_LOSS: the file is damaged; FAILED_PRECONDITION: it is
// of a newer schema.
class Connection {
 public:
  virtual ~Connection() = default;
  // Kept for the life of the connection: the same text gives the same, reset statement.
  virtual absl::StatusOr<Statement*> Prepare(std::string_view sql) = 0;
  virtual absl::Status Execute(std::string_view sql) = 0;  // no parameters, no rows

  // The next transaction that begins, and no other, may use what is kept for a full disk.
  virtual void AllowReserve() {}
  virtual Reserve reserve() const { return {}; }
};

struct DatabaseSize {
  int64_t database_bytes = 0;
  // What is committed and not in the database yet, and the room that is kept behind it for a full
  // disk: what the file takes of the disk.
  int64_t log_bytes = 0;
};

class Database {
 public:
  virtual ~Database() = default;
  virtual DatabaseSize SizeOnDisk() const { return {}; }
  // UNAVAILABLE: what the connections have open is not what a start would find any more, so that
  // nothing is committed. Thread-safe.
  virtual absl::Status CheckFiles() const { return absl::OkStatus(); }
  virtual const Dialect& dialect() const = 0;
  virtual absl::StatusOr<std::unique_ptr<Connection>> OpenWriter() = 0;  // one at a time
  virtual absl::StatusOr<std::unique_ptr<Connection>> OpenReader() = 0;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_DATABASE_H_
