// core::Deploys, the steps of one deploy: from its record to its end.
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/utf8.h"
#include "core/deploy/deploys.h"
#include "core/process/read_log.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kStoreRetryMs = 500;
// Beyond the time-out of `ready`, whose own finding is worth waiting for.
constexpr int64_t kReadySlackMs = 1000;
// How long a deploy waits for processes that its own depends on.
constexpr int64_t kDependenciesMs = int64_t{10} * 60 * 1000;

// Whether it may go well a little later: the disk is full, or fails.
bool IsOfStore(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

std::string Shortened(std::string text) {
  return TruncateUtf8(std::move(text), limits::kDeployMessageBytes);
}

}  // namespace

// ---- From the record to its end -----------------------------------------------------------------

void Deploys::Begin(const Revision& revision) {
  if (revision.spec.spec.release.empty()) return Start(revision);
  parts_.release(ProcessOf(revision.spec), revision.spec.spec.release,
                 [this, alive = std::weak_ptr<char>(alive_), revision](const absl::Status& status) {
                   if (alive.expired()) return;
                   if (!status.ok()) {
                     return Finish(revision, RevisionState::kFailed,
                                   absl::StrCat("its release command failed, so nothing was "
                                                "changed: ",
                                                std::string(status.message())));
                   }
                   Failpoint("osd.deploy.released");
                   SetStatus(revision, {}, [this, revision] { Start(revision); });
                 });
}

void Deploys::Start(const Revision& revision) {
  const RevisionSpec& spec = revision.spec;
  const auto started = [this, alive = std::weak_ptr<char>(alive_),
                        revision](const absl::StatusOr<Process>& process) {
    if (alive.expired()) return;
    if (process.ok()) return AwaitReady(revision);
    const RevisionSpec& tried = revision.spec;
    const Process* now = parts_.processes.Find(tried.process_id);
    const std::string why(process.status().message());
    if (now != nullptr && now->spec.deployed == tried.number) return OnNotReady(revision, why);
    // Refused before anything changed, or a first one that could not be executed.
    Finish(revision, RevisionState::kFailed, absl::StrCat(why, "; ", HasNow(tried)));
  };
  if (spec.generation == 0) return parts_.processes.Create(ProcessOf(spec), started);
  parts_.processes.Deploy(
      spec.process_id,
      [wanted = spec.spec, before = revision.status.before, name = spec.process](ProcessSpec& now) {
        if (now != before) {
          return absl::AbortedError(
              absl::StrCat("the spec of '", name, "' was changed meanwhile; deploy it again"));
        }
        now = wanted;
        return absl::OkStatus();
      },
      spec.was_stopped, started);
}

// `waited_ms`: so long for processes that it depends on.
void Deploys::AwaitReady(const Revision& revision, int64_t waited_ms) {
  Failpoint("osd.deploy.started");
  const RevisionSpec& spec = revision.spec;
  const int64_t timeout_ms = spec.spec.ready.timeout_ms + kReadySlackMs;
  parts_.processes.Wait(
      spec.process_id, Processes::Condition::kReady, timeout_ms,
      [this, alive = std::weak_ptr<char>(alive_), revision, timeout_ms,
       waited_ms](const absl::StatusOr<Processes::Waited>& waited) {
        if (alive.expired()) return;
        Failpoint("osd.deploy.waited");
        if (waited.ok() && waited->satisfied) return Finish(revision, RevisionState::kDeployed, "");
        if (WasTakenAway(revision)) return;
        const Process& process = *parts_.processes.Find(revision.spec.process_id);
        const ProcessStatus& status = process.status;
        const bool done = process.desired == DesiredState::kCompleted && status.last_exit &&
                          status.last_exit->exit_code == 0;
        if (done) return Finish(revision, RevisionState::kDeployed, "");
        std::string why = absl::StrCat("it is not ready after ",
                                       revision.spec.spec.ready.timeout_ms / 1000, " s");
        if (!waited.ok()) why = std::string(waited.status().message());
        const std::string waits =
            parts_.processes.WhyPending(process, [](std::string_view) { return false; });
        // Its own time begins once the others have come.
        if (!waits.empty() && waited_ms + timeout_ms <= kDependenciesMs)
          return AwaitReady(revision, waited_ms + timeout_ms);
        if (!waits.empty()) absl::StrAppend(&why, "; it ", waits);
        if (!status.message.empty() && why.find(status.message) == std::string::npos)
          absl::StrAppend(&why, "; ", status.message);
        OnNotReady(revision, why);
      },
      spec.generation + 1);
}

// Whether users ended the process meanwhile; then so is the deploy.
bool Deploys::WasTakenAway(const Revision& revision) {
  const Process* process = parts_.processes.Find(revision.spec.process_id);
  if (process != nullptr && process->desired != DesiredState::kStopped) return false;
  Finish(revision, RevisionState::kFailed,
         process == nullptr ? "the process was deleted before it was ready"
                            : "the process was stopped before it was ready; it has this revision");
  return true;
}

void Deploys::OnNotReady(const Revision& revision, const std::string& why) {
  if (WasTakenAway(revision)) return;
  WithLog(revision.spec.process_id, [this, revision, why](const std::string& log) {
    const std::string told = Shortened(absl::StrCat(why, log));
    if (revision.spec.no_rollback) {
      return Finish(revision, RevisionState::kFailed,
                    absl::StrCat("it was left as it is, as was asked for (no_rollback): ", told));
    }
    SetStatus(revision, {.step = DeployStep::kRollingBack, .message = told, .before = {}},
              [this, revision, told] { RollBack(revision, told); });
  });
}

