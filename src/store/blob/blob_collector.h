// When the files of contents that nothing has are looked for and removed.
#ifndef GRPC_OS_STORE_BLOB_BLOB_COLLECTOR_H_
#define GRPC_OS_STORE_BLOB_BLOB_COLLECTOR_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "core/logger.h"
#include "core/scheduler.h"
#include "store/blob/blob_files.h"

namespace grpc_os::store {

// What nothing names goes as soon as something has changed, a put was refused, or a reader lets go
// of it, and at least every limits::kPressureCollectEveryMs; strays of a crash are looked for every
// limits::kCollectEveryMs. One collection at a time.
class BlobCollector {
 public:
  using Done = std::function<void(const absl::StatusOr<BlobFiles::Collected>&)>;
  struct Parts {
    std::function<void(int64_t strays_before_ms, Done done)> collect;  // BlobFiles::Collect
    std::function<bool()> any_let_go;                                  // BlobFiles::AnyLetGo
    std::function<int64_t()> changes;    // another number after each change of what is stored
    const core::Clock& retention_clock;  // by which strays are old enough
    core::Logger& logger;
  };
  // Outlives the collections that it begins.
  explicit BlobCollector(Parts parts) : parts_(std::move(parts)) {}

  // About once a second, on one thread; `now_ms` is of a clock that is never set.
  void Tick(int64_t now_ms);

 private:
  void OnCollected(const absl::StatusOr<BlobFiles::Collected>& collected);

  const Parts parts_;
  int64_t next_collection_ms_ = 0;
  int64_t next_stray_look_ms_ = 0;
  int64_t collected_changes_ = -1;
  std::atomic<bool> collecting_{false};
  std::atomic<bool> in_use_{false};  // contents that nothing names: to be looked at again
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_BLOB_COLLECTOR_H_
