#include "init/health_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::init {

HealthWatch::HealthWatch(EventLoop& loop, Settings settings)
    : loop_(loop), settings_(std::move(settings)) {}

HealthWatch::~HealthWatch() { Stop(); }

void HealthWatch::Start() {
  Stop();
  misses_ = 0;
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
    if (why.empty()) return Start();
    why_ = why;
  });
}

void HealthWatch::OnTurn() {
  if (++turns_ == kTurns) return OnMiss();
  timer_ = loop_.After(settings_.interval_ms / kTurns, [this] { OnTurn(); });
  if (!probe_) Ask();
}

void HealthWatch::OnMiss() {
  probe_.reset();
  if (++misses_ < kMisses) return Begin();
  timer_ = 0;
  const std::string why = why_.empty() ? "it accepts calls and does not answer" : why_;
  settings_.on_failed(absl::StrCat("no answer to ", kMisses, " health checks in ",
                                   settings_.interval_ms * kMisses, " ms: ", why));
}

}  // namespace grpc_os::init
