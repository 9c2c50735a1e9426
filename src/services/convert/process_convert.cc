#include "services/convert/process_convert.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/signal_name.h"
#include "base/utf8.h"
#include "core/process/secret_environment.h"
#include "core/process/validate.h"
#include "services/convert/time_convert.h"

namespace grpc_os::services {
namespace {

using v1::ExitReport;
using v1::Process;
using v1::ProcessSpec;

Process::State ToProto(core::ProcessState state) {
  switch (state) {
    case core::ProcessState::kPending:
      return Process::STATE_PENDING;
    case core::ProcessState::kStarting:
      return Process::STATE_STARTING;
    case core::ProcessState::kRunning:
      return Process::STATE_RUNNING;
    case core::ProcessState::kStopping:
      return Process::STATE_STOPPING;
    case core::ProcessState::kBackoff:
      return Process::STATE_BACKOFF;
    case core::ProcessState::kCrashLooping:
      return Process::STATE_CRASH_LOOPING;
    case core::ProcessState::kStopped:
      return Process::STATE_STOPPED;
    case core::ProcessState::kExited:
      return Process::STATE_EXITED;
    case core::ProcessState::kFailed:
      return Process::STATE_FAILED;
    case core::ProcessState::kUnkillable:
      return Process::STATE_UNKILLABLE;
    case core::ProcessState::kHeld:
      return Process::STATE_HELD;
  }
  return Process::STATE_UNSPECIFIED;
}

Process::DesiredState ToProto(core::DesiredState desired) {
  switch (desired) {
    case core::DesiredState::kRunning:
      return Process::DESIRED_STATE_RUNNING;
    case core::DesiredState::kStopped:
      return Process::DESIRED_STATE_STOPPED;
    case core::DesiredState::kCompleted:
      return Process::DESIRED_STATE_COMPLETED;
  }
  return Process::DESIRED_STATE_UNSPECIFIED;
}

ProcessSpec::RestartPolicy ToProto(core::RestartPolicy policy) {
  switch (policy) {
    case core::RestartPolicy::kAlways:
      return ProcessSpec::RESTART_POLICY_ALWAYS;
    case core::RestartPolicy::kOnFailure:
      return ProcessSpec::RESTART_POLICY_ON_FAILURE;
    case core::RestartPolicy::kNever:
      return ProcessSpec::RESTART_POLICY_NEVER;
  }
  return ProcessSpec::RESTART_POLICY_UNSPECIFIED;
}

ProcessSpec::StopScope ToProto(core::StopScope scope) {
  switch (scope) {
    case core::StopScope::kMain:
      return ProcessSpec::STOP_SCOPE_MAIN;
    case core::StopScope::kGroup:
      return ProcessSpec::STOP_SCOPE_GROUP;
    case core::StopScope::kAll:
      return ProcessSpec::STOP_SCOPE_ALL;
  }
  return ProcessSpec::STOP_SCOPE_UNSPECIFIED;
}

ExitReport::Reason ToProto(core::ExitReason reason) {
  switch (reason) {
    case core::ExitReason::kExited:
      return ExitReport::REASON_EXITED;
    case core::ExitReason::kSignaled:
      return ExitReport::REASON_SIGNALED;
    case core::ExitReason::kExecFailed:
      return ExitReport::REASON_EXEC_FAILED;
    case core::ExitReason::kSupervisorLost:
      return ExitReport::REASON_SUPERVISOR_LOST;
    case core::ExitReason::kHostRestarted:
      return ExitReport::REASON_HOST_RESTARTED;
    case core::ExitReason::kNotLive:
      return ExitReport::REASON_NOT_LIVE;
  }
  return ExitReport::REASON_UNSPECIFIED;
}

void Fill(const core::ExitReport& exit, ExitReport* out) {
  out->set_reason(ToProto(exit.reason));
  if (exit.exit_code.has_value()) out->set_exit_code(*exit.exit_code);
  if (exit.signal != 0) out->set_signal(SignalName(exit.signal));
  out->set_core_dumped(exit.core_dumped);
  out->set_requested(exit.requested);
  out->set_attempt(exit.attempt);
  if (exit.start_time_ms != 0) SetTimeMs(exit.start_time_ms, out->mutable_start_time());
  if (exit.exit_time_ms != 0) SetTimeMs(exit.exit_time_ms, out->mutable_exit_time());
  out->set_message(exit.message);
}

void Fill(const core::ProcessStatus& status, const core::ProcessUsage& usage,
          v1::ProcessStatus* out) {
  out->set_state(ToProto(status.state));
  out->set_ready(status.ready);
  out->set_pid(status.pid);
  if (status.start_time_ms != 0) SetTimeMs(status.start_time_ms, out->mutable_start_time());
  out->set_restart_count(status.restart_count);
  if (status.last_exit.has_value()) Fill(*status.last_exit, out->mutable_last_exit());
  if (status.next_restart_time_ms != 0)
    SetTimeMs(status.next_restart_time_ms, out->mutable_next_restart_time());
  out->set_observed_generation(status.observed_generation);
  out->set_running_generation(status.running_generation);
  out->set_message(status.message);
  out->set_memory_bytes(usage.memory_bytes);
  SetDurationMs(usage.cpu_time_ms, out->mutable_cpu_time());
  out->set_log_dropped_bytes(status.log_dropped_bytes);
}

core::RestartPolicy PolicyFromProto(ProcessSpec::RestartPolicy policy) {
  switch (policy) {
    case ProcessSpec::RESTART_POLICY_ON_FAILURE:
      return core::RestartPolicy::kOnFailure;
    case ProcessSpec::RESTART_POLICY_NEVER:
      return core::RestartPolicy::kNever;
    default:
      return core::RestartPolicy::kAlways;
  }
}

core::StopScope ScopeFromProto(ProcessSpec::StopScope scope) {
  switch (scope) {
    case ProcessSpec::STOP_SCOPE_GROUP:
      return core::StopScope::kGroup;
    case ProcessSpec::STOP_SCOPE_ALL:
      return core::StopScope::kAll;
    default:
      return core::StopScope::kMain;
  }
}

int64_t MsFromProto(const google::protobuf::Duration& duration) {
  // Out of range seconds would overflow; CheckSpec refuses what this leaves.
  return std::clamp<int64_t>(duration.seconds(), -1, limits::kStopTimeoutMaxMs) * 1000 +
         duration.nanos() / 1'000'000;
}

void Show(const core::ReadySpec& ready, v1::ReadyProbe& out) {
  switch (ready.kind) {
    case core::ReadyKind::kDefault:
      break;
    case core::ReadyKind::kNotify:
      out.mutable_notify();
      break;
    case core::ReadyKind::kHttp:
      out.mutable_http()->set_path(ready.path);
      out.mutable_http()->set_port(ready.port);
      break;
    case core::ReadyKind::kTcp:
      out.mutable_tcp()->set_port(ready.port);
      break;
    case core::ReadyKind::kDelay:
      SetDurationMs(ready.delay_ms, out.mutable_delay());
      break;
  }
  SetDurationMs(ready.timeout_ms, out.mutable_timeout());
}

core::ReadySpec ReadyFromProto(const v1::ReadyProbe& probe) {
  core::ReadySpec ready;
  switch (probe.kind_case()) {
    case v1::ReadyProbe::KIND_NOT_SET:
      break;
    case v1::ReadyProbe::kNotify:
      ready.kind = core::ReadyKind::kNotify;
      break;
    case v1::ReadyProbe::kHttp:
      ready.kind = core::ReadyKind::kHttp;
      ready.path = probe.http().path();
      ready.port = probe.http().port();
      break;
    case v1::ReadyProbe::kTcp:
      ready.kind = core::ReadyKind::kTcp;
      ready.port = probe.tcp().port();
      break;
    case v1::ReadyProbe::kDelay:
      ready.kind = core::ReadyKind::kDelay;
      ready.delay_ms = MsFromProto(probe.delay());
      break;
  }
  if (probe.has_timeout()) ready.timeout_ms = MsFromProto(probe.timeout());
  return ready;
}

void Show(const core::LivenessSpec& liveness, v1::LivenessProbe& out) {
  if (liveness.kind == core::LivenessKind::kHttp) {
    out.mutable_http()->set_path(liveness.path);
    out.mutable_http()->set_port(liveness.port);
  } else {
    out.mutable_tcp()->set_port(liveness.port);
  }
  SetDurationMs(liveness.period_ms, out.mutable_period());
  out.set_failures(liveness.failures);
  SetDurationMs(liveness.timeout_ms, out.mutable_timeout());
}

core::LivenessSpec LivenessFromProto(const v1::LivenessProbe& probe) {
  core::LivenessSpec liveness;
  if (probe.has_http()) {
    liveness.kind = core::LivenessKind::kHttp;
    liveness.path = probe.http().path();
    liveness.port = probe.http().port();
  } else {  // a kind that is missing is refused
    liveness.kind = core::LivenessKind::kTcp;
    liveness.port = probe.tcp().port();
  }
  if (probe.has_period()) liveness.period_ms = MsFromProto(probe.period());
  if (probe.failures() != 0) liveness.failures = probe.failures();
  if (probe.has_timeout()) liveness.timeout_ms = MsFromProto(probe.timeout());
  return liveness;
}

ProcessSpec::Dependency::Condition ToProto(core::DependencyCondition condition) {
  switch (condition) {
    case core::DependencyCondition::kStarted:
      return ProcessSpec::Dependency::CONDITION_STARTED;
    case core::DependencyCondition::kCompleted:
      return ProcessSpec::Dependency::CONDITION_COMPLETED;
    case core::DependencyCondition::kReady:
      break;
  }
  return ProcessSpec::Dependency::CONDITION_READY;
}

core::DependencyCondition ConditionFromProto(ProcessSpec::Dependency::Condition condition) {
  switch (condition) {
    case ProcessSpec::Dependency::CONDITION_STARTED:
      return core::DependencyCondition::kStarted;
    case ProcessSpec::Dependency::CONDITION_COMPLETED:
      return core::DependencyCondition::kCompleted;
    default:
      return core::DependencyCondition::kReady;
  }
}

using CoreSpec = core::ProcessSpec;

// One field of a spec: its name, and both directions. `take` gives a field that is unset its
// default.
struct SpecField {
  std::string_view name;
  void (*show)(const CoreSpec& from, ProcessSpec& to);
  void (*take)(const ProcessSpec& from, CoreSpec& to);
};

constexpr std::array<SpecField, 21> kSpecFields = {{
    {"command", [](const CoreSpec& from, ProcessSpec& to) { to.set_command(from.command); },
     [](const ProcessSpec& from, CoreSpec& to) { to.command = from.command(); }},
    {"environment",
     [](const CoreSpec& from, ProcessSpec& to) {
       for (const auto& [name, value] : core::ShownEnvironment(from))
         (*to.mutable_environment())[name] = value;
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.environment = {from.environment().begin(), from.environment().end()};
     }},
    {"secret_environment",
     [](const CoreSpec& from, ProcessSpec& to) {
       for (const std::string& name : from.secrets) to.add_secret_environment(name);
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.secrets = {from.secret_environment().begin(), from.secret_environment().end()};
     }},
    {"working_directory",
     [](const CoreSpec& from, ProcessSpec& to) {
       to.set_working_directory(from.working_directory);
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.working_directory = from.working_directory();
     }},
    {"account", [](const CoreSpec& from, ProcessSpec& to) { to.set_account(from.account); },
     [](const ProcessSpec& from, CoreSpec& to) { to.account = from.account(); }},
    {"restart_policy",
     [](const CoreSpec& from, ProcessSpec& to) { to.set_restart_policy(ToProto(from.restart)); },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.restart = PolicyFromProto(from.restart_policy());
     }},
    {"stop_timeout",
     [](const CoreSpec& from, ProcessSpec& to) {
       SetDurationMs(from.stop_timeout_ms, to.mutable_stop_timeout());
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.stop_timeout_ms = from.has_stop_timeout() ? MsFromProto(from.stop_timeout())
                                                    : limits::kStopTimeoutDefaultMs;
     }},
    {"stop_signal",
     [](const CoreSpec& from, ProcessSpec& to) {
       to.set_stop_signal(SignalName(from.stop_signal));
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.stop_signal = from.stop_signal().empty() ? CoreSpec().stop_signal
                                                   : SignalFrom(from.stop_signal()).value_or(-1);
     }},
    {"stop_scope",
     [](const CoreSpec& from, ProcessSpec& to) { to.set_stop_scope(ToProto(from.stop_scope)); },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.stop_scope = ScopeFromProto(from.stop_scope());
     }},
    {"log_max_bytes",
     [](const CoreSpec& from, ProcessSpec& to) { to.set_log_max_bytes(from.log_max_bytes); },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.log_max_bytes =
           from.log_max_bytes() == 0 ? limits::kLogMaxBytesDefault : from.log_max_bytes();
     }},
    {"port", [](const CoreSpec& from, ProcessSpec& to) { to.set_port(from.port); },
     [](const ProcessSpec& from, CoreSpec& to) { to.port = from.port(); }},
    {"auto_port", [](const CoreSpec& from, ProcessSpec& to) { to.set_auto_port(from.auto_port); },
     [](const ProcessSpec& from, CoreSpec& to) { to.auto_port = from.auto_port(); }},
    {"ready", [](const CoreSpec& from, ProcessSpec& to) { Show(from.ready, *to.mutable_ready()); },
     [](const ProcessSpec& from, CoreSpec& to) { to.ready = ReadyFromProto(from.ready()); }},
    {"liveness",
     [](const CoreSpec& from, ProcessSpec& to) {
       if (from.liveness.kind != core::LivenessKind::kNone) {
         Show(from.liveness, *to.mutable_liveness());
       }
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.liveness =
           from.has_liveness() ? LivenessFromProto(from.liveness()) : core::LivenessSpec();
     }},
    {"volumes",
     [](const CoreSpec& from, ProcessSpec& to) {
       for (const core::VolumeUse& use : from.volumes) {
         auto& shown = *to.add_volumes();
         shown.set_name(use.name);
         shown.set_path(use.path);
         shown.set_shared(use.shared);
       }
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.volumes.clear();
       for (const auto& use : from.volumes())
         to.volumes.push_back({use.name(), use.path(), use.shared()});
     }},
    {"depends_on",
     [](const CoreSpec& from, ProcessSpec& to) {
       for (const core::Dependency& dependency : from.depends_on) {
         auto& shown = *to.add_depends_on();
         shown.set_process(dependency.process);
         shown.set_condition(ToProto(dependency.condition));
       }
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.depends_on.clear();
       for (const auto& given : from.depends_on())
         to.depends_on.push_back({given.process(), ConditionFromProto(given.condition())});
     }},
    {"release", [](const CoreSpec& from, ProcessSpec& to) { to.set_release(from.release); },
     [](const ProcessSpec& from, CoreSpec& to) { to.release = from.release(); }},
    {"labels",
     [](const CoreSpec& from, ProcessSpec& to) {
       for (const auto& [name, value] : from.labels) (*to.mutable_labels())[name] = value;
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.labels = {from.labels().begin(), from.labels().end()};
     }},
    {"version", [](const CoreSpec& from, ProcessSpec& to) { to.set_version(from.version); },
     [](const ProcessSpec& from, CoreSpec& to) { to.version = from.version(); }},
    {"domains",
     [](const CoreSpec& from, ProcessSpec& to) {
       for (const std::string& domain : from.domains) to.add_domains(domain);
     },
     [](const ProcessSpec& from, CoreSpec& to) {
       to.domains = {from.domains().begin(), from.domains().end()};
     }},
    {"bundle", [](const CoreSpec& from, ProcessSpec& to) { to.set_bundle(from.bundle); },
     [](const ProcessSpec& from, CoreSpec& to) { to.bundle = from.bundle(); }},
}};

