// What a process is: the record that the store keeps.
#ifndef GRPC_OS_CORE_PROCESS_PROCESS_H_
#define GRPC_OS_CORE_PROCESS_PROCESS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/process/probes.h"

namespace grpc_os::core {

enum class RestartPolicy { kAlways, kOnFailure, kNever };
enum class DesiredState { kRunning, kStopped, kCompleted };

// As in grpc_os.v1.Process.State, which documents each.
enum class ProcessState {
  kPending,
  kStarting,
  kRunning,
  kStopping,
  kBackoff,
  kCrashLooping,
  kStopped,
  kExited,
  kFailed,
  kUnkillable,
  kHeld,
};

enum class ExitReason {
  kExited,
  kSignaled,
  kExecFailed,
  kSupervisorLost,
  kHostRestarted,
  kNotLive,  // its liveness probe failed, so it was ended
};

// "running", "crash_looping", …: the words that people and the store see.
const char* ToString(ProcessState state);
const char* ToString(DesiredState state);
const char* ToString(RestartPolicy policy);
const char* ToString(ExitReason reason);
// The reverse; nullopt for other words.
std::optional<ProcessState> ProcessStateFrom(const std::string& word);
std::optional<DesiredState> DesiredStateFrom(const std::string& word);
std::optional<RestartPolicy> RestartPolicyFrom(const std::string& word);
std::optional<ExitReason> ExitReasonFrom(const std::string& word);

// A volume (core/volume) that a process has.
struct VolumeUse {
  std::string name;
  std::string path;     // where the process is to see it; empty: nowhere beside its own place
  bool shared = false;  // of a volume that is made with the process

  bool operator==(const VolumeUse&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, VolumeUse& use) {
  fields.Text(1, use.name);
  fields.Text(2, use.path);
  fields.Int(3, use.shared);
}
enum class DependencyCondition { kStarted, kReady, kCompleted };
const char* ToString(DependencyCondition condition);  // "started", "ready", "completed"
std::optional<DependencyCondition> DependencyConditionFrom(const std::string& word);

// Another process, and how far it must have come before one that depends on it is begun.
struct Dependency {
  std::string process;  // its name
  DependencyCondition condition = DependencyCondition::kReady;

  bool operator==(const Dependency&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, Dependency& dependency) {
  fields.Text(1, dependency.process);
  fields.Word(2, dependency.condition, DependencyCondition::kReady, DependencyConditionFrom);
}

// "GRPC_OS_VOLUME_MY_DATA" of "my-data": the variable that names its directory to the process.
std::string VolumeVariable(const std::string& volume);

// Who gets the stop signal, as in grpc_os.v1.ProcessSpec.StopScope.
enum class StopScope { kMain, kGroup, kAll };
const char* ToString(StopScope scope);  // "main", "group", "all"
std::optional<StopScope> StopScopeFrom(const std::string& word);

// What the user wants run. Validated: see validate.h.
struct ProcessSpec {
  std::string command;
  std::map<std::string, std::string> environment;
  std::string working_directory;  // absolute, or empty: DATA_DIR/processes/<name>
  std::string account;            // empty: the default account
  RestartPolicy restart = RestartPolicy::kAlways;
  int64_t stop_timeout_ms = 10'000;
  int stop_signal = 15;
  int64_t log_max_bytes = 50 << 20;
  // Names of variables of `environment` whose values are never shown (secret_environment.h).
  std::set<std::string> secrets;
  // What it listens on; 0: PortOf says. With auto_port, what was chosen for it.
  int port = 0;
  bool auto_port = false;
  ReadySpec ready;
  LivenessSpec liveness;
  std::vector<VolumeUse> volumes;
  std::vector<Dependency> depends_on;
  std::string release;  // run once before a deploy; empty: nothing
  std::map<std::string, std::string> labels;
  std::string version;               // for people
  std::vector<std::string> domains;  // that it is to be reached by
  std::string bundle;    // SHA-256 of what it runs in, 64 hexadecimal digits; empty: none
  int64_t deployed = 0;  // the number of the revision (core/deploy) that this is; 0: none
  // Of gRPC OS itself: made and changed by the daemon alone, run as an account of the second list.
  bool system = false;
  bool low_ports = false;  // of a system process: it may listen on ports below 1024
  StopScope stop_scope = StopScope::kMain;

