// What lies under run/i.
#ifndef GRPC_OS_INIT_INSTANCE_DIRECTORIES_H_
#define GRPC_OS_INIT_INSTANCE_DIRECTORIES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "init/data_directory.h"
#include "protocol/messages.pb.h"

namespace grpc_os::init {

// One directory per instance, named by its id: `ctl.sock`, `launch`, `spec`, and what the
// supervisor keeps there. All belongs to the control plane's account, is reached with its rights,
// and is believed no more than it.
class InstanceDirectories {
 public:
  explicit InstanceDirectories(const DataDirectory& data) : data_(data) {}

  // The ids of all; other names are passed over.
  std::vector<std::string> List() const;
  std::string Path(const std::string& instance_id) const;

  // Makes the directory with `spec` and, as the last, `launch`: one without a valid `launch` counts
  // as not made.
  absl::Status Create(const internal::Launch& launch, const internal::LaunchSpec& spec) const;
  // Reads and checks the record.
  absl::StatusOr<internal::Launch> Read(const std::string& instance_id) const;
  // Of one that lives and whose directory may be gone: the directory and the record.
  absl::Status Restore(const internal::Launch& launch) const;
  bool HasSocket(const std::string& instance_id) const;
  absl::StatusOr<UniqueFd> Listen(const std::string& instance_id) const;
  // As protocol::ConnectTo.
  absl::StatusOr<UniqueFd> Connect(const std::string& instance_id) const;
  // The supervisor was told to let go of it.
  bool IsReleased(const std::string& instance_id) const;
  // Its supervisor was shut down and its last report is on disk, also after a loss of power: it may
  // be told under another boot.
  bool HasEnded(const std::string& instance_id) const;
  void Remove(const std::string& instance_id) const;

 private:
  bool Has(const std::string& instance_id, const char* name) const;
  absl::StatusOr<UniqueFd> MakeOne(const std::string& instance_id) const;
  absl::StatusOr<UniqueFd> OpenOne(const std::string& instance_id) const;

  const DataDirectory& data_;
};

// INVALID_ARGUMENT if an id or name in it is not of its grammar.
absl::Status CheckLaunch(const internal::Launch& launch);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_INSTANCE_DIRECTORIES_H_
