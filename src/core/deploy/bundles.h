// The port to the directories that processes with a bundle run in.
#ifndef GRPC_OS_CORE_DEPLOY_BUNDLES_H_
#define GRPC_OS_CORE_DEPLOY_BUNDLES_H_

#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "core/process/process.h"

namespace grpc_os::core {

class Bundles {
 public:
  virtual ~Bundles() = default;

  // Makes BundlePlace(process) (core/process/bundle_place.h): of the object /bundles/<digest>, for
  // the process's account. One that is there is looked through for damage. `done` comes on the
  // core's thread.
  // NOT_FOUND (OBJECT_NOT_FOUND), INVALID_ARGUMENT (BUNDLE_REFUSED), DATA_LOSS (BUNDLE_DAMAGED),
  // FAILED_PRECONDITION (ACCOUNT_REFUSED), UNAVAILABLE: the disk is full or fails.
  virtual void Prepare(const Process& process, std::function<void(absl::Status)> done) = 0;
  // The same of a process that has been deployed before, if its place is not there (any more).
  virtual void Restore(const Process& process) = 0;
  // No process has this place any more. Later, in its own time.
  virtual void RemovePlace(const std::string& place) = 0;
  // Nor does any revision have this bundle: its object goes too, unless it was written after
  // `used_ms`, when it was last wanted: then it is there for a deploy to come.
  virtual void RemoveBundle(const std::string& digest, int64_t used_ms) = 0;
  // Of all that is there, these alone stay; and of the objects these and those of a day.
  virtual void KeepOnly(std::set<std::string> places, std::set<std::string> digests) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DEPLOY_BUNDLES_H_
