#include "init/health_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::init {

HealthWatch::HealthWatch(EventLoop& loop, Settings settings)
    : loop_(loop), settings_(std::move(settings)) {}

HealthWatch::~HealthWatch() { Stop(); }

void HealthWatch::Watch(int misses) {
  Stop();
  allowed_ = misses;
  misses_ = silent_ = 0;
  told_ = false;
  if (settings_.interval_ms > 0) timer_ = loop_.After(settings_.interval_ms, [this] { Begin(); });
}

void HealthWatch::Stop() {
  loop_.Cancel(std::exchange(timer_, 0));
  probe_.reset();
}

void HealthWatch::Begin() {
  turns_ = 0;
  why_.clear();
  timer_ = loop_.After(settings_.interval_ms / kTurns, [this] { OnTurn(); });
  Ask();
}

void HealthWatch::Ask() {
  absl::StatusOr<UniqueFd> socket = settings_.connect();
  if (!socket.ok()) {
    why_ = std::string(socket.status().message());
    return;
  }
  probe_.emplace(loop_, *std::move(socket), [this](const std::string& why) {
    probe_.reset();
    if (why.empty()) return OnServes();
    why_ = why;
  });
}

void HealthWatch::OnServes() {
  const bool told = told_;
  Watch(allowed_);
  if (told) settings_.on_better();
}

void HealthWatch::OnTurn() {
  if (++turns_ == kTurns) return OnMiss();
  timer_ = loop_.After(settings_.interval_ms / kTurns, [this] { OnTurn(); });
  if (!probe_) Ask();
}

void HealthWatch::OnMiss() {
  probe_.reset();
  ++misses_;
  silent_ = why_.empty() ? silent_ + 1 : 0;
  const std::string why = why_.empty() ? "it accepts calls and does not answer" : why_;
  const int left =
      silent_ > 0 ? std::min(allowed_ - misses_, kMisses - silent_) : allowed_ - misses_;
  if (left > 0) {
    Begin();
    if (!told_ && (silent_ > 0 || allowed_ == kMisses || misses_ == kMisses)) {
      told_ = true;
      settings_.on_missed(absl::StrCat("no answer to health checks for ",
                                       settings_.interval_ms * misses_, " ms: ", why),
                          left * settings_.interval_ms);
    }
    return;
  }
  timer_ = 0;
  settings_.on_failed(absl::StrCat("no answer to ", misses_, " health checks in ",
                                   settings_.interval_ms * misses_, " ms: ", why));
}

}  // namespace grpc_os::init
