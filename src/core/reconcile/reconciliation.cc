#include "core/reconcile/reconciliation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::core {

using State = PlaneOutcome::State;

void Reconciliation::Wake() {
  woken_ = true;
  if (running_ || stopped_) return;
  const int64_t gap = parts_.plane.Draining() >= kBusyDraining ? kBusyGapMs : kGapMs;
  BeginAt(std::max(begun_ms_ == 0 ? 0 : begun_ms_ + gap, parts_.scheduler.NowMs()));
}

void Reconciliation::Renew() {
  renew_ = forgive_ = true;
  Wake();
}

void Reconciliation::WhenCaughtUp(std::function<void()> done) {
  waiting_.push_back(std::move(done));
  Wake();
}

// The earliest time that was asked for counts.
void Reconciliation::BeginAt(int64_t time_ms) {
  if (due_ms_ != 0 && due_ms_ <= time_ms) return;
  due_ms_ = time_ms;
  const auto begin = [this, alive = std::weak_ptr<char>(alive_), time_ms] {
    if (!alive.expired() && due_ms_ == time_ms) Begin();
  };
  const int64_t wait = time_ms - parts_.scheduler.NowMs();
  if (wait <= 0) {
    parts_.scheduler.Post(begin);
  } else {
    parts_.scheduler.After(wait, begin);
  }
}

// ---- A round ------------------------------------------------------------------------------------

void Reconciliation::Begin() {
  due_ms_ = 0;
  if (running_ || stopped_) return;
  running_ = true;
  woken_ = searched_ = false;
  whole_ = std::exchange(renew_, false);
  if (std::exchange(forgive_, false)) refused_.clear();
  begun_ms_ = parts_.scheduler.NowMs();
  answered_ = std::exchange(waiting_, {});
  wanted_ = parts_.wanted();
  std::erase_if(refused_, [this](const auto& item) {
    const auto it = wanted_.find(item.first);
    return it == wanted_.end() || it->second->text != item.second.text;
  });
  std::erase_if(reported_, [this](const auto& item) { return !wanted_.contains(item.first); });
  for (const auto& [id, file] : wanted_)
    if (!file->unfit.empty()) refused_[id] = {file->generation, file->text, file->unfit};
  next_ = wanted_;
  for (auto& [id, refusal] : refused_) {
    refusal.generation = wanted_.at(id)->generation;
    if (const auto good = live_.find(id); good != live_.end()) {
      next_[id] = good->second;
    } else {
      next_.erase(id);
    }
  }
  if (next_.empty() && parts_.plane.Idle()) return OnApplied(next_);
  if (!whole_ && SameTexts(next_, live_)) return OnApplied(next_);
  CheckWhole();
}

// Answers of a reconciliation that is gone are dropped.
template <typename Answer>
std::function<void(Answer)> Reconciliation::Guard(std::function<void(Answer)> then) {
  return [alive = std::weak_ptr<char>(alive_), then = std::move(then)](Answer answer) {
    if (!alive.expired()) then(std::move(answer));
  };
}

void Reconciliation::CheckWhole() {
  parts_.plane.Check(next_, Guard<absl::StatusOr<DataPlane::Verdict>>(
                                [this](const absl::StatusOr<DataPlane::Verdict>& verdict) {
                                  if (!verdict.ok())
                                    return Fail(std::string(verdict.status().message()));
                                  OnWhole(*verdict);
                                }));
}

// Those of this round that are not live as they are.
std::vector<std::string> Reconciliation::Suspects() const {
  std::vector<std::string> ids;
  for (const auto& [id, file] : next_) {
    const auto it = live_.find(id);
    if (it == live_.end() || it->second->text != file->text) ids.push_back(id);
  }
  return ids;
}

void Reconciliation::OnWhole(const DataPlane::Verdict& verdict) {
  if (verdict.accepted) return Apply(next_);
  const auto suspects = Suspects();
  if (std::find(suspects.begin(), suspects.end(), verdict.culprit) != suspects.end()) {
    Reject(verdict.culprit, verdict.words);
    return CheckWhole();
  }
  // Nobody is to blame, or what it says changes.
  if (suspects.empty() || std::exchange(searched_, true)) return Fail(verdict.words);
  search_ = {next_, {}};
  for (const std::string& id : suspects) {
    if (const auto good = live_.find(id); good != live_.end()) {
      search_.base[id] = good->second;
    } else {
      search_.base.erase(id);
    }
  }
  CheckBase(suspects, verdict);
}

