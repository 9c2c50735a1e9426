#include "store/blob/blob_collector.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::store {
namespace {

bool IsShuttingDown(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail.has_value() && detail->reason == core::reason::kShuttingDown;
}

}  // namespace

void BlobCollector::Tick(int64_t now_ms) {
  const int64_t changes = parts_.changes();
  const bool strays = now_ms >= next_stray_look_ms_;
  const bool due = strays || changes != collected_changes_ || in_use_ || parts_.any_let_go() ||
                   now_ms >= next_collection_ms_;
  if (!due || collecting_.exchange(true)) return;
  collected_changes_ = changes;
  next_collection_ms_ = now_ms + limits::kPressureCollectEveryMs;
  if (strays) next_stray_look_ms_ = now_ms + limits::kCollectEveryMs;
  parts_.collect(strays ? parts_.retention_clock.NowMs() - limits::kBlobGraceMs : 0,
                 [this](const auto& collected) { OnCollected(collected); });
}

void BlobCollector::OnCollected(const absl::StatusOr<BlobFiles::Collected>& collected) {
  in_use_ = collected.ok() && collected->in_use > 0;
  if (collected.ok() && collected->removed > 0) {
    parts_.logger.Write(core::LogLevel::kInfo, "files of contents removed",
                        {{"count", absl::StrCat(collected->removed)}});
  }
  // What a stop interrupts goes on after the next start.
  if (!collected.ok() && !IsShuttingDown(collected.status())) {
    parts_.logger.Write(core::LogLevel::kWarning,
                        "files of contents that nothing has could not be removed",
                        {{"error", std::string(collected.status().message())}});
  }
  collecting_ = false;
}

}  // namespace grpc_os::store
