#include "shell/render/process.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "shell/quantity.h"
#include "shell/render/text.h"

namespace grpc_os::shell {
namespace {

using State = v1::Process;

int64_t Ms(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}
int64_t Ms(const google::protobuf::Duration& time) {
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}

// The name of an enum's value without its prefix, in lower case.
std::string Lower(const std::string& name, const std::string& prefix) {
  return absl::AsciiStrToLower(name.starts_with(prefix) ? name.substr(prefix.size()) : name);
}

Style StyleOf(const v1::Process& process) {
  switch (process.status().state()) {
    case State::STATE_RUNNING:
      return process.status().ready() ? Style::kGood : Style::kWarning;
    case State::STATE_PENDING:
    case State::STATE_STARTING:
    case State::STATE_STOPPING:
    case State::STATE_BACKOFF:
    case State::STATE_HELD:
      return Style::kWarning;
    case State::STATE_CRASH_LOOPING:
    case State::STATE_FAILED:
    case State::STATE_UNKILLABLE:
      return Style::kBad;
    default:
      return Style::kDim;
  }
}

std::string Uptime(const v1::Process& process, int64_t now_ms) {
  const auto& status = process.status();
  if (!IsLive(status.state()) || !status.has_start_time()) return "-";
  return FormatDuration(now_ms - Ms(status.start_time()));
}

std::string CpuText(const v1::Process& process, int64_t now_ms) {
  const auto& status = process.status();
  if (!IsLive(status.state()) || !status.has_start_time()) return "-";
  const int64_t up_ms = std::max<int64_t>(now_ms - Ms(status.start_time()), 1);
  return absl::StrFormat(
      "%.1f%%", 100.0 * static_cast<double>(Ms(status.cpu_time())) / static_cast<double>(up_ms));
}

std::string MemoryText(const v1::Process& process) {
  return IsLive(process.status().state()) ? FormatBytes(process.status().memory_bytes()) : "-";
}

std::string EnvironmentNames(const v1::ProcessSpec& spec) {
  std::vector<std::string> names;
  const std::set<std::string> secrets(spec.secret_environment().begin(),
                                      spec.secret_environment().end());
  for (const auto& [name, value] : spec.environment())
    names.push_back(secrets.contains(name) ? name + "(secret)" : name);
  std::sort(names.begin(), names.end());
  return names.empty() ? "-" : absl::StrJoin(names, " ");
}

std::string OrDefault(const std::string& text, const char* fallback) {
  return text.empty() ? fallback : text;
}

// As the options of `start` have it.
template <typename Probed>
std::string Target(const Probed& probe) {
  const auto port = [](int32_t number) { return number > 0 ? absl::StrCat(number) : ""; };
  if (probe.has_http()) {
    return absl::StrCat("http:", port(probe.http().port()), probe.http().path());
  }
  const std::string number = port(probe.tcp().port());
  return number.empty() ? "tcp" : absl::StrCat("tcp:", number);
}

std::string DescribeProbe(const v1::ReadyProbe& ready) {
  switch (ready.kind_case()) {
    case v1::ReadyProbe::kNotify:
      return "notify";
    case v1::ReadyProbe::kDelay:
      return absl::StrCat("delay:", FormatDuration(Ms(ready.delay())));
    case v1::ReadyProbe::KIND_NOT_SET:
      return "default (READY=1 if it speaks, else its port, else 1s up)";
    default:
      return Target(ready);
  }
}

std::string DescribeProbe(const v1::LivenessProbe& liveness) {
  return liveness.kind_case() == v1::LivenessProbe::KIND_NOT_SET ? "none" : Target(liveness);
}

std::string ScopeText(v1::ProcessSpec::StopScope scope) {
  if (scope == v1::ProcessSpec::STOP_SCOPE_GROUP) return " to its group";
  return scope == v1::ProcessSpec::STOP_SCOPE_ALL ? " to all of it" : "";
}

// The lines that say what was asked for.
void DescribeSpec(const v1::Process& process, Table& table) {
  const v1::ProcessSpec& spec = process.spec();
  table.AddRow({{"command"}, {spec.command()}});
  table.AddRow(
      {{"directory"},
       {OrDefault(spec.working_directory(),
                  spec.bundle().empty() ? "(its own, made on demand)" : "/app (its bundle)")}});
  table.AddRow({{"account"}, {OrDefault(spec.account(), "(default)")}});
  table.AddRow({{"environment"}, {EnvironmentNames(spec)}});
  table.AddRow({{"restart"}, {PolicyWord(spec.restart_policy())}});
  table.AddRow({{"stop"},
                {absl::StrCat(OrDefault(spec.stop_signal(), "TERM"), ScopeText(spec.stop_scope()),
                              ", KILL after ", FormatDuration(Ms(spec.stop_timeout())))}});
  table.AddRow({{"ready when"},
                {absl::StrCat(DescribeProbe(spec.ready()), ", within ",
                              FormatDuration(Ms(spec.ready().timeout())))}});
  if (spec.has_liveness()) {
    const v1::LivenessProbe& liveness = spec.liveness();
    table.AddRow(
        {{"liveness"},
         {absl::StrCat(DescribeProbe(liveness), " every ", FormatDuration(Ms(liveness.period())),
                       ", restart after ", liveness.failures(), " failures")}});
  }
  table.AddRow({{"log limit"}, {FormatBytes(spec.log_max_bytes())}});
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) table.AddRow({{name}, {text}});
  };
  add("volumes", VolumesText(spec));
  add("depends on", DependenciesText(spec));
  add("release", spec.release());
  const std::map<std::string, std::string> labels(spec.labels().begin(), spec.labels().end());
  add("labels", absl::StrJoin(labels, " ", absl::PairFormatter("=")));
  add("domains", absl::StrJoin(spec.domains(), ", "));
  add("bundle", ShortDigest(spec.bundle()));
  add("version", spec.version());
  add("system", process.system() ? "yes: gRPC OS itself starts, changes and stops it" : "");
  if (process.status().deployed_revision() > 0)
    add("revision", absl::StrCat(process.status().deployed_revision()));
}

