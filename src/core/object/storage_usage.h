// Where the room of the data directory went.
#ifndef GRPC_OS_CORE_OBJECT_STORAGE_USAGE_H_
#define GRPC_OS_CORE_OBJECT_STORAGE_USAGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/object/blob_index.h"
#include "core/object/object_store.h"
#include "core/object/uploads.h"

namespace grpc_os::core {

struct StorageUsage {
  ObjectUsage objects = {};     // live, and versions that are kept
  int64_t unused_bytes = 0;     // of contents that nothing has and that wait for their removal
  Uploads::Usage uploads = {};  // that are open
  int64_t database_bytes = 0;   // its file, with the contents up to limits::kObjectInlineBytes
  int64_t database_log_bytes = 0;
};

// Thread-safe; its parts outlive what it answers.
class StorageMeter {
 public:
  struct Parts {
    ObjectStore& store;
    BlobIndex& index;
    const Uploads& uploads;
    std::function<int64_t()> uptime_ms;  // of a clock that is never set
    std::function<int64_t()> changes;    // another number whenever objects have changed
    // The database, and unused files that the index does not know.
    std::function<void(StorageUsage&)> add_files;
  };
  explicit StorageMeter(Parts parts) : parts_(std::move(parts)) {}

  // Objects are counted anew if they have changed, some thousands at a time so that other reads get
  // between, and not before ten times as long as that took has passed: it takes a tenth of the
  // reader's time at most. One count is under way at a time: who asks meanwhile gets what was
  // counted last or, if nothing was, what that count finds.
  using Done = std::function<void(absl::StatusOr<StorageUsage>)>;
  void Measure(Done done);

 private:
  struct Counted {
    ObjectUsage objects = {};
    int64_t changes = -1;
    int64_t begun_ms = 0;
    int64_t next_ms = 0;
  };
  struct State {
    Counted last = {};
    bool counting = false;
    std::vector<Done> waiting;  // for the count under way
  };
  void Count(const std::shared_ptr<Counted>& counted, const std::string& after);
  void EndCount(const absl::StatusOr<Counted>& counted);
  void AddRest(const ObjectUsage& objects, Done done);

  const Parts parts_;
  Guarded<State> state_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_STORAGE_USAGE_H_