  bool operator==(const ProcessSpec&) const = default;
};

// As it is stored: tagged.h. The values of absent fields stay what they are here, whatever the
// defaults become.
template <typename Fields>
void Describe(Fields& fields, ProcessSpec& spec) {
  fields.Text(1, spec.command);
  fields.Pairs(2, spec.environment);
  fields.Text(3, spec.working_directory);
  fields.Text(4, spec.account);
  fields.Word(5, spec.restart, RestartPolicy::kAlways, RestartPolicyFrom);
  fields.Int(6, spec.stop_timeout_ms, 10'000);
  fields.Int(7, spec.stop_signal, 15);
  fields.Int(8, spec.log_max_bytes, 50 << 20);
  fields.Texts(9, spec.secrets);
  fields.Int(10, spec.port);
  fields.Int(11, spec.auto_port);
  fields.Struct(12, spec.ready);
  fields.Struct(13, spec.liveness);
  fields.Structs(14, spec.volumes);
  fields.Structs(15, spec.depends_on);
  fields.Text(16, spec.release);
  fields.Pairs(17, spec.labels);
  fields.Text(18, spec.version);
  fields.Texts(19, spec.domains);
  fields.Text(20, spec.bundle);
  fields.Int(21, spec.deployed);
  fields.Int(22, spec.system);
  fields.Int(23, spec.low_ports);
  fields.Word(24, spec.stop_scope, StopScope::kMain, StopScopeFrom);
}

// The port that it listens on: its own, else, if that is a port and no secret, the PORT of its
// environment; 0: none is known.
int PortOf(const ProcessSpec& spec);

// How one execution ended. Times are wall-clock milliseconds since 1970, 0 if not known.
struct ExitReport {
  ExitReason reason = ExitReason::kExited;
  std::optional<int> exit_code;
  int signal = 0;
  bool core_dumped = false;
  bool requested = false;
  int attempt = 0;
  int64_t start_time_ms = 0;
  int64_t exit_time_ms = 0;
  std::string message;

  bool operator==(const ExitReport&) const = default;
};

struct ProcessStatus {
  ProcessState state = ProcessState::kPending;
  bool ready = false;
  int pid = 0;  // for people; never signalled from here
  int64_t start_time_ms = 0;
  int restart_count = 0;
  std::optional<ExitReport> last_exit;
  int64_t next_restart_time_ms = 0;
  int64_t observed_generation = 0;
  int64_t running_generation = 0;
  std::string message;
  int64_t log_dropped_bytes = 0;

  bool operator==(const ProcessStatus&) const = default;
};

struct Process {
  std::string id;
  std::string name;
  ProcessSpec spec;
  DesiredState desired = DesiredState::kRunning;
  int64_t generation = 1;     // counts changes of spec; the store writes it anew only with another
  int64_t change_number = 1;  // counts changes of spec or desired state: the etag
  // Grows with each start or restart that users ask of this instance; its lowest bit says of which
  // kind the last one is, so that the next daemon knows too. See NextRestartNumber.
  int64_t restart_number = 0;
  // The supervisor that runs it, or ran it last: 32 hexadecimal digits, new with each start from
  // rest. It is also what the supervisor must prove to be.
  std::string instance_id;
  // The last report of that instance that is in the store.
  int64_t instance_seq = 0;
  // Created, but never yet executed: if the first execution fails, nothing stays behind.
  bool provisional = true;
  ProcessStatus status;
  int64_t create_time_ms = 0;
  int64_t update_time_ms = 0;
  int64_t revision = 0;  // of the last commit that wrote it

  bool operator==(const Process&) const = default;
};

// The number after `number`. `forced`: a restart, due even if the process runs; otherwise a start,
// for one that waits.
inline int64_t NextRestartNumber(int64_t number, bool forced) {
  return (number / 2 + 1) * 2 + (forced ? 1 : 0);
}
inline bool IsForcedRestart(int64_t number) { return number % 2 == 1; }

// Nothing of it runs and nothing will by itself.
bool IsAtRest(ProcessState state);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESS_H_
