#include "runtime/launch_spec.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/command.h"
#include "core/process/bundle_place.h"
#include "core/tagged.h"
#include "core/volume/volume.h"
#include "runtime/layout.h"

namespace grpc_os::runtime {
namespace {

internal::LaunchSpec::Restart RestartFrom(core::RestartPolicy policy) {
  switch (policy) {
    case core::RestartPolicy::kOnFailure:
      return internal::LaunchSpec::ON_FAILURE;
    case core::RestartPolicy::kNever:
      return internal::LaunchSpec::NEVER;
    case core::RestartPolicy::kAlways:
      break;
  }
  return internal::LaunchSpec::ALWAYS;
}

std::string StateDirectory(const core::Process& process, const std::string& data_directory) {
  return absl::StrCat(ProcessesDirectory(data_directory), "/", process.name);
}

// The environment of a process is built from its spec and never inherited: protos,
// ProcessSpec.environment.
std::map<std::string, std::string> EnvironmentOf(const core::Process& process,
                                                 const std::string& data_directory,
                                                 const std::optional<AccountVariables>& account) {
  std::map<std::string, std::string> variables = process.spec.environment;
  // insert leaves alone what the spec has set.
  variables.insert({"LANG", "C.UTF-8"});
  if (const int port = core::PortOf(process.spec); port > 0) {
    if (process.spec.auto_port) variables.erase("PORT");
    variables.insert({"PORT", absl::StrCat(port)});
  }
  if (account) {
    variables.insert({"HOME", account->home});
    variables.insert({"USER", account->name});
    variables.insert({"LOGNAME", account->name});
    variables.insert({"SHELL", account->shell});
  }
  variables.insert({"GRPC_OS_ADDRESS", absl::StrCat("unix:", ApiSocket(data_directory))});
  // What gRPC OS itself says cannot be set by the spec. PATH is the system's: supervise adds it.
  variables["GRPC_OS_PROCESS"] = process.name;
  variables["GRPC_OS_PROCESS_ID"] = process.id;
  if (!process.spec.bundle.empty())
    variables["GRPC_OS_STATE_DIR"] = StateDirectory(process, data_directory);
  for (const core::VolumeUse& use : process.spec.volumes) {
    variables[core::VolumeVariable(use.name)] =
        absl::StrCat(data_directory, "/", core::kVolumesDirectory, "/", use.name);
  }
  variables.erase("NOTIFY_SOCKET");  // supervise adds it
  return variables;
}

void SetDirectories(const core::Process& process, const std::string& data_directory,
                    internal::LaunchSpec& spec) {
  const std::string& wanted = process.spec.working_directory;
  const std::string place = core::BundlePlace(process);
  const std::string state = StateDirectory(process, data_directory);
  if (place.empty()) {
    spec.set_make_working_directory(wanted.empty());
    spec.set_working_directory(wanted.empty() ? state : wanted);
    return;
  }
  spec.set_state_directory(state);
  if (!wanted.empty() && !core::IsInBundle(wanted)) return spec.set_working_directory(wanted);
  std::string directory = absl::StrCat(data_directory, "/", core::kBundlesDirectory, "/", place);
  if (const std::string_view below = core::PathInBundle(wanted); !below.empty())
    absl::StrAppend(&directory, "/", absl::string_view(below.data(), below.size()));
  spec.set_working_directory(directory);
}

}  // namespace

std::optional<AccountVariables> OwnAccount() {
  std::vector<char> buffer(4096);
  passwd entry{};
  passwd* found = nullptr;
  int error = 0;
  while ((error = getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found)) == ERANGE &&
         buffer.size() < (1 << 20)) {
    buffer.resize(buffer.size() * 2);
  }
  if (error != 0 || found == nullptr) return std::nullopt;
  // passwd(5): an empty shell means /bin/sh.
  const std::string shell = *entry.pw_shell == '\0' ? "/bin/sh" : entry.pw_shell;
  return AccountVariables{entry.pw_name, entry.pw_dir, shell};
}

absl::StatusOr<internal::LaunchSpec> MakeLaunchSpec(
    const core::Process& process, const std::string& data_directory,
    const std::optional<AccountVariables>& account) {
  absl::StatusOr<std::vector<std::string>> words = SplitCommand(process.spec.command);
  if (!words.ok()) return words.status();
  internal::LaunchSpec spec;
  spec.set_process_id(process.id);
  spec.set_process_name(process.name);
  spec.set_generation(process.generation);
  for (std::string& word : *words) spec.add_argv(std::move(word));
  for (const auto& [name, value] : EnvironmentOf(process, data_directory, account)) {
    spec.add_environment(absl::StrCat(name, "=", value));
  }
  SetDirectories(process, data_directory, spec);
  spec.set_restart(RestartFrom(process.spec.restart));
  spec.set_stop_signal(process.spec.stop_signal);
  spec.set_stop_timeout_ms(process.spec.stop_timeout_ms);
  spec.set_log_max_bytes(process.spec.log_max_bytes);
  spec.set_ran_before(!process.provisional);
  core::ProcessSpec rest = process.spec;
  rest.environment.clear();
  rest.secrets.clear();
  rest.port = core::PortOf(process.spec);  // its environment may say it
  // What supervise need not know, and one of before does not; but `deployed` and `low_ports`, by
  // which it refuses.
  rest.volumes.clear();
  rest.depends_on.clear();
  rest.release.clear();
  rest.labels.clear();
  rest.version.clear();
  rest.domains.clear();
  rest.bundle.clear();
  rest.system = false;
  spec.set_spec(core::EncodeTagged(rest));
  return spec;
}

}  // namespace grpc_os::runtime
