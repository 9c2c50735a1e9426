#include "core/deploy/deploys.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/guarded.h"
#include "base/id.h"
#include "base/utf8.h"
#include "core/deploy/deploy_errors.h"
#include "core/process/bundle_place.h"
#include "core/process/process_errors.h"
#include "core/tagged.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kStoreRetryMs = 500;
// Beyond the time-out of `ready`, whose own finding is worth waiting for.
constexpr int64_t kReadySlackMs = 1000;
// How long a deploy waits for processes that its own depends on.
constexpr int64_t kDependenciesMs = int64_t{10} * 60 * 1000;

// Whether a deploy of `wanted` would change nothing where there is `has`. An automatic port is
// chosen by the process itself.
bool SameSpec(ProcessSpec wanted, ProcessSpec has) {
  wanted.deployed = has.deployed = 0;
  if (wanted.auto_port && has.auto_port) wanted.port = has.port = 0;
  return wanted == has;
}

// The secrets of a process outlive its deploys, unless they are given anew.
void KeepSecrets(const ProcessSpec& has, ProcessSpec& wanted) {
  for (const std::string& name : has.secrets) {
    const auto given = wanted.environment.find(name);
    const bool kept = given == wanted.environment.end() ||
                      (given->second.empty() && wanted.secrets.contains(name));
    if (!kept) continue;
    wanted.environment[name] = has.environment.at(name);
    wanted.secrets.insert(name);
  }
}

// Whether it may go well a little later: the disk is full, or fails.
bool IsOfStore(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

std::string Shortened(std::string text) {
  if (static_cast<int64_t>(text.size()) <= limits::kDeployMessageBytes) return text;
  text.resize(limits::kDeployMessageBytes);
  // Not in the middle of a character.
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0) text.pop_back();
  return text;
}

// Of a process that has the spec of before.
std::string HasNow(const RevisionSpec& spec) {
  if (spec.generation == 0) return "there is no revision before it";
  if (spec.previous == 0) return "the process has the spec of before";
  return absl::StrCat("the process has revision ", spec.previous);
}

// The process, as it is to be.
Process ProcessOf(const RevisionSpec& revision) {
  Process process;
  process.id = revision.process_id;
  process.name = revision.process;
  process.spec = revision.spec;
  return process;
}

}  // namespace

template <typename Then>
auto Deploys::Posted(Then then) const {
  return [scheduler = &parts_.scheduler, alive = std::weak_ptr<char>(alive_),
          then = std::move(then)](auto result) {
    scheduler->Post([alive, then, result = std::move(result)]() mutable {
      if (!alive.expired()) then(std::move(result));
    });
  };
}

Deploys::Deploys(Parts parts)
    : parts_(std::move(parts)),
      catalogue_({.kind = kRevisionKind,
                  .store = parts_.store,
                  .clock = parts_.scheduler,
                  .changes = changes_}) {
  parts_.processes.SetDeleted([this](const Process& process) { OnDeleted(process); });
}

// ---- What there is ------------------------------------------------------------------------------

std::vector<Revision> Deploys::RevisionsOf(const std::string& process) const {
  const std::string prefix = RevisionName(process, 0).substr(0, process.size() + 1);
  // Few of each process, unless many failed just now.
  std::vector<Revision> found = catalogue_.List(prefix, 10 * limits::kProcessRevisions);
  std::erase_if(found, [&](const Revision& one) { return one.spec.process != process; });
  std::sort(found.begin(), found.end(),
            [](const Revision& a, const Revision& b) { return a.spec.number > b.spec.number; });
  return found;
}

std::vector<Revision> Deploys::List(const std::string& process) const {
  std::vector<Revision> found = RevisionsOf(process);
  if (const Process* now = parts_.processes.Find(process); now != nullptr)
    std::erase_if(found, [&](const Revision& one) { return one.spec.process_id != now->id; });
  return found;
}

absl::StatusOr<Revision> Deploys::Find(const std::string& process, int64_t number) const {
  for (Revision& one : List(process)) {
    if (number == 0 || one.spec.number == number) return std::move(one);
  }
  return RevisionNotFound(process, number);
}

int64_t Deploys::NextNumber(const std::string& process) const {
  const auto found = RevisionsOf(process);
  return found.empty() ? 1 : found.front().spec.number + 1;
}

bool Deploys::Changed(const Process& process, const Revision& revision) {
  return !SameSpec(process.spec, revision.spec.spec);
}

