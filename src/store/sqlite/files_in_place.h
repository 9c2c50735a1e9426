// Whether the files of a database are still those that its connections have open.
#ifndef GRPC_OS_STORE_SQLITE_FILES_IN_PLACE_H_
#define GRPC_OS_STORE_SQLITE_FILES_IN_PLACE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/guarded.h"
#include "base/unique_fd.h"

namespace grpc_os::store {

// SQLite goes on with a file that was deleted, replaced or written over, and what is committed then
// is gone with the next start. Between the transactions of the one writer nobody writes to the
// database or to its log: each begins by comparing inode, size and time of the last change of both
// with what the last one left (four stats a transaction, some 3 µs). What was moved away is all
// right once it is back. Thread-safe.
class FilesInPlace {
 public:
  explicit FilesInPlace(const std::string& path);

  // UNAVAILABLE, naming the cure: they are not, and no transaction is to begin.
  absl::Status BeginWriting();
  // After the transaction, and once the database is open. Idempotent.
  void EndWriting();
  // As BeginWriting; OK while somebody writes.
  absl::Status Look() const;

 private:
  struct File {
    dev_t device = 0;
    ino_t inode = 0;  // not another file's as long as it is open; 0: none yet
    int64_t size = 0;
    int64_t change_ns = 0;
    bool IsSameFile(const File& other) const {
      return device == other.device && inode == other.inode;
    }
  };
  struct State {
    bool writing = false;
    File database;
    File log;
  };
  File Find(const std::string& name) const;
  void Note(const std::string& name, File& file) const;
  absl::Status Compare(const State& state) const;
  absl::Status CompareOne(const std::string& name, const File& was) const;

  const std::string name_;
  UniqueFd directory_;  // a directory that is moved takes them along
  mutable Guarded<State> state_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_FILES_IN_PLACE_H_
