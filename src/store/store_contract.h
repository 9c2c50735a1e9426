// For tests: how an engine joins the contract of the store (store_contract_test.cc and
// its neighbours).
#ifndef GRPC_OS_STORE_STORE_CONTRACT_H_
#define GRPC_OS_STORE_STORE_CONTRACT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "store/database.h"

namespace grpc_os::store {

// The data of one test: empty when made, gone when destroyed.
class TestData {
 public:
  virtual ~TestData() = default;
  // The same data each time. What was opened before is closed.
  virtual absl::StatusOr<std::unique_ptr<Database>> Open() = 0;
};

struct DatabaseFactory {
  std::string engine;  // letters and digits: part of the tests' names
  std::function<std::unique_ptr<TestData>()> make;
};

// Every engine that joined.
inline std::vector<DatabaseFactory>& DatabaseFactories() {
  static auto& factories = *new std::vector<DatabaseFactory>();
  return factories;
}

// `const bool joined = JoinStoreContract({…});` at namespace scope of a test file.
inline bool JoinStoreContract(DatabaseFactory factory) {
  DatabaseFactories().push_back(std::move(factory));
  return true;
}

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_STORE_CONTRACT_H_