absl::StatusOr<Deploys::Wanted> Deploys::WantedOf(const Process& process, int64_t number) const {
  for (const Revision& one : List(process.name)) {
    const bool is_it = number != 0 ? one.spec.number == number
                                   : one.status.state == RevisionState::kDeployed &&
                                         one.spec.number < process.spec.deployed;
    if (!is_it) continue;
    Wanted wanted;
    wanted.process = process.name;
    wanted.spec = one.spec.spec;
    wanted.rollback_of = one.spec.number;
    wanted.dockerfile = one.spec.dockerfile;
    return wanted;
  }
  return number == 0 ? NothingToRollBackTo(process.name) : RevisionNotFound(process.name, number);
}

// ---- To the record ------------------------------------------------------------------------------

absl::StatusOr<Deploys::Planned> Deploys::Plan(const Wanted& wanted) const {
  const Process* process = parts_.processes.Find(wanted.process);
  Planned planned;
  RevisionSpec& spec = planned.spec;
  spec.process = wanted.process;
  spec.process_id = process == nullptr ? NewId("proc_", parts_.scheduler.NowMs()) : process->id;
  spec.spec = wanted.spec;
  spec.rollback_of = wanted.rollback_of;
  spec.no_rollback = wanted.no_rollback;
  spec.dockerfile = wanted.dockerfile;
  if (process != nullptr) {
    const ProcessSpec& has = planned.before = process->spec;
    spec.previous = has.deployed;
    spec.generation = process->generation;
    spec.was_stopped = process->desired != DesiredState::kRunning;
    KeepSecrets(has, spec.spec);
    if (spec.spec.auto_port && spec.spec.port == 0 && has.auto_port) spec.spec.port = has.port;
    if (has.deployed != 0 && SameSpec(spec.spec, has)) {
      const auto current = Find(process->name, has.deployed);
      // What failed is tried again.
      planned.nothing_to_do = current.ok() && current->status.state != RevisionState::kFailed;
      if (planned.nothing_to_do) {
        spec = current->spec;
        return planned;
      }
    }
  }
  spec.number = spec.spec.deployed = NextNumber(wanted.process);
  for (ProcessSpec* one : {&spec.spec, &planned.before}) {
    const auto bytes = static_cast<int64_t>(EncodeTagged(*one).size());
    if (bytes > limits::kRevisionSpecBytes) return SpecTooLarge(bytes);
  }
  return planned;
}

absl::StatusOr<Deploys::Planned> Deploys::PlanFor(const Wanted& wanted,
                                                  const Origin& origin) const {
  if (absl::Status status = origin.CheckPermitted(); !status.ok()) return status;
  const Process* process = parts_.processes.Find(wanted.process);
  if (!wanted.etag.empty()) {
    if (process == nullptr) return ProcessNotFound(wanted.process);
    if (const std::string etag = Processes::EtagOf(*process); wanted.etag != etag)
      return EtagMismatch(*process, etag, wanted.etag);
  }
  auto planned = Plan(wanted);
  if (!planned.ok() || planned->nothing_to_do) return planned;
  if (const auto other = busy_.find(wanted.process); other != busy_.end())
    return DeployInProgress(wanted.process, other->second);
  if (!parts_.processes.held().empty()) return SystemHeld(parts_.processes.held());
  if (absl::Status status = parts_.processes.CheckDeploy(ProcessOf(planned->spec), origin);
      !status.ok())
    return status;
  return planned;
}

absl::Status Deploys::Check(const Wanted& wanted, const Origin& origin) const {
  return PlanFor(wanted, origin).status();
}

void Deploys::Deploy(Wanted wanted, Origin origin, Done done) {
  origin.name = wanted.process;
  auto planned = PlanFor(wanted, origin);
  if (!planned.ok() || wanted.validate_only) {
    Revision revision;
    if (planned.ok()) revision.spec = planned->spec;
    if (planned.ok() && planned->nothing_to_do)
      revision = *Find(wanted.process, planned->spec.number);
    return parts_.scheduler.Post([done, status = planned.status(), revision] {
      done(status.ok() ? absl::StatusOr<Revision>(revision) : status);
    });
  }
  const bool nothing_to_do = planned->nothing_to_do;
  if (!nothing_to_do) {
    busy_[wanted.process] = 0;
    Use(planned->spec);  // from now on, so that nothing of it is removed meanwhile
  }
  const Process process = ProcessOf(planned->spec);  // before `planned` goes on
  parts_.bundles.Prepare(process, [this, alive = std::weak_ptr<char>(alive_),
                                   planned = *std::move(planned), origin = std::move(origin),
                                   done = std::move(done)](const absl::Status& status) mutable {
    if (alive.expired()) return;
    const RevisionSpec& spec = planned.spec;
    if (planned.nothing_to_do) {
      if (!status.ok()) return done(status);
      return Remember(RevisionName(spec.process, spec.number), std::move(origin), std::move(done));
    }
    if (!status.ok()) {
      busy_.erase(spec.process);
      // What is no bundle is of no use to anybody.
      Unuse(spec, absl::IsInvalidArgument(status));
      return done(status);
    }
    Failpoint("osd.deploy.prepared");
    Record(planned, std::move(origin), std::move(done));
  });
}

