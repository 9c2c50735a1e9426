#include "init/options.h"

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace grpc_os::init {

const char kUsage[] =
    "Usage: grpc-os-init [--data-dir DIR] [OPTION]...\n"
    "Runs gRPC OS on a data directory, in the foreground. SIGTERM ends the control plane and "
    "leaves\n"
    "the processes (as PID 1: stops everything).\n"
    "\n"
    "  --data-dir DIR       where everything lies (./data)\n"
    "  --grpc-port N        TCP port of the API on 127.0.0.1; 0: any, see DIR/run/grpc.port\n"
    "  --http-port N        TCP port of /metrics on 127.0.0.1; 0: any, see DIR/run/http.port\n"
    "  --user NAME          run the control plane as this account (needs root)\n"
    "  --accounts FILE      the accounts that processes may run as (/etc/grpc-os/accounts)\n"
    "  --system-accounts FILE  the accounts of its own processes (/etc/grpc-os/system-accounts)\n"
    "  --domains-file FILE  domains beside those of users (/etc/grpc-os/domains.conf)\n"
    "  --config-dir DIR     settings in files *.yml, for grpc-osd (/etc/grpc-os)\n"
    "  --env-file FILE      settings that go before those, as NAME=value\n"
    "  --health-interval N  asks grpc-osd each N seconds whether it serves, and restarts it after\n"
    "                       three without an answer (10); 0: never\n"
    "  --osd PATH           the daemon (grpc-osd beside this program)\n"
    "  --supervise PATH     the supervisor (grpc-os-supervise beside this program)\n"
    "  --boot-id-file FILE  what tells one boot of the machine from the next\n"
    "  --machine-id-file FILE  what tells this machine from another (/etc/machine-id)\n"
    "  --stop               end the control plane that runs on DIR, leave the processes\n"
    "  --stop-all           end it and stop all processes\n"
    "  --version, --help\n";

namespace {

absl::StatusOr<int> ParseNumber(const char* name, const std::string& text, int most) {
  int number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= 0 && number <= most) return number;
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is a number from 0 to ", most, ", not '", text, "'"));
}

// Empty, or a number that is then written plainly.
absl::Status CheckPort(const char* name, std::string& text) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<int> port = ParseNumber(name, text, 65535);
  if (port.ok()) text = absl::StrCat(*port);
  return port.status();
}

}  // namespace

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  std::string health_interval;
  const std::map<std::string, std::string*> with_value = {
      {"--data-dir", &options.data_directory},
      {"--grpc-port", &options.grpc_port},
      {"--http-port", &options.http_port},
      {"--user", &options.user},
      {"--accounts", &options.accounts_file},
      {"--system-accounts", &options.system_accounts_file},
      {"--domains-file", &options.domains_file},
      {"--config-dir", &options.config_dir},
      {"--env-file", &options.env_file},
      {"--health-interval", &health_interval},
      {"--boot-id-file", &options.boot_id_file},
      {"--machine-id-file", &options.machine_id_file},
      {"--osd", &options.osd},
      {"--supervise", &options.supervise},
  };
  const std::map<std::string, Options::Action> actions = {
      {"--stop", Options::Action::kStop},
      {"--stop-all", Options::Action::kStopAll},
      {"--version", Options::Action::kVersion},
      {"--help", Options::Action::kHelp},
  };
  for (size_t i = 0; i < arguments.size(); ++i) {
    const size_t equals = arguments[i].find('=');
    const std::string name = arguments[i].substr(0, equals);
    if (const auto action = actions.find(arguments[i]); action != actions.end()) {
      // --help and --version win, and --stop-all includes --stop.
      options.action = std::max(options.action, action->second);
      continue;
    }
    const auto found = with_value.find(name);
    if (found == with_value.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown argument '", arguments[i], "'; see grpc-os-init --help"));
    }
    if (equals != std::string::npos) {
      *found->second = arguments[i].substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      *found->second = arguments[++i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat(name, " needs a value"));
    }
    if (found->second->empty()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " needs a value that is not empty"));
    }
  }
  for (const char* name : {"--grpc-port", "--http-port"}) {
    if (absl::Status status = CheckPort(name, *with_value.at(name)); !status.ok()) return status;
  }
  if (!health_interval.empty()) {
    const absl::StatusOr<int> seconds = ParseNumber("--health-interval", health_interval, 3600);
    if (!seconds.ok()) return seconds.status();
    options.health_interval_s = *seconds;
  }
  return options;
}

}  // namespace grpc_os::init
