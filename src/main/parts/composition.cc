#include "main/parts/composition.h"

namespace grpc_os {

Composition::~Composition() {
  Stop();
  while (!parts_.empty()) parts_.pop_back();
}

absl::Status Composition::Start() {
  for (const auto& part : parts_) {
    if (absl::Status status = part->Start(); !status.ok()) {
      Stop();
      return status;
    }
    const std::lock_guard lock(mutex_);
    ++running_;
  }
  return absl::OkStatus();
}

void Composition::Tick(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < running_; ++i) parts_[i]->Tick(now_ms);
}

void Composition::Stop() {
  while (Part* part = TakeLastRunning()) part->Stop();
}

// Waits for a tick that is under way.
Part* Composition::TakeLastRunning() {
  const std::lock_guard lock(mutex_);
  return running_ == 0 ? nullptr : parts_[--running_].get();
}

}  // namespace grpc_os