bool IsSet(const ProcessSpec& spec, const SpecField& field) {
  const auto* descriptor = ProcessSpec::descriptor()->FindFieldByName(std::string(field.name));
  const auto* reflection = ProcessSpec::GetReflection();
  return descriptor->is_repeated() ? reflection->FieldSize(spec, descriptor) > 0
                                   : reflection->HasField(spec, descriptor);
}

}  // namespace

ProcessSpec ToProto(const core::ProcessSpec& spec) {
  ProcessSpec out;
  for (const SpecField& field : kSpecFields) field.show(spec, out);
  return out;
}

v1::Process ToProto(const core::Process& process, const core::ProcessUsage& usage) {
  Process out;
  out.set_id(process.id);
  out.set_name(process.name);
  *out.mutable_spec() = ToProto(process.spec);
  out.set_desired_state(ToProto(process.desired));
  Fill(process.status, usage, out.mutable_status());
  out.mutable_status()->set_port(core::PortOf(process.spec));
  out.mutable_status()->set_deployed_revision(process.spec.deployed);
  out.set_generation(process.generation);
  out.set_etag(core::Processes::EtagOf(process));
  out.set_revision(process.revision);
  SetTimeMs(process.create_time_ms, out.mutable_create_time());
  SetTimeMs(process.update_time_ms, out.mutable_update_time());
  out.set_system(process.spec.system);
  return out;
}