namespace {

// The right to deploy is that to the process.
Origin ForRevision(Origin origin, const std::string& process) {
  origin.permit = [permit = origin.permit, process](std::string_view) {
    return permit ? permit(process) : absl::OkStatus();
  };
  return origin;
}

}  // namespace

// Nothing is to be done, and that it was asked for is remembered.
void Deploys::Remember(const std::string& name, Origin origin, Done done) {
  const std::string process = origin.name;
  catalogue_.Update(
      name, "", [](RevisionSpec&) { return absl::OkStatus(); },
      ForRevision(std::move(origin), process), Posted(std::move(done)));
}

void Deploys::Record(const Planned& planned, Origin origin, Done done) {
  Revision wanted;
  wanted.name = RevisionName(planned.spec.process, planned.spec.number);
  wanted.spec = planned.spec;
  wanted.status.before = planned.before;
  if (!planned.spec.spec.release.empty()) wanted.status.step = DeployStep::kReleasing;
  catalogue_.Create(std::move(wanted), ForRevision(std::move(origin), planned.spec.process),
                    Posted([this, spec = planned.spec,
                            done = std::move(done)](const absl::StatusOr<Revision>& recorded) {
                      if (!recorded.ok()) {
                        busy_.erase(spec.process);
                        Unuse(spec, false);
                        return done(recorded.status());
                      }
                      busy_[spec.process] = spec.number;
                      Failpoint("osd.deploy.recorded");
                      done(recorded);
                      Begin(*recorded);
                    }));
}

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
  struct State {
    std::string text;
    std::shared_ptr<LogSource::Tail> tail;
    bool more = false;  // wanted before the tail was known
    bool ended = false;
  };
  const auto state = std::make_shared<Guarded<State>>();
  auto answer = Posted(std::move(then));
  const auto tail = parts_.logs.Start(
      {.process_id = process_id, .lines = limits::kDeployLogLines, .cursor = {}},
      [state](const LogLines& lines) {
        std::shared_ptr<LogSource::Tail> known;
        {
          auto now = state->Lock();
          for (const LogLine& line : lines.lines) {
            absl::StrAppend(&now->text, "\n  ",
                            IsValidUtf8(line.text) ? line.text : absl::CHexEscape(line.text));
          }
          known = now->tail;
          now->more = known == nullptr;
        }
        if (known != nullptr) known->Continue();
      },
      [state, answer](const absl::Status&) {
        auto now = state->Lock();
        now->ended = true;
        now->tail = nullptr;
        answer(now->text.empty() ? "" : absl::StrCat("\nThe last lines of its log:", now->text));
      });
  bool more = false;
  {
    auto now = state->Lock();
    if (now->ended) return;
    now->tail = tail;
    more = std::exchange(now->more, false);
  }
  if (more) tail->Continue();
}

// ---- Who waits ----------------------------------------------------------------------------------

uint64_t Deploys::Wait(const Revision& revision, std::optional<DeployStep> step, int64_t timeout_ms,
                       Done done) {
  const uint64_t id = ++next_waiter_;
  waiters_[id] = {revision.name, step, std::move(done)};
  parts_.scheduler.Post([this, alive = std::weak_ptr<char>(alive_), name = revision.name] {
    if (alive.expired()) return;
    if (const auto now = catalogue_.Find(name); now.ok()) CheckWaiters(*now);
  });
  parts_.scheduler.After(timeout_ms, [this, alive = std::weak_ptr<char>(alive_), id] {
    if (alive.expired()) return;
    auto late = waiters_.extract(id);
    if (!late.empty()) late.mapped().done(catalogue_.Find(late.mapped().name));
  });
  return id;
}

void Deploys::CheckWaiters(const Revision& revision) {
  std::vector<Done> answers;
  std::erase_if(waiters_, [&](const auto& item) {
    const Waiter& waiter = item.second;
    if (waiter.name != revision.name) return false;
    const bool goes_on = revision.status.state == RevisionState::kDeploying &&
                         (!waiter.step || *waiter.step == revision.status.step);
    if (goes_on) return false;
    answers.push_back(waiter.done);
    return true;
  });
  for (const Done& done : answers) done(catalogue_.Find(revision.name));
}

