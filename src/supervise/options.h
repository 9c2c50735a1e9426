// The command line of grpc-os-supervise: docs/ARCHITECTURE.md, "Supervise".
#ifndef GRPC_OS_SUPERVISE_OPTIONS_H_
#define GRPC_OS_SUPERVISE_OPTIONS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc_os::supervise {

// The account that the payload runs as, if not the supervisor's own.
struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary ones, of which gid may be one
  std::string name;
  std::string home;
  std::string shell;
  bool low_ports = false;  // with CAP_NET_BIND_SERVICE
};

struct Options {
  std::string instance_id;
  std::string process_id;
  std::string process_name;
  std::string directory;      // DATA_DIR/run/i/<instance>
  std::string log_directory;  // DATA_DIR/logs/<process id>
  std::string cgroup;         // the tree that the leaf is made in; empty: mode none
  std::optional<Account> account;
  bool task = false;  // Launch.task in messages.proto

  std::string LeafPath() const { return cgroup.empty() ? "" : cgroup + "/i-" + instance_id; }
};

// INVALID_ARGUMENT names the option that is missing, unknown or malformed.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments);

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_OPTIONS_H_