// The lines that say what is so.
void DescribeStatus(const v1::Process& process, int64_t now_ms, const Typing& typed, Table& table) {
  const v1::ProcessStatus& status = process.status();
  const std::string ready = status.state() == State::STATE_RUNNING
                                ? (status.ready() ? ", ready" : ", not ready yet")
                                : "";
  table.AddRow({{"state"}, {StateWord(status.state()) + ready, StyleOf(process)}});
  if (status.unsaved()) {
    table.AddRow({{"not stored"},
                  {absl::StrCat("since ", TimeText(status.unsaved_since()),
                                typed(": its supervisor reports this; `status` shows why it could "
                                      "not be stored yet")),
                   Style::kWarning}});
  }
  if (!status.message().empty()) table.AddRow({{"message"}, {status.message()}});
  if (IsLive(status.state())) {
    table.AddRow({{"pid"}, {absl::StrCat(status.pid())}});
    table.AddRow(
        {{"uptime"},
         {absl::StrCat(Uptime(process, now_ms), " (since ", TimeText(status.start_time()), ")")}});
    table.AddRow({{"memory"}, {MemoryText(process)}});
    table.AddRow({{"cpu"},
                  {absl::StrCat(CpuText(process, now_ms), " (",
                                FormatDuration(Ms(status.cpu_time())), " in all)")}});
  }
  if (status.port() > 0) {
    table.AddRow(
        {{"port"}, {absl::StrCat(status.port(), process.spec().auto_port() ? " (auto)" : "")}});
  }
  table.AddRow({{"restarts"}, {absl::StrCat(status.restart_count())}});
  table.AddRow({{"last exit"}, {status.has_last_exit() ? DescribeExit(status.last_exit()) : "-"}});
  if (status.has_next_restart_time()) {
    const int64_t wait_ms = std::max<int64_t>(Ms(status.next_restart_time()) - now_ms, 0);
    table.AddRow({{"next restart"}, {absl::StrCat("in ", FormatDuration(wait_ms))}});
  }
  if (status.log_dropped_bytes() > 0) {
    table.AddRow({{"output lost"}, {FormatBytes(status.log_dropped_bytes()), Style::kBad}});
  }
}

}  // namespace

std::string StateWord(v1::Process::State state) {
  return Lower(v1::Process::State_Name(state), "STATE_");
}

std::string PolicyWord(v1::ProcessSpec::RestartPolicy policy) {
  return absl::StrReplaceAll(Lower(v1::ProcessSpec::RestartPolicy_Name(policy), "RESTART_POLICY_"),
                             {{"_", "-"}});
}

