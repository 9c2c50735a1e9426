// The directories of volumes, on the disk of the data directory.
#ifndef GRPC_OS_HOST_VOLUME_DIRECTORIES_H_
#define GRPC_OS_HOST_VOLUME_DIRECTORIES_H_

#include <sys/types.h>

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "core/logger.h"
#include "core/volume/volume_directories.h"

namespace grpc_os::host {

// `path`/NAME is a volume. Beside them lie, with names that none can have: `.new-NAME`, prepared;
// `.removing-NAME`, a mark; `.removed`, where directories go that are being removed.
class VolumeDirectories final : public core::VolumeDirectories {
 public:
  struct Options {
    std::string path;
    bool shielded = false;  // processes run as other accounts than ours
    // A step of removal: what it takes away at most.
    int step = 1000;
  };
  VolumeDirectories(Options options, core::Logger& logger)
      : options_(std::move(options)), logger_(logger) {}

  // Makes and opens `path`. First of all.
  absl::Status Open();

  std::string PathOf(const std::string& name) const override { return options_.path + "/" + name; }
  absl::Status Prepare(const std::string& name, const std::string& account) override;
  absl::Status Publish(const std::string& name) override;
  void Discard(const std::string& name) override;
  absl::Status Mend(const std::string& name, const std::string& account) override;
  void BeginRemoval(const std::string& name) override;
  absl::Status EndRemoval(const std::string& name, bool gone) override;
  bool RemoveSome() override;
  core::VolumeSize Measure(const std::string& name,
                           const std::function<bool()>& stop) const override;
  void Recover(const std::function<bool(const std::string& name)>& exists) override;

 private:
  // Whose processes may use it: uid, or why none may.
  absl::StatusOr<uid_t> UidOf(const std::string& account) const;
  absl::Status Refused(const std::string& name, const std::string& why) const;
  absl::Status Failed(const std::string& name, const std::string& what, int error) const;
  absl::Status TakeAway(const std::string& name);
  // How much it took away; -1: that stays.
  int RemoveFrom(const std::string& name, int most);
  int Stuck(const std::string& name, const std::string& what, int error);

  const Options options_;
  core::Logger& logger_;
  UniqueFd root_;
  UniqueFd removed_;
  std::set<std::string> stuck_;  // of what is in `.removed`: told, and not tried again
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_VOLUME_DIRECTORIES_H_
