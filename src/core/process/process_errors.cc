#include "core/process/process_errors.h"

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::core {

using absl::StatusCode;
using absl::StrCat;

absl::Status ProcessNotFound(const std::string& reference) {
  return MakeError(StatusCode::kNotFound,
                   StrCat("there is no process '", reference, "'; `ps` lists all"),
                   {.reason = reason::kProcessNotFound, .metadata = {{"process", reference}}});
}

absl::Status SystemProcessRefused(const Process& process) {
  return MakeError(
      StatusCode::kFailedPrecondition,
      StrCat("'", process.name,
             "' is a process of gRPC OS itself, which starts, changes and stops it as needed; you "
             "may restart it with `restart ",
             process.name, "`, and `ps --system` shows it"),
      {.reason = reason::kSystemProcess, .metadata = {{"process", process.name}}});
}

absl::Status NameTaken(const std::string& name, const Process* owner) {
  ErrorDetail detail{.reason = reason::kNameTaken, .metadata = {{"name", name}}};
  std::string state = "being created";
  std::string cures = StrCat("`ps -l ", name, "` shows it");
  if (owner != nullptr) {
    state = ToString(owner->status.state);
    cures = IsAtRest(owner->status.state)
                ? StrCat("start that with `start ", name, "`, remove it with `delete ", name, "`")
                : StrCat("change that with `update ", name, "` and `restart ", name,
                         "`, remove it with `delete --force ", name, "`");
    detail.metadata["id"] = owner->id;
    detail.metadata["state"] = state;
  }
  return MakeError(StatusCode::kAlreadyExists,
                   StrCat("the name '", name, "' is taken by a process that is ", state, "; ",
                          cures, ", or choose another name"),
                   detail);
}

absl::Status IdTaken(const std::string& id, const std::string& owner_name) {
  return MakeError(StatusCode::kAlreadyExists,
                   StrCat("the id '", id, "' is taken",
                          owner_name.empty() ? "" : StrCat(" by '", owner_name, "'"),
                          "; choose another or leave it out"),
                   {.reason = reason::kIdTaken, .metadata = {{"id", id}, {"name", owner_name}}});
}

absl::Status SystemHeld(const std::string& why) {
  return MakeError(
      StatusCode::kFailedPrecondition,
      StrCat("this system is held: ", why,
             "; nothing is started until `resume`. `stop NAME` first what must not run here too"),
      {.reason = reason::kHeld, .metadata = {{"cause", why}}});
}

absl::Status PortTaken(const Process& process, int port, const Process* owner) {
  ErrorDetail detail{.reason = reason::kPortTaken, .metadata = {{"port", StrCat(port)}}};
  if (owner != nullptr) detail.metadata["process"] = owner->name;
  const bool may_end = owner != nullptr && !owner->spec.system;
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("'", process.name, "' wants port ", port, ", which is that of ",
                          owner == nullptr ? "another process" : StrCat("'", owner->name, "'"),
                          "; ", may_end ? StrCat("`kill ", owner->name, "` first, or ") : "",
                          "give it another one (`--port N`, or `--port auto` for any)"),
                   detail);
}

absl::Status DependencyCycle(const Process& process, const std::string& way) {
  return MakeError(
      StatusCode::kFailedPrecondition,
      StrCat("'", process.name, "' would wait for itself: ", way,
             "; take one of these out of what the process before it depends on"),
      {.reason = reason::kDependencyCycle, .metadata = {{"process", process.name}, {"way", way}}});
}

absl::Status NoFreePort(int first, int last) {
  const std::string range = StrCat(first, "-", last);
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat("no port of ", range,
                          " is free; set a wider range with PROCESS_PORTS, or stop something"),
                   {.reason = reason::kNoFreePort, .metadata = {{"range", range}}});
}

absl::Status TooManyProcesses(int count) {
  return MakeError(
      StatusCode::kResourceExhausted,
      StrCat("there are ", count, " processes, the limit is ", limits::kProcesses, "; delete some"),
      {.reason = reason::kLimitReached,
       .metadata = {{"limit", "processes"}, {"value", StrCat(limits::kProcesses)}}});
}