std::string VolumesText(const v1::ProcessSpec& spec) {
  return absl::StrJoin(spec.volumes(), ", ", [](std::string* out, const auto& use) {
    absl::StrAppend(out, use.name(), use.path().empty() ? "" : ":", use.path(),
                    use.shared() ? ":shared" : "");
  });
}

std::string DependenciesText(const v1::ProcessSpec& spec) {
  using Dependency = v1::ProcessSpec::Dependency;
  return absl::StrJoin(spec.depends_on(), ", ", [](std::string* out, const auto& one) {
    const auto condition = one.condition() == Dependency::CONDITION_UNSPECIFIED
                               ? Dependency::CONDITION_READY
                               : one.condition();
    absl::StrAppend(out, one.process(), ":",
                    Lower(Dependency::Condition_Name(condition), "CONDITION_"));
  });
}

std::string ShortDigest(const std::string& digest) { return digest.substr(0, 12); }

std::string ExitWord(const v1::ExitReport& report) {
  switch (report.reason()) {
    case v1::ExitReport::REASON_EXITED:
      return report.has_exit_code() ? absl::StrCat("exit ", report.exit_code()) : "exit ?";
    case v1::ExitReport::REASON_SIGNALED:
      return absl::StrCat("signal ", report.signal(), report.core_dumped() ? " (core)" : "");
    case v1::ExitReport::REASON_EXEC_FAILED:
      return "not executed";
    case v1::ExitReport::REASON_SUPERVISOR_LOST:
      return "supervisor lost";
    case v1::ExitReport::REASON_HOST_RESTARTED:
      return "host restarted";
    case v1::ExitReport::REASON_NOT_LIVE:
      return "not live";
    default:
      return "-";
  }
}

std::string DescribeExit(const v1::ExitReport& report) {
  std::string text = ExitWord(report);
  if (report.requested()) absl::StrAppend(&text, ", as asked");
  if (report.has_exit_time()) {
    absl::StrAppend(&text, " at ", TimeText(report.exit_time()));
    if (report.has_start_time()) {
      absl::StrAppend(&text, " after ",
                      FormatDuration(Ms(report.exit_time()) - Ms(report.start_time())));
    }
  }
  if (report.attempt() > 0) absl::StrAppend(&text, " (attempt ", report.attempt(), ")");
  if (!report.message().empty()) absl::StrAppend(&text, ": ", report.message());
  return text;
}

bool IsLive(v1::Process::State state) {
  return state == State::STATE_RUNNING || state == State::STATE_STOPPING ||
         state == State::STATE_UNKILLABLE;
}

bool HasFinished(const v1::Process& process) {
  return process.status().state() == State::STATE_EXITED;
}

bool WaitsForExecution(const v1::Process& process) {
  const v1::ProcessStatus& status = process.status();
  return (status.state() == State::STATE_BACKOFF || status.state() == State::STATE_CRASH_LOOPING) &&
         status.last_exit().reason() == v1::ExitReport::REASON_EXEC_FAILED;
}

std::string OutcomeOfStart(const v1::Process& process) {
  const v1::ProcessStatus& status = process.status();
  if (status.pid() > 0) return absl::StrCat(", pid ", status.pid());
  if (status.state() == State::STATE_PENDING && !status.message().empty())
    return absl::StrCat("; it ", status.message());  // "waits for …"
  if (status.has_last_exit() && !IsLive(status.state())) {
    return absl::StrCat("; it has ended already: ", ExitWord(status.last_exit()));
  }
  return absl::StrCat("; it is ", StateWord(status.state()));
}

bool NeedsRestart(const v1::Process& process) {
  return IsLive(process.status().state()) && process.status().running_generation() > 0 &&
         process.status().running_generation() < process.generation();
}

