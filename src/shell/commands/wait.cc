// wait.
#include "shell/commands/wait.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/signal_name.h"
#include "client/errors.h"
#include "manifest/quantity.h"
#include "shell/commands/explain.h"
#include "shell/commands/process_rows.h"
#include "shell/commands/retry_policy.h"
#include "shell/commands/selection.h"
#include "shell/escape.h"
#include "shell/quantity.h"
#include "shell/render/process.h"

namespace grpc_os::shell {
namespace {

using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>;
using google::protobuf::util::TimeUtil;
using Millis = std::chrono::milliseconds;

constexpr Millis kLongestWaitCall{30'000};
// After a start, how it goes on is looked at so soon, then less and less often: no call waits for
// an end after which it is run again.
constexpr Millis kFirstLook{50};
constexpr Millis kEachLook{500};
// For the supervisor to say first what it has found.
constexpr Millis kReadyMargin{1'000};
constexpr int64_t kReadyTimeoutMs = 30'000;  // where the spec has none

constexpr WordKind kConditionWord = {.words = "running ready exited"};

absl::StatusOr<v1::WaitProcessRequest::Condition> ParseCondition(const std::string& word) {
  if (word == "running") return v1::WaitProcessRequest::CONDITION_RUNNING;
  if (word == "ready") return v1::WaitProcessRequest::CONDITION_READY;
  if (word == "exited") return v1::WaitProcessRequest::CONDITION_EXITED;
  return absl::InvalidArgumentError(
      absl::StrCat("There is no condition ", word, "; expected: --for running, ready or exited."));
}

absl::StatusOr<v1::WaitProcessResponse> CallWait(Session& session, const std::string& id,
                                                 v1::WaitProcessRequest::Condition condition,
                                                 Millis longest, const Deadline& deadline) {
  Millis left = longest;
  if (deadline) {
    left = std::clamp(std::chrono::duration_cast<Millis>(*deadline - Clock::now()), Millis(0),
                      longest);
  }
  v1::WaitProcessRequest request;
  request.set_name(id);
  request.set_condition(condition);
  // Zero would be the default of 30 s.
  *request.mutable_timeout() = TimeUtil::MillisecondsToDuration(std::max<int64_t>(left.count(), 1));
  return session.client().WaitProcess(request);
}

// What its supervisor has found out.
std::string WhyNot(const v1::Process& process) {
  const std::string& message = process.status().message();
  return message.empty() ? "" : absl::StrCat(" ", EscapeForTerminal(message), ".");
}

absl::Status GaveUp(const v1::Process& process, const std::string& wanted) {
  return MakeError(
      absl::StatusCode::kDeadlineExceeded,
      absl::StrCat(process.name(), " is not ", wanted, " but ", StateWord(process.status().state()),
                   "; gave up waiting.", WhyNot(process)),
      {.reason = kWaitTimedOut});
}

// Waits for one process, by as many calls as it takes, over restarts of the daemon too.
absl::StatusOr<v1::Process> WaitFor(Session& session, const std::string& id,
                                    const std::string& wanted,
                                    v1::WaitProcessRequest::Condition condition,
                                    const Deadline& deadline) {
  RetryPolicy retry(session);
  while (true) {
    auto response = CallWait(session, id, condition, kLongestWaitCall, deadline);
    if (!response.ok()) {
      if (retry.MayTryAgain(response.status())) continue;
      return response.status();
    }
    retry.Progress();
    if (response->satisfied()) return response->process();
    if (session.interrupted()) return absl::CancelledError("Interrupted.");
    if (deadline && Clock::now() >= *deadline) return GaveUp(response->process(), wanted);
  }
}

std::string EndSentence(const v1::Process& process) {
  const v1::ExitReport& exit = process.status().last_exit();
  if (HasFinished(process) && exit.has_exit_code()) {
    return absl::StrCat(process.name(), " exited with code ", exit.exit_code());
  }
  return absl::StrCat(process.name(), " is ", StateWord(process.status().state()), ": ",
                      ExitWord(exit));
}

// As shells have it: the exit code, 128 and the number of the signal, 126: not executed.
absl::StatusOr<int> CodeOf(const v1::Process& process) {
  const v1::ExitReport& exit = process.status().last_exit();
  if (exit.has_exit_code()) return exit.exit_code();
  if (exit.reason() == v1::ExitReport::REASON_EXEC_FAILED) return kNotExecutedStatus;
  if (const auto signal = SignalFrom(exit.signal())) return 128 + *signal;
  if (!process.status().has_last_exit()) {
    return absl::FailedPreconditionError(
        absl::StrCat(process.name(), " has no exit code: it has not run."));
  }
  return absl::UnknownError(
      absl::StrCat("The exit code of ", process.name(), " is not known: ", ExitWord(exit), "."));
}

ExitCode RunWait(Session& session, const Arguments& arguments) {
  const bool code = arguments.Has("code");
  const auto& names = arguments.positional();
  const std::string wanted = arguments.Value("for").value_or(code ? "exited" : "ready");
  const auto condition = ParseCondition(wanted);
  if (!condition.ok()) return session.Report(condition.status());
  if (code && (*condition != v1::WaitProcessRequest::CONDITION_EXITED || names.size() != 1 ||
               IsPattern(names[0]))) {
    return session.Report(absl::InvalidArgumentError(
        "--code gives the exit code of one process: `wait NAME --for exited --code`."));
  }
  Deadline deadline;
  if (const auto text = arguments.Value("timeout")) {
    const auto ms = manifest::ParseDurationMs(*text);
    if (!ms.ok()) return session.Report(ms.status());
    deadline = Clock::now() + Millis(*ms);
  }
  const auto wait = [&](const v1::Process& process) {
    return WaitFor(session, process.id(), wanted, *condition, deadline);
  };
  const auto sentence = [&](const v1::Process&, const v1::Process& process) {
    if (*condition != v1::WaitProcessRequest::CONDITION_EXITED) {
      return absl::StrCat(process.name(), " is ", wanted, ", pid ", process.status().pid());
    }
    return EndSentence(process);
  };
  std::optional<absl::StatusOr<int>> status;
  const auto keep = [&](const v1::Process& process) {
    auto ended = wait(process);
    if (ended.ok()) status = CodeOf(*ended);
    return ended;
  };
  const Action action = {
      .run = keep, .sentence = sentence, .together = false, .explains_end = !code};
  const ExitCode done = ForEach(session, names, action);
  if (!code || done != ExitCode::kOk || !status) return done;
  return status->ok() ? static_cast<ExitCode>(**status) : session.Report(status->status());
}

// It was running, or about to, when the start was answered.
bool HasEnded(const v1::Process& started, const v1::Process& now) {
  switch (now.status().state()) {
    case v1::Process::STATE_PENDING:
    case v1::Process::STATE_STARTING:
    case v1::Process::STATE_RUNNING:
      return now.status().restart_count() > started.status().restart_count();
    default:
      return true;
  }
}

absl::Status EndedEarly(const v1::Process& process, const StartWait& wait) {
  std::string how;
  if (process.status().has_last_exit())
    how = absl::StrCat(": ", ExitWord(process.status().last_exit()));
  return MakeError(
      absl::StatusCode::kUnknown,
      absl::StrCat(process.name(), " ended ",
                   wait.ready ? std::string("before it was ready")
                              : absl::StrCat("within ", FormatDuration(wait.runs->count())),
                   how, "."),
      {.reason = kEndedEarly});
}

}  // namespace

Option StartWaitOption() {
  return {"wait", 0, "ready|TIME",
          "end once it is ready, or has run for so long; a failure if it ends before"};
}

absl::StatusOr<StartWait> ReadStartWait(const Arguments& arguments) {
  StartWait wait;
  const auto text = arguments.Value("wait");
  if (!text) return wait;
  if (*text == "ready") {
    wait.ready = true;
    wait.sentence = ", ready";
    return wait;
  }
  const auto ms = manifest::ParseDurationMs(*text);
  if (!ms.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--wait is ", *text, "; expected: ready, or a time such as 5s."));
  }
  wait.runs = Millis(*ms);
  wait.sentence = absl::StrCat(", still after ", *text);
  return wait;
}

absl::StatusOr<v1::Process> AwaitStart(Session& session, absl::StatusOr<v1::Process> started,
                                       const StartWait& wait) {
  if (!started.ok() || (!wait.ready && !wait.runs) || WaitsForExecution(*started)) return started;
  const auto condition = wait.ready ? v1::WaitProcessRequest::CONDITION_READY
                                    : v1::WaitProcessRequest::CONDITION_EXITED;
  const v1::ReadyProbe& ready = started->spec().ready();
  const Millis ready_time =
      kReadyMargin + Millis(ready.has_timeout() ? TimeUtil::DurationToMilliseconds(ready.timeout())
                                                : kReadyTimeoutMs);
  Deadline given;
  if (session.timeout_given()) given = Clock::now() + session.client().timeout();
  Deadline deadline = given;
  RetryPolicy retry(session);
  retry.Progress();
  v1::Process process = *started;
  for (Millis look = kFirstLook;; look = std::min(look * 2, kEachLook)) {
    if (HasEnded(*started, process)) return EndedEarly(process, wait);
    const bool runs = process.status().state() == v1::Process::STATE_RUNNING;
    // From when it runs on: what it depends on may take its time.
    if (runs && (!deadline || deadline == given)) {
      const auto end = Clock::now() + (wait.ready ? ready_time : *wait.runs);
      deadline = given && wait.ready ? std::min(end, *given) : end;
    }
    if (deadline && Clock::now() >= *deadline) {
      if (wait.runs && runs) return process;
      return GaveUp(process, wait.ready ? "ready" : "running");
    }
    if (session.interrupted()) return absl::CancelledError("Interrupted.");
    const auto response = CallWait(session, process.id(), condition, look, deadline);
    if (response.ok()) {
      retry.Progress();
      process = response->process();
      if (wait.ready && response->satisfied() && !HasEnded(*started, process)) return process;
    } else if (client::ReasonOf(response.status()) == "PROCESS_NOT_RUNNING") {
      auto ended = session.client().GetProcess(process.id());
      if (!ended.ok()) return ended.status();
      return EndedEarly(*ended, wait);
    } else if (!retry.MayTryAgain(response.status())) {
      return response.status();
    }
  }
}

Command WaitRow() {
  return {
      .name = "wait",
      .synopsis = "NAME…",
      .arguments = {&kProcessWord},
      .summary = "Wait until processes run, are ready, or have ended",
      .details =
          std::string(kProcessNames) +
          "With --code the exit code is that of the process, however it was: 128 and the number\n"
          "of the signal that ended it, 126 if it could not be executed, 1 if it is not known.\n"
          "Those of `wait` itself (3: no such process, 7: the timeout is over) come with a\n"
          "message on standard error.\n",
      .options = {{"for", 0, "CONDITION", "running, exited or ready (the default)", false,
                   &kConditionWord},
                  {"timeout", 0, "TIME", "give up after so long (never)"},
                  {"code", 0, "", "of one NAME: end with its exit code; means --for exited"}},
      .examples = {"wait web-server --for ready", "wait job --for exited --timeout 1m",
                   "wait job --for exited --code"},
      .least = 1,
      .run = RunWait};
}

}  // namespace grpc_os::shell
