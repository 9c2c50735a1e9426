// The command line of grpc-os-init.
#ifndef GRPC_OS_INIT_OPTIONS_H_
#define GRPC_OS_INIT_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc_os::init {

struct Options {
  enum class Action { kRun, kStop, kStopAll, kVersion, kHelp };
  Action action = Action::kRun;
  std::string data_directory = "./data";
  std::string grpc_port;  // "0" to "65535", or empty: for grpc-osd to choose
  std::string http_port;  // the same
  std::string user;       // empty: everything runs as the caller
  std::string accounts_file = "/etc/grpc-os/accounts";
  std::string system_accounts_file = "/etc/grpc-os/system-accounts";
  std::string domains_file;  // empty: grpc-osd's default
  std::string config_dir;    // the same
  std::string env_file;      // empty: none
  std::string boot_id_file = "/proc/sys/kernel/random/boot_id";
  std::string machine_id_file = "/etc/machine-id";
  int health_interval_s = 10;  // 0 to 3600; 0: grpc-osd is not watched
  std::string osd;             // empty: grpc-osd beside this program
  std::string supervise;       // empty: grpc-os-supervise beside this program
};

// `arguments` without the program's name. Both `--name value` and `--name=value`. INVALID_ARGUMENT:
// a usage error, as a sentence.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments);

extern const char kUsage[];

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_OPTIONS_H_
