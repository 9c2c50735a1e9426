#include "shell/commands/manifest_spec.h"

#include <google/protobuf/util/time_util.h>

#include <filesystem>
#include <string>

#include "absl/strings/ascii.h"

namespace grpc_os::shell {
namespace {

using google::protobuf::util::TimeUtil;
using manifest::Probe;

// Empty: the bundle itself.
std::string DirectoryOf(const std::string& working_dir) {
  if (working_dir.empty() || working_dir.starts_with('/')) return working_dir;
  // "./": without a slash at its end, also of the root.
  std::string path = std::filesystem::path(working_dir + "/.").lexically_normal().string();
  path.pop_back();
  return path.empty() || path == "." ? "" : "/app/" + path;
}

v1::ProcessSpec::RestartPolicy PolicyOf(const std::string& word) {
  if (word == "always") return v1::ProcessSpec::RESTART_POLICY_ALWAYS;
  if (word == "on-failure") return v1::ProcessSpec::RESTART_POLICY_ON_FAILURE;
  if (word == "never") return v1::ProcessSpec::RESTART_POLICY_NEVER;
  return v1::ProcessSpec::RESTART_POLICY_UNSPECIFIED;
}

v1::ProcessSpec::Dependency::Condition ConditionOf(manifest::Dependency::Condition condition) {
  switch (condition) {
    case manifest::Dependency::Condition::kStarted:
      return v1::ProcessSpec::Dependency::CONDITION_STARTED;
    case manifest::Dependency::Condition::kReady:
      return v1::ProcessSpec::Dependency::CONDITION_READY;
    case manifest::Dependency::Condition::kCompleted:
      return v1::ProcessSpec::Dependency::CONDITION_COMPLETED;
  }
  return v1::ProcessSpec::Dependency::CONDITION_UNSPECIFIED;
}

// What probes of both sorts have.
template <typename To>
void SetTarget(const Probe& probe, To& to) {
  if (probe.kind == Probe::Kind::kHttp) {
    to.mutable_http()->set_path(probe.path);
    to.mutable_http()->set_port(probe.port);
  }
  if (probe.kind == Probe::Kind::kTcp) to.mutable_tcp()->set_port(probe.port);
  if (probe.timeout_ms != 0)
    *to.mutable_timeout() = TimeUtil::MillisecondsToDuration(probe.timeout_ms);
}

void SetReady(const Probe& probe, v1::ReadyProbe& to) {
  SetTarget(probe, to);
  if (probe.kind == Probe::Kind::kNotify) to.mutable_notify();
  if (probe.kind == Probe::Kind::kDelay)
    *to.mutable_delay() = TimeUtil::MillisecondsToDuration(probe.delay_ms);
}

void SetLiveness(const Probe& probe, v1::LivenessProbe& to) {
  SetTarget(probe, to);
  to.set_failures(probe.failures);
  if (probe.period_ms != 0)
    *to.mutable_period() = TimeUtil::MillisecondsToDuration(probe.period_ms);
}

}  // namespace

v1::ProcessSpec SpecOf(const manifest::ProcessManifest& process) {
  v1::ProcessSpec spec;
  spec.set_command(process.command);
  spec.mutable_environment()->insert(process.environment.begin(), process.environment.end());
  spec.set_working_directory(DirectoryOf(process.working_dir));
  spec.set_account(process.user);
  spec.set_restart_policy(PolicyOf(process.restart));
  if (process.stop_timeout_ms)
    *spec.mutable_stop_timeout() = TimeUtil::MillisecondsToDuration(*process.stop_timeout_ms);
  spec.set_stop_signal(process.stop_signal);
  v1::ProcessSpec::StopScope scope = v1::ProcessSpec::STOP_SCOPE_UNSPECIFIED;
  v1::ProcessSpec::StopScope_Parse("STOP_SCOPE_" + absl::AsciiStrToUpper(process.stop_scope),
                                   &scope);
  spec.set_stop_scope(scope);
  spec.set_log_max_bytes(process.log_max_bytes);
  spec.set_port(process.port);
  spec.set_auto_port(process.auto_port);
  if (process.ready) SetReady(*process.ready, *spec.mutable_ready());
  if (process.liveness) SetLiveness(*process.liveness, *spec.mutable_liveness());
  for (const manifest::VolumeMount& mount : process.volumes) {
    auto& use = *spec.add_volumes();
    use.set_name(mount.name);
    use.set_path(mount.path);
    use.set_shared(mount.shared);
  }
  for (const manifest::Dependency& dependency : process.depends_on) {
    auto& one = *spec.add_depends_on();
    one.set_process(dependency.process);
    one.set_condition(ConditionOf(dependency.condition));
  }
  spec.set_release(process.release);
  spec.mutable_labels()->insert(process.labels.begin(), process.labels.end());
  spec.set_version(process.version);
  spec.mutable_domains()->Assign(process.domains.begin(), process.domains.end());
  return spec;
}

}  // namespace grpc_os::shell
