// The directories that processes with a bundle run in, on the disk of the data directory.
#ifndef GRPC_OS_HOST_BUNDLE_PLACES_H_
#define GRPC_OS_HOST_BUNDLE_PLACES_H_

#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "core/deploy/bundles.h"
#include "core/logger.h"
#include "core/process/process.h"
#include "core/scheduler.h"

namespace grpc_os::host {

// `path`/<core::BundlePlace>: bundles and views of them (bundle/unpack.h, bundle/view.h).
class BundlePlaces final : public core::Bundles {
 public:
  struct Parts {
    std::string path;
    bool shielded = false;      // processes run as other accounts than ours,
    std::string accounts_file;  // of which the first is the default
    core::Scheduler& scheduler;
    core::Logger& logger;
    // Runs it on a thread that may block, one after the other.
    std::function<void(std::function<void()>)> blocking;
    // Writes the content of the object /bundles/<digest> to the file. `done` comes on some thread.
    std::function<void(const std::string& digest, int file, std::function<void(absl::Status)> done)>
        fetch;
    // Removes that object, unless it was written after `used_ms`.
    std::function<void(const std::string& digest, int64_t used_ms)> forget;
    // Removes those objects that are older than a day, but for these.
    std::function<void(std::set<std::string> digests)> forget_others;
    std::string volumes;  // the directory of volumes, from `path`: "../volumes"
  };
  explicit BundlePlaces(Parts parts) : parts_(std::move(parts)) {}

  // Makes `path`, and removes what was left half done. First of all; blocks.
  absl::Status Open() const;

  // core::Bundles:
  void Prepare(const core::Process& process, std::function<void(absl::Status)> done) override;
  void Restore(const core::Process& process) override;
  void RemovePlace(const std::string& place) override;
  void RemoveBundle(const std::string& digest, int64_t used_ms) override;
  void KeepOnly(std::set<std::string> places, std::set<std::string> digests) override;

 private:
  // These block.
  absl::Status Finish(const core::Process& process) const;
  absl::Status Grant(const core::Process& process) const;
  void RemoveNow(const std::string& place) const;

  const Parts parts_;
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_BUNDLE_PLACES_H_
