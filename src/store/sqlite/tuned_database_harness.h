// For tests: a database whose writer is set up otherwise.
#ifndef GRPC_OS_STORE_SQLITE_TUNED_DATABASE_HARNESS_H_
#define GRPC_OS_STORE_SQLITE_TUNED_DATABASE_HARNESS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/database.h"

namespace grpc_os::store {

// A database whose writer was told more.
class TunedDatabase final : public Database {
 public:
  TunedDatabase(std::unique_ptr<Database> inner, std::vector<std::string> pragmas)
      : inner_(std::move(inner)), pragmas_(std::move(pragmas)) {}
  const Dialect& dialect() const override { return inner_->dialect(); }
  absl::StatusOr<std::unique_ptr<Connection>> OpenReader() override { return inner_->OpenReader(); }
  absl::StatusOr<std::unique_ptr<Connection>> OpenWriter() override {
    auto writer = inner_->OpenWriter();
    for (const std::string& pragma : pragmas_) {
      if (!writer.ok()) break;
      auto statement = (*writer)->Prepare(pragma);
      if (!statement.ok()) return statement.status();
      if (auto row = (*statement)->Step(); !row.ok()) return row.status();
      (*statement)->Reset();
    }
    return writer;
  }

 private:
  const std::unique_ptr<Database> inner_;
  const std::vector<std::string> pragmas_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_TUNED_DATABASE_HARNESS_H_