v1::ExitReport ToProto(const core::ExitReport& exit) {
  v1::ExitReport out;
  Fill(exit, &out);
  return out;
}

v1::LogLine ToProto(const core::LogLine& line) {
  v1::LogLine out;
  SetTimeNs(line.time_ns, out.mutable_time());
  switch (line.stream) {
    case core::LogLine::Stream::kStdout:
      out.set_stream(v1::LogLine::STREAM_STDOUT);
      break;
    case core::LogLine::Stream::kStderr:
      out.set_stream(v1::LogLine::STREAM_STDERR);
      break;
    case core::LogLine::Stream::kSystem:
      out.set_stream(v1::LogLine::STREAM_SYSTEM);
      break;
  }
  out.set_partial(line.partial);
  if (IsValidUtf8(line.text)) {
    out.set_text(line.text);
  } else {
    out.set_raw(line.text);
  }
  return out;
}

namespace {

core::ProcessSpec TakeSpec(const v1::ProcessSpec& spec, const std::string& prefix,
                           core::Violations& violations) {
  core::ProcessSpec out;
  for (const SpecField& field : kSpecFields) field.take(spec, out);
  if (!ProcessSpec::RestartPolicy_IsValid(spec.restart_policy()))
    violations.Add(prefix + ".restart_policy", "give ALWAYS, ON_FAILURE or NEVER");
  if (!ProcessSpec::StopScope_IsValid(spec.stop_scope()))
    violations.Add(prefix + ".stop_scope", "give MAIN, GROUP or ALL");
  if (spec.has_liveness() && spec.liveness().kind_case() == v1::LivenessProbe::KIND_NOT_SET)
    violations.Add(prefix + ".liveness", "give http or tcp");
  for (const auto& given : spec.depends_on()) {
    if (!ProcessSpec::Dependency::Condition_IsValid(given.condition()))
      violations.Add(prefix + ".depends_on", "give STARTED, READY or COMPLETED");
  }
  core::CheckSpec(out, prefix, violations);
  return out;
}

}  // namespace

