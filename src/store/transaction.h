// A transaction that never stays open by mistake.
#ifndef GRPC_OS_STORE_TRANSACTION_H_
#define GRPC_OS_STORE_TRANSACTION_H_

#include <string_view>

#include "absl/status/status.h"
#include "store/database.h"

namespace grpc_os::store {

// At most one at a time on a connection, which must outlive it. Rolls back when it goes, unless it
// was committed.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    // Its failure changes nothing: the engine has rolled back by itself then.
    if (open_) connection_.Execute("ROLLBACK").IgnoreError();
  }

  // `begin` is one of the dialect's.
  absl::Status Begin(std::string_view begin) {
    absl::Status status = connection_.Execute(begin);
    open_ = status.ok();
    return status;
  }
  // If it fails, everything is rolled back.
  absl::Status Commit() {
    absl::Status status = connection_.Execute("COMMIT");
    if (status.ok()) open_ = false;
    return status;
  }

 private:
  Connection& connection_;
  bool open_ = false;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_TRANSACTION_H_
