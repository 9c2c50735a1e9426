// The directory that a system lives in.
#ifndef GRPC_OS_INIT_DATA_DIRECTORY_H_
#define GRPC_OS_INIT_DATA_DIRECTORY_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "init/accounts.h"
#include "protocol/system_identity.h"

namespace grpc_os::init {

// DATA_DIR, made and checked, with the directories that init needs, each held open: whatever is
// renamed below, init goes on in the ones that it checked. Errors are sentences that name the cure.
class DataDirectory {
 public:
  // `control` is the account of the control plane (nullopt: ours), which gets all but processes/.
  static absl::StatusOr<DataDirectory> Open(const std::string& path,
                                            std::optional<Account> control);

  // One that was in use, as it is and without a change. NOT_FOUND: there is none at `path`.
  static absl::StatusOr<DataDirectory> OpenExisting(const std::string& path);

  const std::string& path() const { return path_; }  // absolute, without symbolic links
  const std::optional<Account>& control() const { return control_; }
  // Differs from that of any other directory of this machine, the same as long as it exists.
  std::string Key() const;

  // Takes the directory itself and run/init.lock for life: whoever removes run/ lets no second init
  // in. FAILED_PRECONDITION: another init has them.
  absl::Status Lock();
  void Unlock();
  // Whether an init has the directory at `path`.
  static bool IsLocked(const std::string& path);
  // Makes run/, run/i and run/init.lock again where they are not those that we hold, and goes on in
  // the new ones. The answer: what was made again; empty: nothing was missing.
  absl::StatusOr<std::string> KeepRun();
  // Whether a living grpc-osd holds run/osd.lock.
  bool OsdLives() const;
  // Reads the boot that run/ belongs to; "" if it is new.
  std::string RecordedBoot() const;
  // RESOURCE_EXHAUSTED: there is no room for it; run/ is of a new boot for the next init, too.
  absl::Status RecordBoot(const std::string& boot_id) const;
  // Finds out whether this is a copy (copied.h), as long as nothing says so yet; `identity` is what
  // is to be recorded of it, which differs from `recorded` if something changed.
  struct Home {
    std::optional<protocol::SystemIdentity> recorded;
    protocol::SystemIdentity identity;
    bool copied = false;
  };
  absl::StatusOr<Home> LookAtHome(const std::string& machine_id_file) const;
  absl::Status RecordIdentity(const protocol::SystemIdentity& identity) const;
  // The port in run/grpc.port, or "?".
  std::string GrpcPort() const;

  // `name` in logs/system, for appending; a file of more than 10 MiB is first set aside as
  // `name`.1.
  absl::StatusOr<UniqueFd> OpenSystemLog(const std::string& name) const;
  // For a file that programs hold open: sets it aside, too, and empties one that was set aside and
  // has still grown by as much.
  void BoundSystemLog(const std::string& name) const;
  // processes/<name>, belonging to `account`.
  absl::Status MakeProcessDirectory(const std::string& name, const Account& account) const;
  // Removes processes/<name> if it is empty; what users left there stays. OK if it is not there.
  absl::Status RemoveProcessDirectory(const std::string& name) const;

  int run() const { return run_.get(); }
  int instances() const { return instances_.get(); }  // run/i
  // run/ for those who want a path, of constant length.
  std::string RunPath() const;

 private:
  DataDirectory() = default;
  absl::Status SetPath(const std::string& path);
  absl::Status Make();
  absl::Status Claim();
  absl::Status MakeInside();
  absl::StatusOr<UniqueFd> TakeLockFile() const;
  absl::StatusOr<UniqueFd> Subdirectory(int above, const std::string& name, mode_t mode) const;
  std::string ReadSmall(const char* name) const;

  std::string path_;
  std::optional<Account> control_;
  UniqueFd directory_;
  UniqueFd run_;
  UniqueFd instances_;
  UniqueFd system_logs_;
  UniqueFd processes_;
  UniqueFd lock_;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_DATA_DIRECTORY_H_