core::ProcessSpec SpecFromProto(const v1::ProcessSpec& spec, const std::string& prefix,
                                core::Violations& violations) {
  core::ProcessSpec out = TakeSpec(spec, prefix, violations);
  core::CheckTogether(out, prefix, violations);
  return out;
}

core::Processes::Change ChangeFromProto(const v1::UpdateProcessRequest& request,
                                        core::Violations& violations) {
  const ProcessSpec& given = request.process().spec();
  std::vector<const SpecField*> fields;
  if (request.update_mask().paths().empty()) {
    for (const SpecField& field : kSpecFields) {
      if (IsSet(given, field)) fields.push_back(&field);
    }
  }
  for (const std::string& path : request.update_mask().paths()) {
    const auto found =
        std::find_if(kSpecFields.begin(), kSpecFields.end(), [&](const SpecField& field) {
          return path == absl::StrCat("spec.", std::string(field.name));
        });
    if (path == "spec" || path == "*") {
      for (const SpecField& field : kSpecFields) fields.push_back(&field);
    } else if (found != kSpecFields.end()) {
      fields.push_back(&*found);
    } else {
      violations.Add("update_mask",
                     absl::StrCat("'", absl::CHexEscape(path.substr(0, 64)),
                                  "' cannot be updated; give paths such as spec.environment"));
    }
  }
  // A field that is not taken over may be missing.
  const bool needs_command = std::any_of(fields.begin(), fields.end(), [](const SpecField* field) {
    return field->name == "command";
  });
  ProcessSpec checked = given;
  if (!needs_command) checked.set_command("true");
  // Whether they are variables is known once the variables are: see ChangeEnvironment.
  checked.clear_secret_environment();
  const core::ProcessSpec spec = TakeSpec(checked, "process.spec", violations);
  core::EnvironmentChange environment;
  std::erase_if(fields, [&](const SpecField* field) {
    if (field->name == "environment") environment.environment = spec.environment;
    if (field->name == "secret_environment")
      environment.secrets.emplace(given.secret_environment().begin(),
                                  given.secret_environment().end());
    return field->name == "environment" || field->name == "secret_environment";
  });
  return [given, environment = std::move(environment),
          fields = std::move(fields)](core::ProcessSpec& target) {
    core::ProcessSpec changed = target;
    for (const SpecField* field : fields) field->take(given, changed);
    if (environment.environment.has_value() || environment.secrets.has_value()) {
      if (absl::Status status = core::ChangeEnvironment(environment, "process.spec", changed);
          !status.ok())
        return status;
    }
    core::Violations missing;
    core::CheckTogether(changed, "process.spec", missing);
    if (absl::Status status = missing.ToStatus(); !status.ok()) return status;
    target = std::move(changed);
    return absl::OkStatus();
  };
}

}  // namespace grpc_os::services
