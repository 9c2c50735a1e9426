// For tests: each kind of core::ObjectStore.
#ifndef GRPC_OS_STORE_OBJECT_HOMES_HARNESS_H_
#define GRPC_OS_STORE_OBJECT_HOMES_HARNESS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/objects_under_test.h"
#include "store/store_contract.h"
#include "testing/memory_object_store.h"

namespace grpc_os::store {

// One store, empty at first.
class Home {
 public:
  virtual ~Home() = default;
  virtual core::ObjectStore& Objects() = 0;
};
class MemoryHome final : public Home {
 public:
  core::ObjectStore& Objects() override { return store_; }

 private:
  grpc_os::testing::MemoryObjectStore store_;
};
class EngineHome final : public Home {
 public:
  explicit EngineHome(const DatabaseFactory& factory) : under_test_(factory) {}
  core::ObjectStore& Objects() override { return under_test_.Objects(); }

 private:
  ObjectsUnderTest under_test_;
};

struct HomeFactory {
  std::string name;
  std::function<std::unique_ptr<Home>()> make;
};
inline std::vector<HomeFactory> HomeFactories() {
  std::vector<HomeFactory> factories = {{"Memory", [] { return std::make_unique<MemoryHome>(); }}};
  for (const DatabaseFactory& factory : DatabaseFactories()) {
    factories.push_back(
        {factory.engine, [&factory] { return std::make_unique<EngineHome>(factory); }});
  }
  return factories;
}

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECT_HOMES_HARNESS_H_
