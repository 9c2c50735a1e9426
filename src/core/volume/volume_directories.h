// The port to the directories of volumes.
#ifndef GRPC_OS_CORE_VOLUME_VOLUME_DIRECTORIES_H_
#define GRPC_OS_CORE_VOLUME_VOLUME_DIRECTORIES_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace grpc_os::core {

// What a volume takes on the disk, as du(1) has it: allocated blocks, its own directory's too, and
// a file with several names once.
struct VolumeSize {
  int64_t bytes = 0;
  bool partial = false;  // there is more, which was not looked at

  bool operator==(const VolumeSize&) const = default;
};

// A directory comes in two steps around the commit of its row, and goes in two around that of the
// row's deletion, so that Recover finds after a crash which of the two the store knows. All but
// PathOf block, and all but it and Measure are called one at a time. Names are those of volumes: no
// separators, no dot at the beginning. Refused: FAILED_PRECONDITION with the cure; else
// UNAVAILABLE.
class VolumeDirectories {
 public:
  virtual ~VolumeDirectories() = default;

  virtual std::string PathOf(const std::string& name) const = 0;

  // Makes it aside. Refused where something is in its place already.
  virtual absl::Status Prepare(const std::string& name, const std::string& account) = 0;
  // Puts what was prepared into its place, or away.
  virtual absl::Status Publish(const std::string& name) = 0;
  virtual void Discard(const std::string& name) = 0;
  // There is a row: the directory is made if it is missing, and refused if it is none of ours.
  virtual absl::Status Mend(const std::string& name, const std::string& account) = 0;

  // Remembers that it is about to go.
  virtual void BeginRemoval(const std::string& name) = 0;
  // The row is gone: takes the directory out of its place; RemoveSome does the rest. Or the row has
  // stayed: forgets it.
  virtual absl::Status EndRemoval(const std::string& name, bool gone) = 0;
  // Removes a bounded part of what was taken out of its place. Whether there may be more.
  virtual bool RemoveSome() = 0;

  // Follows no link, and counts no directory that it may not read. Ends early, partial, once `stop`
  // says so, which is asked at each entry.
  virtual VolumeSize Measure(const std::string& name, const std::function<bool()>& stop) const = 0;

  // At the start: ends what a crash interrupted. `exists`: whether there is a row of this name.
  virtual void Recover(const std::function<bool(const std::string& name)>& exists) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_VOLUME_VOLUME_DIRECTORIES_H_
