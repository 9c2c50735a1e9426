// How much the volumes take on the disk.
#ifndef GRPC_OS_CORE_VOLUME_VOLUME_SIZES_H_
#define GRPC_OS_CORE_VOLUME_VOLUME_SIZES_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/scheduler.h"
#include "core/volume/volume.h"
#include "core/volume/volume_directories.h"

namespace grpc_os::core {

// A volume is measured when somebody asks for it and its last measure is old. Measuring walks its
// directory: what takes long goes on apart, so that it delays neither the others nor who asks.
// Thread-safe.
class VolumeSizes {
 public:
  struct Parts {
    const VolumeDirectories& directories;
    Scheduler& scheduler;
    std::function<absl::StatusOr<Volume>(const std::string& name)> find;
    // Run it on a thread that may block, one after the other; each on one of its own.
    std::function<void(std::function<void()>)> quick, slow;
  };
  explicit VolumeSizes(Parts parts) : parts_(std::move(parts)) {}
  // What is under way ends; nothing is kept of it.
  void Stop() { stopping_ = true; }

  struct Measured {
    VolumeSize size;
    int64_t time_ms = 0;  // when it began
    int64_t took_ms = 0;
  };
  // The last measure; none: there was none since the start.
  std::optional<Measured> Last(const std::string& name) const;
  // Measures those that were not measured of late. `done` comes once, on some thread: when this is
  // so for all but those that take long, or after kWaitMs.
  void Refresh(const std::vector<std::string>& names, std::function<void()> done);
  // Blocks.
  void MeasureNow(const std::string& name);
  // The volume is gone.
  void Forget(const std::string& name);

  static constexpr int64_t kQuickMs = 100;        // what lasts longer takes long
  static constexpr int64_t kWaitMs = 500;         // who asks waits no longer
  static constexpr int64_t kFreshMs = 1000;       // a measure is not repeated for so long,
  static constexpr int64_t kFreshTimes = 10;      // nor for so many times what it took
  static constexpr int64_t kLongestMs = 600'000;  // then a measure ends, partial

 private:
  struct Wait;
  struct Entry {
    std::optional<Measured> last;
    bool slow = false;  // takes long
    bool under_way = false;
    std::vector<std::shared_ptr<Wait>> waits;
  };
  using Entries = std::map<std::string, Entry>;

  static bool IsFresh(const Measured& last, int64_t now_ms);
  void Run(const std::string& name, int64_t most_ms);
  static void EndWaits(std::vector<std::shared_ptr<Wait>> waits);

  const Parts parts_;
  mutable Guarded<Entries> entries_;
  std::atomic<bool> stopping_{false};
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_VOLUME_VOLUME_SIZES_H_
