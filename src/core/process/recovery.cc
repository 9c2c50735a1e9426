#include "core/process/recovery.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kAwaitReportsMs = 5000;
constexpr int64_t kPollMs = 2;

}  // namespace

void Recovery::AwaitReports(std::function<void()> then) {
  waiting_ = std::move(then);
  parts_.scheduler.After(kAwaitReportsMs, [this] {
    if (!waiting_) return;
    parts_.logger.Write(LogLevel::kWarning, "some supervisors have not answered yet", {});
    EndWait();
  });
  Poll();
}

void Recovery::Poll() {
  if (!waiting_) return;
  if (parts_.processes.Settled()) return EndWait();
  parts_.scheduler.After(kPollMs, [this] { Poll(); });
}

void Recovery::EndWait() { RecordBoot(std::exchange(waiting_, nullptr)); }

void Recovery::Tick() {
  RecordBoot([] {});
}

void Recovery::RecordBoot(std::function<void()> then) {
  if (recorded_ || !parts_.processes.Settled() || parts_.processes.TotalUnsaved().reports > 0)
    return then();
  recorded_ = true;
  parts_.store.SaveBootId(boot_id_, [this, then = std::move(then)](const absl::Status& status) {
    if (!status.ok()) parts_.scheduler.Post([this] { recorded_ = false; });
    then();
  });
}

}  // namespace grpc_os::core
