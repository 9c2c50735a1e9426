#include "core/deploy/deploys.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/id.h"
#include "core/deploy/deploy_errors.h"
#include "core/process/bundle_place.h"
#include "core/process/process_errors.h"
#include "core/process/secret_environment.h"
#include "core/tagged.h"

namespace grpc_os::core {
namespace {

// Whether a deploy of `wanted` would change nothing where there is `has`. An automatic port is
// chosen by the process itself.
bool SameSpec(ProcessSpec wanted, ProcessSpec has) {
  wanted.deployed = has.deployed = 0;
  if (wanted.auto_port && has.auto_port) wanted.port = has.port = 0;
  return wanted == has;
}

}  // namespace

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
  Bundle& bundle = bundles_[spec.spec.bundle];
  ++bundle.uses;
  bundle.used_ms = parts_.scheduler.NowMs();
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
  if (--bundles_[bundle].uses <= 0) {
    const int64_t used_ms = bundles_.extract(bundle).mapped().used_ms;
    if (forget) parts_.bundles.RemoveBundle(bundle, used_ms);
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