// Without those that are new: if that is refused too, none of them is to blame.
void Reconciliation::CheckBase(const std::vector<std::string>& suspects,
                               const DataPlane::Verdict& whole) {
  parts_.plane.Check(search_.base,
                     Guard<absl::StatusOr<DataPlane::Verdict>>(
                         [this, suspects, whole](const absl::StatusOr<DataPlane::Verdict>& base) {
                           if (!base.ok()) return Fail(std::string(base.status().message()));
                           if (!base->accepted) return Fail(whole.words);
                           OnGroup(suspects, whole);
                         }));
}

void Reconciliation::SearchNext() {
  if (search_.groups.empty()) {
    next_ = search_.base;
    return CheckWhole();  // what is applied is what was checked last
  }
  std::vector<std::string> group = std::move(search_.groups.front());
  search_.groups.pop_front();
  CheckGroup(std::move(group));
}

void Reconciliation::CheckGroup(std::vector<std::string> group) {
  PlaneFiles files = search_.base;
  for (const std::string& id : group) files[id] = next_.at(id);
  parts_.plane.Check(files, Guard<absl::StatusOr<DataPlane::Verdict>>(
                                [this, group](const absl::StatusOr<DataPlane::Verdict>& verdict) {
                                  if (!verdict.ok())
                                    return Fail(std::string(verdict.status().message()));
                                  OnGroup(group, *verdict);
                                }));
}

void Reconciliation::OnGroup(const std::vector<std::string>& group,
                             const DataPlane::Verdict& verdict) {
  if (verdict.accepted) {
    for (const std::string& id : group) search_.base[id] = next_.at(id);
    return SearchNext();
  }
  if (group.size() == 1) {
    Reject(group.front(), verdict.words);
    return SearchNext();
  }
  const auto middle = group.begin() + static_cast<std::ptrdiff_t>(group.size() / 2);
  search_.groups.push_front({middle, group.end()});
  search_.groups.push_front({group.begin(), middle});
  SearchNext();
}

void Reconciliation::Reject(const std::string& id, const std::string& words) {
  const PlaneFile& file = *wanted_.at(id);
  refused_[id] = {file.generation, file.text, words};
  if (const auto good = live_.find(id); good != live_.end()) {
    next_[id] = good->second;
  } else {
    next_.erase(id);
  }
}

void Reconciliation::Apply(const PlaneFiles& files) {
  if (!whole_ && SameTexts(files, live_)) return OnApplied(files);  // all that is new was refused
  parts_.plane.Apply(Guard<absl::Status>([this, files](const absl::Status& status) {
    if (!status.ok()) return Fail(std::string(status.message()));
    OnApplied(files);
  }));
}

void Reconciliation::OnApplied(const PlaneFiles& files) {
  live_ = files;
  problem_.clear();
  backoff_ms_ = 0;
  ReportAll();
  End(false);
}

// Nobody's fault: what was live is live, and it is tried again.
void Reconciliation::Fail(const std::string& message) {
  problem_ = message;
  renew_ = true;
  ReportAll();
  backoff_ms_ = std::clamp(backoff_ms_ * 2, kRetryMs, kMostRetryMs);
  End(true);
}

void Reconciliation::ReportAll() {
  std::vector<std::pair<std::string, PlaneOutcome>> changed;
  for (const auto& [id, file] : wanted_) {
    PlaneOutcome outcome{.generation = file->generation, .message = ""};
    const auto live = live_.find(id);
    if (live != live_.end())
      outcome.active_generation =
          live->second->text == file->text ? file->generation : live->second->generation;
    if (const auto refusal = refused_.find(id); refusal != refused_.end()) {
      outcome.state = State::kRejected;
      outcome.message = refusal->second.words;
    } else if (problem_.empty() || outcome.active_generation == file->generation) {
      outcome.state = State::kActive;
    } else {
      outcome.message = problem_;
    }
    const auto before = reported_.find(id);
    if (before == reported_.end() || before->second != outcome) changed.emplace_back(id, outcome);
  }
  for (auto& [id, outcome] : changed) {
    reported_[id] = outcome;
    parts_.report(id, outcome);
  }
}

void Reconciliation::End(bool again) {
  running_ = false;
  wanted_.clear();
  next_.clear();
  search_ = {};
  for (const auto& done : std::exchange(answered_, {})) done();
  if (again && !stopped_) BeginAt(parts_.scheduler.NowMs() + backoff_ms_);
  if (woken_) Wake();
}

}  // namespace grpc_os::core
