#include "core/process/process.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"

namespace grpc_os::core {
namespace {

template <typename Enum, size_t N>
using Words = std::array<std::pair<Enum, const char*>, N>;

// Stored: a word may be added here, never changed.
constexpr Words<ProcessState, 11> kStates{{{ProcessState::kPending, "pending"},
                                           {ProcessState::kStarting, "starting"},
                                           {ProcessState::kRunning, "running"},
                                           {ProcessState::kStopping, "stopping"},
                                           {ProcessState::kBackoff, "backoff"},
                                           {ProcessState::kCrashLooping, "crash_looping"},
                                           {ProcessState::kStopped, "stopped"},
                                           {ProcessState::kExited, "exited"},
                                           {ProcessState::kFailed, "failed"},
                                           {ProcessState::kUnkillable, "unkillable"},
                                           {ProcessState::kHeld, "held"}}};
constexpr Words<DesiredState, 3> kDesiredStates{{{DesiredState::kRunning, "running"},
                                                 {DesiredState::kStopped, "stopped"},
                                                 {DesiredState::kCompleted, "completed"}}};
constexpr Words<RestartPolicy, 3> kRestartPolicies{{{RestartPolicy::kAlways, "always"},
                                                    {RestartPolicy::kOnFailure, "on_failure"},
                                                    {RestartPolicy::kNever, "never"}}};
constexpr Words<ExitReason, 6> kExitReasons{{{ExitReason::kExited, "exited"},
                                             {ExitReason::kSignaled, "signaled"},
                                             {ExitReason::kExecFailed, "exec_failed"},
                                             {ExitReason::kSupervisorLost, "supervisor_lost"},
                                             {ExitReason::kHostRestarted, "host_restarted"},
                                             {ExitReason::kNotLive, "not_live"}}};
constexpr Words<StopScope, 3> kStopScopes{
    {{StopScope::kMain, "main"}, {StopScope::kGroup, "group"}, {StopScope::kAll, "all"}}};
constexpr Words<ReadyKind, 5> kReadyKinds{{{ReadyKind::kDefault, "default"},
                                           {ReadyKind::kNotify, "notify"},
                                           {ReadyKind::kHttp, "http"},
                                           {ReadyKind::kTcp, "tcp"},
                                           {ReadyKind::kDelay, "delay"}}};
constexpr Words<LivenessKind, 3> kLivenessKinds{
    {{LivenessKind::kNone, "none"}, {LivenessKind::kHttp, "http"}, {LivenessKind::kTcp, "tcp"}}};
constexpr Words<DependencyCondition, 3> kConditions{
    {{DependencyCondition::kStarted, "started"},
     {DependencyCondition::kReady, "ready"},
     {DependencyCondition::kCompleted, "completed"}}};

template <typename Enum, size_t N>
const char* WordOf(const Words<Enum, N>& words, Enum value) {
  for (const auto& [known, word] : words) {
    if (known == value) return word;
  }
  abort();  // a value outside its enum
}

template <typename Enum, size_t N>
std::optional<Enum> ValueOf(const Words<Enum, N>& words, const std::string& word) {
  for (const auto& [value, known] : words) {
    if (word == known) return value;
  }
  return std::nullopt;
}

}  // namespace

const char* ToString(ProcessState state) { return WordOf(kStates, state); }
const char* ToString(DesiredState state) { return WordOf(kDesiredStates, state); }
const char* ToString(RestartPolicy policy) { return WordOf(kRestartPolicies, policy); }
const char* ToString(ExitReason reason) { return WordOf(kExitReasons, reason); }
const char* ToString(ReadyKind kind) { return WordOf(kReadyKinds, kind); }
const char* ToString(LivenessKind kind) { return WordOf(kLivenessKinds, kind); }
const char* ToString(StopScope scope) { return WordOf(kStopScopes, scope); }
const char* ToString(DependencyCondition condition) { return WordOf(kConditions, condition); }

std::optional<ProcessState> ProcessStateFrom(const std::string& word) {
  return ValueOf(kStates, word);
}
std::optional<DesiredState> DesiredStateFrom(const std::string& word) {
  return ValueOf(kDesiredStates, word);
}
std::optional<RestartPolicy> RestartPolicyFrom(const std::string& word) {
  return ValueOf(kRestartPolicies, word);
}
std::optional<ExitReason> ExitReasonFrom(const std::string& word) {
  return ValueOf(kExitReasons, word);
}

std::optional<StopScope> StopScopeFrom(const std::string& word) {
  return ValueOf(kStopScopes, word);
}

std::optional<ReadyKind> ReadyKindFrom(const std::string& word) {
  return ValueOf(kReadyKinds, word);
}
std::optional<LivenessKind> LivenessKindFrom(const std::string& word) {
  return ValueOf(kLivenessKinds, word);
}
std::optional<DependencyCondition> DependencyConditionFrom(const std::string& word) {
  return ValueOf(kConditions, word);
}

int PortOf(const ProcessSpec& spec) {
  if (spec.port > 0 || spec.auto_port || spec.secrets.contains("PORT")) return spec.port;
  const auto variable = spec.environment.find("PORT");
  if (variable == spec.environment.end()) return 0;
  const std::string& text = variable->second;
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool number = error == std::errc() && end == text.data() + text.size() && text[0] != '0';
  return number && port > 0 && port <= kPortMax ? port : 0;
}

std::string VolumeVariable(const std::string& volume) {
  std::string variable = "GRPC_OS_VOLUME_";
  for (const char byte : volume)
    variable += byte == '-' || byte == '.' ? '_' : absl::ascii_toupper(byte);
  return variable;
}

bool IsAtRest(ProcessState state) {
  switch (state) {
    case ProcessState::kStopped:
    case ProcessState::kExited:
    case ProcessState::kFailed:
    case ProcessState::kHeld:
      return true;
    case ProcessState::kPending:
    case ProcessState::kStarting:
    case ProcessState::kRunning:
    case ProcessState::kStopping:
    case ProcessState::kBackoff:
    case ProcessState::kCrashLooping:
    case ProcessState::kUnkillable:
      return false;
  }
  abort();  // a value outside its enum
}

}  // namespace grpc_os::core