// ---- What is left over --------------------------------------------------------------------------

void Deploys::Recover() {
  const std::vector<Revision> all = catalogue_.List("", kRevisionKind.most);
  for (const Revision& revision : all) Use(revision.spec);
  for (const Revision& revision : all) {
    const RevisionSpec& spec = revision.spec;
    const Process* process = parts_.processes.Find(spec.process_id);
    if (revision.status.state != RevisionState::kDeploying) {
      if (process == nullptr) Remove({revision});
      continue;
    }
    busy_[spec.process] = spec.number;
    const bool has_it = process != nullptr && process->spec.deployed == spec.number;
    const bool back = revision.status.step == DeployStep::kRollingBack;
    parts_.logger.Write(LogLevel::kInfo, "a deploy goes on that the last daemon began",
                        {{"revision", revision.name}, {"has_it", has_it ? "true" : "false"}});
    if (has_it && back) {
      RollBack(revision, revision.status.message);
    } else if (has_it) {
      AwaitReady(revision);
    } else if (back) {
      Finish(revision, RevisionState::kFailed,
             absl::StrCat("it was rolled back: ", HasNow(spec), ". ", revision.status.message));
    } else {
      const bool released = revision.status.step == DeployStep::kStarting;
      const char* release = spec.spec.release.empty() ? ""
                            : released                ? "; its release command has run"
                                                      : "; its release command may have run";
      Finish(revision, RevisionState::kFailed,
             absl::StrCat("the daemon ended before the process was changed", release, "; ",
                          HasNow(spec), ". Deploy it again."));
    }
  }
  std::set<std::string> places, digests;
  for (const auto& [place, uses] : places_) places.insert(place);
  for (const auto& [digest, uses] : bundles_) digests.insert(digest);
  // What runs keeps its place, whatever can be read of its revisions.
  for (const Process* process : parts_.processes.List("", parts_.processes.Count())) {
    if (process->spec.bundle.empty()) continue;
    places.insert(BundlePlace(*process));
    digests.insert(process->spec.bundle);
    parts_.bundles.Restore(*process);
  }
  parts_.bundles.KeepOnly(std::move(places), std::move(digests));
}

void Deploys::Use(const RevisionSpec& spec) {
  if (spec.spec.bundle.empty()) return;
  ++bundles_[spec.spec.bundle];
  ++places_[BundlePlace(ProcessOf(spec))];
}

void Deploys::Unuse(const RevisionSpec& spec, bool forget) {
  const std::string& bundle = spec.spec.bundle;
  if (bundle.empty()) return;
  const std::string place = BundlePlace(ProcessOf(spec));
  if (--places_[place] <= 0) {
    places_.erase(place);
    parts_.bundles.RemovePlace(place);
  }
  if (--bundles_[bundle] <= 0) {
    bundles_.erase(bundle);
    if (forget) parts_.bundles.RemoveBundle(bundle);
  }
}

// Its last ones stay, and the one that it has.
void Deploys::Prune(const std::string& process) {
  const Process* now = parts_.processes.Find(process);
  std::vector<Revision> dropped;
  int kept = 0;
  for (Revision& one : RevisionsOf(process)) {
    // Of no process: of first deploys, which made none.
    const bool of_it = now == nullptr ? one.spec.generation == 0 : one.spec.process_id == now->id;
    const bool current = now != nullptr && of_it && one.spec.number == now->spec.deployed;
    const bool newest = of_it && ++kept <= limits::kProcessRevisions;
    if (newest || current || one.status.state == RevisionState::kDeploying) continue;
    dropped.push_back(std::move(one));
  }
  Remove(dropped);
}

void Deploys::OnDeleted(const Process& process) {
  std::vector<Revision> all = RevisionsOf(process.name);
  std::erase_if(all, [&](const Revision& one) {  // one under way goes at its end
    return one.spec.process_id != process.id || one.status.state == RevisionState::kDeploying;
  });
  Remove(all);
}

void Deploys::Remove(const std::vector<Revision>& revisions) {
  for (const Revision& one : revisions) {
    catalogue_.Delete(one.id, "", std::nullopt,
                      Posted([this, spec = one.spec](const absl::StatusOr<int64_t>& removed) {
                        if (removed.ok()) Unuse(spec, true);  // else again at the next start
                      }));
  }
}

}  // namespace grpc_os::core
