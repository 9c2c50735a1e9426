#include "supervise/prober.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::supervise {

using core::LivenessKind;
using core::ReadyKind;
using What = ProbeSchedule::What;
using Whose = PortHolder::Whose;

namespace {

constexpr int64_t kReadyAnswerMs = 5'000;  // for one answer while it starts

}  // namespace

Prober::Prober(EventLoop& loop, Events events) : loop_(loop), events_(std::move(events)) {}

Prober::~Prober() { End(); }

void Prober::Begin(const core::ProcessSpec& spec, bool notified) {
  End();
  schedule_.emplace(spec, EventLoop::NowMs());
  if (notified) schedule_->OnNotified();
  Schedule();
}

void Prober::End() {
  schedule_.reset();
  probe_.reset();
  loop_.Cancel(std::exchange(timer_, 0));
  asked_.clear();
  last_.clear();
  stranger_ = by_uid_ = false;
}

bool Prober::OnNotified() {
  if (!schedule_) return false;
  schedule_->OnNotified();
  if (schedule_->HeedsNotify() && !schedule_->ready()) probe_.reset();
  Schedule();
  return schedule_->HeedsNotify();
}

void Prober::OnReady() {
  if (!schedule_) return;
  probe_.reset();
  schedule_->OnReady(EventLoop::NowMs());
  Schedule();
}

void Prober::OnUnready() {
  if (!schedule_) return;
  probe_.reset();
  schedule_->OnUnready();
  Schedule();
}

void Prober::Schedule() {
  loop_.Cancel(std::exchange(timer_, 0));
  const auto next = schedule_->Next(probe_ != nullptr);
  if (!next) return;
  const int64_t wait_ms = std::max<int64_t>(next->at_ms - EventLoop::NowMs(), 0);
  timer_ = loop_.After(wait_ms, [this, what = next->what] {
    timer_ = 0;
    OnDue(what);
  });
}

void Prober::OnDue(What what) {
  switch (what) {
    case What::kUpLongEnough:
      return events_.on_ready("");
    case What::kOverdue: {
      schedule_->PassOverdue();
      Schedule();
      const std::string text = WaitedFor();
      return events_.on_overdue(text);
    }
    case What::kProbeReady: {
      const core::ReadySpec& ready = schedule_->readiness();
      return Ask(schedule_->kind() == ReadyKind::kHttp ? ready.path : "",
                 ready.port > 0 ? ready.port : schedule_->port(),
                 std::min(kReadyAnswerMs, ready.timeout_ms));
    }
    case What::kProbeLive: {
      const core::LivenessSpec& liveness = schedule_->liveness();
      return Ask(liveness.kind == LivenessKind::kHttp ? liveness.path : "",
                 liveness.port > 0 ? liveness.port : schedule_->port(), liveness.timeout_ms);
    }
  }
}

void Prober::Ask(const std::string& path, int port, int64_t timeout_ms) {
  asked_ =
      path.empty() ? absl::StrCat("port ", port) : absl::StrCat("GET ", path, " on port ", port);
  const PortHolder holder = FindPortHolder(port, events_.owner());
  stranger_ = holder.whose == Whose::kStranger;
  if (stranger_) return OnAnswer({false, DescribeStranger(port, holder.listener)});
  if (holder.whose == Whose::kNobody) {
    return OnAnswer({false, "connection refused, nothing listens there"});
  }
  by_uid_ = holder.whose == Whose::kOwnByUid;
  probe_ = std::make_unique<Probe>(loop_, holder.listener, port, path, timeout_ms,
                                   [this](const Probe::Answer& answer) {
                                     // The probe that calls this must not end before it returns.
                                     const std::unique_ptr<Probe> ended = std::move(probe_);
                                     OnAnswer(answer);
                                   });
  Schedule();
}

void Prober::OnAnswer(const Probe::Answer& answer) {
  const bool live = schedule_->ready();
  const bool changed = last_ != answer.text;
  last_ = answer.text;
  const ProbeSchedule::Outcome outcome = schedule_->OnAnswer(answer.good, EventLoop::NowMs());
  Schedule();
  if (outcome == ProbeSchedule::Outcome::kReady) {
    std::string note;
    if (by_uid_) {
      note = absl::StrCat(asked_,
                          " counts as its own because the socket is its account's: which "
                          "process has it cannot be found out here");
    }
    return events_.on_ready(note);
  }
  if (!live) {
    if (changed && (stranger_ || schedule_->overdue())) {
      events_.on_finding(schedule_->overdue() ? WaitedFor() : last_);
    }
    return;
  }
  if (answer.good) return;
  const std::string text = stranger_ ? last_ : absl::StrCat(asked_, ": ", last_);
  const int limit = schedule_->liveness().failures;
  const bool over = outcome == ProbeSchedule::Outcome::kNotLive;
  events_.on_line(
      absl::StrCat("liveness probe failed (", schedule_->failures(), " of ", limit, "): ", text));
  if (over) events_.on_not_live(absl::StrCat("liveness probe failed ", limit, " times: ", text));
}

std::string Prober::DescribeStranger(int port, const Listener& listener) {
  if (described_inode_ != listener.inode) {
    described_inode_ = listener.inode;
    description_ = DescribeHolder(listener);
  }
  return absl::StrCat("port ", port, " is held by ", description_, ", not by this process");
}

std::optional<std::string> Prober::NameStranger() {
  if (!schedule_ || schedule_->port() == 0) return std::nullopt;
  const int port = schedule_->port();
  const PortHolder holder = FindPortHolder(port, events_.owner());
  if (holder.whose != Whose::kStranger) return std::nullopt;
  return DescribeStranger(port, holder.listener);
}

std::string Prober::WaitedFor() const {
  const std::string found = schedule_->kind() == ReadyKind::kNotify
                                ? "no READY=1 came on NOTIFY_SOCKET"
                            : stranger_     ? last_
                            : last_.empty() ? absl::StrCat(asked_, ": no answer yet")
                                            : absl::StrCat(asked_, ": ", last_);
  return absl::StrCat("not ready after ", TimeText(schedule_->readiness().timeout_ms), ": ", found);
}

}  // namespace grpc_os::supervise