absl::Status TooManyWaiters(const Process& process) {
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat(limits::kWaitersPerProcess, " calls wait for '", process.name,
                          "' already; what was asked will be done, see `ps -l ", process.name, "`"),
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", "waiters_per_process"},
                                 {"value", StrCat(limits::kWaitersPerProcess)}}});
}

absl::Status EtagMismatch(const Process& process, const std::string& actual,
                          const std::string& given) {
  return MakeError(
      StatusCode::kAborted,
      StrCat("'", process.name, "' changed meanwhile (its etag is ", actual, ", not ", given,
             "); read it and try again"),
      {.reason = reason::kEtagMismatch, .metadata = {{"process", process.name}, {"etag", actual}}});
}

absl::Status Superseded(const Process& process) {
  return MakeError(StatusCode::kAborted,
                   StrCat("another call meanwhile wants '", process.name, "' ",
                          ToString(process.desired), "; see `ps -l ", process.name, "`"),
                   {.reason = reason::kSuperseded, .metadata = {{"process", process.name}}});
}

namespace {

// A process that never ran is not kept when it cannot be started.
std::string CouldNotStart(const Process& process, const std::string& cause) {
  return StrCat("'", process.name, "' could not be started",
                process.provisional ? " and was not kept" : "", ": ", cause);
}

}  // namespace

absl::Status ExecFailed(const Process& process, const std::optional<ExecFailure>& failure) {
  constexpr size_t kShown = 200;
  ErrorDetail detail{.reason = reason::kExecFailed,
                     .metadata = {{"process", process.name},
                                  {"cause", process.status.message},
                                  {"command", process.spec.command.substr(0, kShown)}}};
  if (failure.has_value()) {
    detail.metadata["stage"] = failure->stage;
    detail.metadata["errno"] = StrCat(failure->error_number);
  }
  return MakeError(StatusCode::kFailedPrecondition, CouldNotStart(process, process.status.message),
                   detail);
}

absl::Status AccountRefused(const Process& process, const std::string& cause) {
  return MakeError(
      StatusCode::kFailedPrecondition, CouldNotStart(process, cause),
      {.reason = reason::kAccountRefused,
       .metadata = {
           {"process", process.name}, {"account", process.spec.account}, {"cause", cause}}});
}

absl::Status Unkillable(const Process& process) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("something of '", process.name,
                          "' survives SIGKILL (uninterruptible sleep?), so nothing is started "
                          "beside it; see `ps -l ",
                          process.name, "`"),
                   {.reason = reason::kProcessUnkillable, .metadata = {{"process", process.name}}});
}

absl::Status StillRunning(const Process& process) {
  const std::string state = ToString(process.status.state);
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("'", process.name, "' is ", state, "; stop it first (`kill ",
                          process.name, "`), or `delete --force ", process.name, "`"),
                   {.reason = reason::kProcessRunning,
                    .metadata = {{"process", process.name}, {"state", state}}});
}

absl::Status NotRunning(const Process& process, const std::string& what_for) {
  const std::string state = ToString(process.status.state);
  return MakeError(
      StatusCode::kFailedPrecondition,
      StrCat("'", process.name, "' is ", state, ", ", what_for, "; `",
             process.status.state == ProcessState::kHeld ? std::string("resume")
                                                         : StrCat("start ", process.name),
             "` first"),
      {.reason = reason::kProcessNotRunning,
       .metadata = {{"process", process.name}, {"state", state}}});
}

absl::Status SupervisorSilent(const Process& process) {
  return MakeError(
      StatusCode::kUnavailable,
      StrCat("the supervisor of '", process.name, "' does not answer just now; try again"),
      {.reason = reason::kRuntimeUnavailable,
       .metadata = {{"process", process.name}},
       .retry_after_ms = 500});
}

}  // namespace grpc_os::core
