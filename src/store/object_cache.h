// What was read of late, in memory.
#ifndef GRPC_OS_STORE_OBJECT_CACHE_H_
#define GRPC_OS_STORE_OBJECT_CACHE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "core/object/object_store.h"

namespace grpc_os::store {

// Live objects with their data, but those whose content is a file, by name and by id; those that
// were asked for longest ago go first. What it finds is what the newest commit left: before the
// writer commits a change of an object it puts it in doubt, and until the commit is over, and all
// can see it, the object is neither found nor kept. Right only as long as nobody else writes to the
// database. Thread-safe.
class ObjectCache {
 public:
  // `bytes`: of all objects that it keeps, about.
  explicit ObjectCache(int64_t bytes) : bytes_(bytes) {}

  // Nullopt: it has to be read, which says nothing about whether there is one.
  std::optional<core::Object> Find(const core::ObjectStore::Wanted& wanted);

  // Changes whenever something is put in doubt or no longer is. To be asked for before the snapshot
  // is taken from which Keep is given something.
  uint64_t Epoch() const;
  // A live object, with its data. Not kept if something changed since that epoch.
  void Keep(const core::Object& object, uint64_t epoch);

  // By the writer, within its transaction. An object that is inserted needs none: it was not there,
  // or it was put in doubt when it went, so that no snapshot with it is kept any more.
  void Doubt(const std::string& id);
  void DoubtAll();
  // By the writer, after each group of transactions, whatever became of them.
  void Settle();

 private:
  struct Kept {
    core::Object object;  // without its data
    std::string data;
  };
  struct Entry {
    std::shared_ptr<const Kept> kept;
    int64_t bytes = 0;
  };
  using Entries = std::list<Entry>;

  // With the lock held:
  void Drop(Entries::iterator entry);
  void DoubtAllLocked();

  const int64_t bytes_;
  mutable std::mutex mutex_;
  Entries entries_;                                           // asked for last: first
  std::unordered_map<std::string, Entries::iterator> found_;  // by name and by id
  int64_t used_ = 0;
  uint64_t epoch_ = 0;
  std::unordered_set<std::string> doubted_;  // ids
  bool all_doubted_ = false;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECT_CACHE_H_
