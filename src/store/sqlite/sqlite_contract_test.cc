// SQLite joins the contract of the store.
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "store/sqlite/sqlite_database.h"
#include "store/store_contract.h"

namespace grpc_os::store {
namespace {

class SqliteTestData final : public TestData {
 public:
  SqliteTestData() {
    std::string pattern = std::filesystem::temp_directory_path() / "store.XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) abort();
    directory_ = pattern;
  }
  ~SqliteTestData() override { std::filesystem::remove_all(directory_); }
  absl::StatusOr<std::unique_ptr<Database>> Open() override {
    return OpenSqlite(directory_ / "grpc-os.db");
  }

 private:
  std::filesystem::path directory_;
};

[[maybe_unused]] const bool joined =
    JoinStoreContract({"Sqlite", [] { return std::make_unique<SqliteTestData>(); }});

}  // namespace
}  // namespace grpc_os::store