std::string CureFor(const v1::Process& process) {
  const std::string& name = process.name();
  if (WaitsForExecution(process)) {
    return absl::StrCat("it is tried again by itself; `restart ", name, "` tries at once, `update ",
                        name, " --command …` changes the command");
  }
  switch (process.status().state()) {
    case State::STATE_BACKOFF:
      return absl::StrCat("`logs ", name, "` shows why it ended; `restart ", name,
                          "` tries again at once");
    case State::STATE_CRASH_LOOPING:
      return absl::StrCat("it keeps failing: `logs ", name, "` shows why; fix it, then `restart ",
                          name, "`, or `kill ", name, "` to give up");
    case State::STATE_FAILED:
      return absl::StrCat("it could not be executed: `update ", name,
                          " --command …` fixes the command, `start ", name, "` tries again");
    case State::STATE_UNKILLABLE:
      return absl::StrCat(
          "something of it survives SIGKILL, as a process waiting for a broken disk "
          "does; free that, then `kill ",
          name, "` again");
    case State::STATE_HELD:
      return absl::StrCat(
          "this system is a copy (`status`): `resume` starts it and all others, `stop ", name,
          "` keeps it from that");
    default:
      break;
  }
  if (NeedsRestart(process)) {
    return absl::StrCat("changed since it was started: `restart ", name, "` makes it take effect");
  }
  return "";
}

namespace {

Table Details(const v1::Process& process, int64_t now_ms, const Typing& typed) {
  Table table({{""}, {""}});
  table.AddRow({{"name"}, {process.name(), Style::kTitle}});
  table.AddRow({{"id"}, {process.id()}});
  DescribeStatus(process, now_ms, typed, table);
  DescribeSpec(process, table);
  std::string generation = absl::StrCat(process.generation());
  if (NeedsRestart(process)) {
    absl::StrAppend(&generation, "; ", process.status().running_generation(),
                    " runs (restart pending)");
  }
  table.AddRow({{"generation"}, {generation}});
  table.AddRow({{"created"}, {TimeText(process.create_time())}});
  if (const std::string cure = CureFor(process); !cure.empty()) {
    table.AddRow({{"what to do"}, {typed(cure), Style::kWarning}});
  }
  return table;
}

std::string StateText(const v1::Process& process) {
  return absl::StrCat(StateWord(process.status().state()), NeedsRestart(process) ? "*" : "",
                      process.status().unsaved() ? "!" : "");
}

std::string ReadyText(const v1::Process& process) {
  if (!IsLive(process.status().state())) return "-";
  return process.status().ready() ? "yes" : "no";
}

std::string PortText(const v1::Process& process) {
  return process.status().port() > 0 ? absl::StrCat(process.status().port()) : "-";
}

std::string PidText(const v1::Process& process) {
  return IsLive(process.status().state()) ? absl::StrCat(process.status().pid()) : "-";
}

}  // namespace

ResourceView<v1::Process> ProcessView(int64_t now_ms, Typing typed) {
  constexpr auto kLeft = Table::Align::kLeft;
  constexpr auto kRight = Table::Align::kRight;
  constexpr auto kWide = ResourceView<v1::Process>::In::kWide;
  const auto state = [](const v1::Process& process) {
    return Cell{StateText(process), StyleOf(process)};
  };
  const auto restarts = [](const auto& process) {
    return absl::StrCat(process.status().restart_count());
  };
  const auto exit = [](const auto& process) { return ExitWord(process.status().last_exit()); };
  const auto account = [](const auto& process) { return OrDash(process.spec().account()); };
  const auto generation = [](const auto& process) { return absl::StrCat(process.generation()); };
  return {
      .name = [](const auto& process) { return process.name(); },
      .id = [](const auto& process) { return process.id(); },
      .columns =
          {{"ID", [](const auto& process) { return process.id(); }},
           {"NAME", [](const auto& process) { return process.name(); }},
           {"STATE", state},
           {"READY", ReadyText},
           {"PID", PidText, kRight},
           {"UPTIME", [now_ms](const auto& process) { return Uptime(process, now_ms); }, kRight},
           {"RESTARTS", restarts, kRight},
           {"LAST-EXIT", exit},
           {"MEMORY", MemoryText, kRight},
           {"CPU", [now_ms](const auto& process) { return CpuText(process, now_ms); }, kRight},
           {"PORT", PortText, kRight, kWide},
           {"ACCOUNT", account, kLeft, kWide},
           {"GENERATION", generation, kLeft, kWide},
           {"COMMAND", [](const auto& process) { return process.spec().command(); }, kLeft, kWide}},
      .details = [now_ms, typed = std::move(typed)](
                     const v1::Process& process) { return Details(process, now_ms, typed); }};
}

}  // namespace grpc_os::shell
