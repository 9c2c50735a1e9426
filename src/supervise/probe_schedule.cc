#include "supervise/probe_schedule.h"

#include <algorithm>

namespace grpc_os::supervise {

using core::LivenessKind;
using core::ReadyKind;

namespace {

ReadyKind KindOf(const core::ProcessSpec& spec) {
  if (spec.ready.kind != ReadyKind::kDefault) return spec.ready.kind;
  return spec.port > 0 ? ReadyKind::kTcp : ReadyKind::kDelay;
}

}  // namespace

ProbeSchedule::ProbeSchedule(const core::ProcessSpec& spec, int64_t now_ms)
    : port_(spec.port),
      ready_(spec.ready),
      liveness_(spec.liveness),
      start_ms_(now_ms),
      kind_(KindOf(spec)),
      by_default_(spec.ready.kind == ReadyKind::kDefault),
      delay_ms_(spec.ready.kind == ReadyKind::kDelay ? spec.ready.delay_ms : kUpMs),
      next_ms_(now_ms + kFirstMs) {}

void ProbeSchedule::OnNotified() {
  if (by_default_) kind_ = ReadyKind::kNotify;
}

void ProbeSchedule::OnReady(int64_t now_ms) {
  phase_ = Phase::kReady;
  failures_ = 0;
  next_ms_ = now_ms + liveness_.period_ms;
}

void ProbeSchedule::OnUnready() { phase_ = Phase::kStopping; }

std::optional<ProbeSchedule::Due> ProbeSchedule::Next(bool probing) const {
  std::optional<Due> next;
  const auto consider = [&next](What what, int64_t at_ms) {
    if (!next || at_ms < next->at_ms) next = Due{what, at_ms};
  };
  if (phase_ == Phase::kWaiting) {
    if (kind_ == ReadyKind::kDelay) {
      consider(What::kUpLongEnough, start_ms_ + delay_ms_);
    } else {
      if (!overdue_passed_) consider(What::kOverdue, start_ms_ + ready_.timeout_ms);
      if (kind_ != ReadyKind::kNotify && !probing) consider(What::kProbeReady, next_ms_);
    }
  }
  if (phase_ == Phase::kReady && liveness_.kind != LivenessKind::kNone && !probing) {
    consider(What::kProbeLive, next_ms_);
  }
  return next;
}

ProbeSchedule::Outcome ProbeSchedule::OnAnswer(bool good, int64_t now_ms) {
  if (phase_ == Phase::kWaiting) {
    if (good) return Outcome::kReady;
    next_ms_ = now_ms + (overdue_passed_ ? kEachOverdueMs : wait_ms_);
    wait_ms_ = std::min(wait_ms_ * 2, kEachMs);
    return Outcome::kNothing;
  }
  // An answer that took long does not push the next one away.
  next_ms_ = std::max(next_ms_ + liveness_.period_ms, now_ms);
  failures_ = good ? 0 : failures_ + 1;
  return failures_ >= liveness_.failures ? Outcome::kNotLive : Outcome::kNothing;
}

}  // namespace grpc_os::supervise
