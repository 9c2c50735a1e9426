#include "main/parts/retention_clocks.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/event_loop.h"
#include "base/limits.h"
#include "base/small_file.h"

namespace grpc_os {
namespace {

constexpr int64_t kSaveEveryMs = 600'000;
constexpr char kFile[] = "retention-clock";

// Empty: it is not there, or cannot be read.
std::string ReadFile(int directory, const char* name) {
  const UniqueFd file(openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  char text[256];
  const ssize_t size = file ? read(file.get(), text, sizeof text) : -1;
  return std::string(text, static_cast<size_t>(std::max<ssize_t>(size, 0)));
}

}  // namespace

absl::Status RetentionClocks::Start() {
  const core::RetentionClock::Sources sources{.wall_ms = [this] { return wall_.NowMs(); },
                                              .uptime_ms = EventLoop::NowMs,
                                              .boot_id = boot_id_};
  const auto mark = core::RetentionClock::Mark::FromText(ReadFile(directory_.fd(), kFile));
  retention_ = std::make_unique<core::RetentionClock>(sources, limits::kClockJumpLastsMs, mark);
  expiry_ = std::make_unique<core::RetentionClock>(sources, limits::kExpiryJumpLastsMs, mark);
  return absl::OkStatus();
}

void RetentionClocks::Tick(int64_t now_ms) {
  if (now_ms < next_save_ms_) return;
  next_save_ms_ = now_ms + kSaveEveryMs;
  Save();
}

// Where it cannot be written, less is destroyed after the next start.
void RetentionClocks::Save() const {
  ReplaceSmallFile(directory_.fd(), kFile, retention_->mark().ToText(), 0600);
}

}  // namespace grpc_os