void Deploys::RollBack(const Revision& revision, const std::string& why) {
  Failpoint("osd.deploy.rolling_back");
  const RevisionSpec& spec = revision.spec;
  const auto ended = [this, alive = std::weak_ptr<char>(alive_), revision,
                      why](const absl::StatusOr<Process>& process) {
    if (!alive.expired()) OnRolledBack(revision, why, process.status());
  };
  if (spec.generation == 0) return parts_.processes.Stop(spec.process_id, "", ended);
  const auto change = [before = revision.status.before, number = spec.number](ProcessSpec& now) {
    if (now.deployed != number) return absl::AbortedError("it was changed meanwhile");
    now = before;
    return absl::OkStatus();
  };
  if (spec.was_stopped) {
    parts_.processes.Stop(spec.process_id, "",
                          [this, alive = std::weak_ptr<char>(alive_), id = spec.process_id, change,
                           ended](const absl::StatusOr<Process>& stopped) {
                            if (alive.expired()) return;
                            if (!stopped.ok()) return ended(stopped);
                            parts_.processes.Update(id, "", change, ended);
                          });
    return;
  }
  parts_.processes.Deploy(spec.process_id, change, false,
                          [this, alive = std::weak_ptr<char>(alive_), revision, why,
                           ended](const absl::StatusOr<Process>& process) {
                            if (alive.expired()) return;
                            if (!process.ok()) return ended(process);
                            AwaitOldOne(revision, why);
                          });
}

// What runs again is told of once it is ready.
void Deploys::AwaitOldOne(const Revision& revision, const std::string& why) {
  const RevisionSpec& spec = revision.spec;
  parts_.processes.Wait(
      spec.process_id, Processes::Condition::kReady,
      revision.status.before.ready.timeout_ms + kReadySlackMs,
      [this, alive = std::weak_ptr<char>(alive_), revision,
       why](const absl::StatusOr<Processes::Waited>& waited) {
        if (alive.expired()) return;
        absl::Status status = waited.status();
        if (waited.ok() && !waited->satisfied)
          status = absl::DeadlineExceededError("it is not ready in time");
        OnRolledBack(revision, why, status);
      },
      spec.generation + 2);
}

void Deploys::OnRolledBack(const Revision& revision, const std::string& why,
                           const absl::Status& status) {
  const RevisionSpec& spec = revision.spec;
  const Process* now = parts_.processes.Find(spec.process_id);
  const bool has_it = now != nullptr && now->spec.deployed == spec.number;
  const bool first = spec.generation == 0;
  if (has_it && IsOfStore(status)) {
    return parts_.scheduler.After(kStoreRetryMs,
                                  [this, alive = std::weak_ptr<char>(alive_), revision, why] {
                                    if (!alive.expired()) RollBack(revision, why);
                                  });
  }
  const std::string problem(status.message());
  std::string has;
  if (now == nullptr) {
    has = "the process is gone";
  } else if (first) {
    has = status.ok() ? "there is no revision before it, so the process was stopped"
                      : absl::StrCat(
                            "there is no revision before it, and the process could not be "
                            "stopped: ",
                            problem);
  } else if (has_it) {  // its port was taken, the system is held
    has = absl::StrCat("it could not be rolled back: ", problem);
  } else {
    has = absl::StrCat("it was rolled back: ", HasNow(spec),
                       spec.was_stopped ? ", and is stopped, as it was" : "");
    if (!status.ok()) absl::StrAppend(&has, ", which does not run well: ", problem);
  }
  Finish(revision, RevisionState::kFailed, absl::StrCat(has, ". ", why));
}

void Deploys::Finish(const Revision& revision, RevisionState state, const std::string& message) {
  SetStatus(revision, {.state = state, .message = Shortened(message), .before = {}},
            [this, revision] {
              busy_.erase(revision.spec.process);
              Failpoint("osd.deploy.finished");
              Prune(revision.spec.process);
            });
}

void Deploys::SetStatus(const Revision& revision, RevisionStatus status,
                        std::function<void()> then) {
  if (status.state == RevisionState::kDeploying) status.before = revision.status.before;
  catalogue_.SetStatus(
      revision.id, revision.generation, status,
      Posted([this, revision, status, then](const absl::StatusOr<Revision>& stored) {
        if (!stored.ok() && !absl::IsNotFound(stored.status())) {
          parts_.scheduler.After(
              kStoreRetryMs, [this, alive = std::weak_ptr<char>(alive_), revision, status, then] {
                if (!alive.expired()) SetStatus(revision, status, then);
              });
          return;
        }
        Revision now = revision;
        now.status = status;
        then();
        CheckWaiters(now);
      }));
}

// The last lines of its log, after a line of their own; nothing if there are none.
void Deploys::WithLog(const std::string& process_id, std::function<void(std::string)> then) const {
  const auto text = std::make_shared<std::string>();
  ReadLog(
      parts_.logs, {.process_id = process_id, .lines = limits::kDeployLogLines, .cursor = {}},
      [text](const LogLines& lines) {
        for (const LogLine& line : lines.lines) {
          absl::StrAppend(text.get(), "\n  ",
                          IsValidUtf8(line.text) ? line.text : absl::CHexEscape(line.text));
        }
      },
      [text, answer = Posted(std::move(then))](const absl::Status&) {
        answer(text->empty() ? "" : absl::StrCat("\nThe last lines of its log:", *text));
      });
}

}  // namespace grpc_os::core
