// The volumes of this machine, and which process has which.
#ifndef GRPC_OS_CORE_VOLUME_VOLUMES_H_
#define GRPC_OS_CORE_VOLUME_VOLUMES_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/change/change_queue.h"
#include "core/change/envelope.h"
#include "core/logger.h"
#include "core/process/process_claims.h"
#include "core/resource/catalogue.h"
#include "core/volume/volume.h"
#include "core/volume/volume_directories.h"
#include "core/volume/volume_sizes.h"

namespace grpc_os::core {

// A volume is of one account for life. Unless it is shared, one process has it at a time; a process
// has those that its spec names, whether it runs or not. Thread-safe; answers come once, on some
// thread.
class Volumes final : public ProcessClaims {
 public:
  struct Parts {
    ResourceStore& store;
    Scheduler& scheduler;
    Logger& logger;
    VolumeDirectories& directories;
    // Runs it on a thread that may block, one after the other.
    std::function<void(std::function<void()>)> blocking;
    std::function<void(std::function<void()>)> quick, slow;  // of VolumeSizes
    // Whether whoever asks has another permission than that of their call, for the thing of this
    // name.
    std::function<absl::Status(const Origin& origin, const char* permission, std::string_view name)>
        may;
  };
  explicit Volumes(Parts parts);

  // Takes what the store holds, mends the directories, and goes on with removals. Blocks; before
  // anything else.
  absl::Status Load(int64_t revision);
  // No removal and no measure goes on any more; the next Load goes on with removals.
  void Stop() {
    stopping_ = true;
    sizes_.Stop();
  }

  absl::StatusOr<Volume> Find(const std::string& name) const { return catalogue_.Find(name); }
  std::vector<Volume> List(const std::string& after, int limit) const {
    return catalogue_.List(after, limit);
  }
  int64_t Revision(int64_t newest) const { return catalogue_.Revision(newest); }
  std::string PathOf(const std::string& name) const { return parts_.directories.PathOf(name); }
  VolumeSizes& sizes() { return sizes_; }
  // The processes that have it, in the order of their names.
  std::vector<std::string> UsersOf(const std::string& name) const;

  using Done = std::function<void(absl::StatusOr<Volume>)>;
  void Create(Volume wanted, Origin origin, Done done);
  // An empty account is the one there is.
  void Update(Volume wanted, const std::string& etag, Origin origin, Done done);
  void Delete(const std::string& name, const std::string& etag, Origin origin,
              std::function<void(absl::Status)> done);

  // Before the change of a process that begins to use these volumes: makes those that are not
  // there, for this account. `origin` of that change; `done` gets it with the permissions that it
  // needs for the volumes.
  void PrepareUse(std::vector<VolumeUse> uses, std::string account, Origin origin,
                  std::function<void(absl::StatusOr<Origin>)> done);

  // ProcessClaims:
  absl::Status Take(const Process& process, const Origin* origin) override;
  void Settle(const Process& process, bool there) override;

 private:
  struct State {
    // Of each volume, the processes by their ids.
    std::map<std::string, std::map<std::string, std::string>> users;
    std::map<std::string, std::set<std::string>> volumes_of;  // the reverse
    std::set<std::string> leaving;                            // is being deleted
    std::set<std::string> narrowing;                          // is about to be of one process alone
  };
  static std::vector<std::string> Others(const State& state, const std::string& volume,
                                         const std::string& process_id);
  absl::Status InUse(const std::string& volume, const std::vector<std::string>& users,
                     const Origin* origin, const char* cure) const;
  absl::Status CheckTake(const State& state, const Process& process, const VolumeUse& use,
                         const Origin* origin) const;
  absl::Status CheckChange(const Volume* before, const Volume* after, const Origin& origin);
  // Of several, one after the other: `at` is the next.
  struct Use;
  void PrepareNext(const std::shared_ptr<Use>& use, size_t at);
  void RemoveRest();

  const Parts parts_;
  ChangeQueue changes_;  // of the catalogue
  ChangeQueue steps_;    // of rows and directories together
  Catalogue<Volume> catalogue_;
  VolumeSizes sizes_;
  mutable Guarded<State> state_;
  std::atomic<bool> stopping_{false};
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_VOLUME_VOLUMES_H_
