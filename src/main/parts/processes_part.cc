#include "main/parts/processes_part.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "core/disk.h"

namespace grpc_os {
namespace {

constexpr int64_t kAwaitReportsMs = 5000;
constexpr int64_t kPollMs = 2;

}  // namespace

absl::Status ProcessesPart::Start() {
  facts_.start_time_ms = needs_.scheduler.NowMs();
  facts_.shielded = needs_.shielded;
  logs_ = std::make_unique<runtime::LogReader>(needs_.directory.PathOf("logs"));
  log_source_ = std::make_unique<LogAdapter>(*logs_);
  MakeSupervision();
  processes_ =
      std::make_unique<core::Processes>(needs_.store.store(), *supervision_, needs_.scheduler);
  processes_->SetRoomCheck([this] { return CheckRoom(); });
  return Load();
}

void ProcessesPart::MakeSupervision() {
  supervision_ = std::make_unique<runtime::SupervisionClient>(
      needs_.loop, runtime::SupervisionClient::Options{
                       .data_directory = needs_.directory.path(),
                       .on_init =
                           [this](const std::string& cgroup_mode, bool shielded) {
                             facts_.cgroup_mode = cgroup_mode;
                             facts_.shielded = shielded;
                           },
                       .on_shutdown = needs_.on_shutdown,
                       .on_error =
                           [this](const std::string& message) {
                             needs_.log.logger().Write(core::LogLevel::kError, message, {});
                           }});
  usage_ = std::make_unique<UsageAdapter>(*supervision_);
}

absl::Status ProcessesPart::CheckRoom() const {
  const core::DiskState disk = needs_.store.disk().Look();
  if (disk.total_bytes == 0 || disk.free_bytes >= limits::kDiskFullBytes) return absl::OkStatus();
  return core::DiskFullError(DescribeDiskFull(disk.directory, ENOSPC), "nothing was started");
}

absl::Status ProcessesPart::Load() {
  store::Store& store = needs_.store.store();
  auto stored = store.LoadProcesses();
  if (!stored.ok()) return stored.status();
  const auto last_boot = store.LoadBootId();
  if (!last_boot.ok()) return last_boot.status();
  const bool rebooted = !last_boot->empty() && *last_boot != needs_.boot_id;
  needs_.log.logger().Write(
      core::LogLevel::kInfo, "loaded",
      {{"processes", absl::StrCat(stored->size())}, {"rebooted", rebooted ? "true" : "false"}});
  if (absl::Status status = needs_.copy.HoldProcesses(*processes_); !status.ok()) return status;
  processes_->Load(*std::move(stored), store.NewestRevision(), rebooted);
  Failpoint("osd.start.loaded");
  boot_id_saved_ = *last_boot == needs_.boot_id;
  return absl::OkStatus();
}

void ProcessesPart::Tick(int64_t /*now_ms*/) {
  SaveBootId([] {});
}

void ProcessesPart::AwaitReports() {
  const auto reported = std::make_shared<std::promise<void>>();
  auto waited = reported->get_future();
  needs_.loop.Post([this, reported, until = EventLoop::NowMs() + kAwaitReportsMs] {
    CheckReported(reported, until);
  });
  waited.get();
}

void ProcessesPart::CheckReported(const std::shared_ptr<std::promise<void>>& reported,
                                  int64_t until_ms) {
  const bool done = processes_->Settled();
  if (done || EventLoop::NowMs() >= until_ms) {
    if (!done) {
      needs_.log.logger().Write(core::LogLevel::kWarning, "some supervisors have not answered yet",
                                {});
    }
    return SaveBootId([reported] { reported->set_value(); });
  }
  needs_.loop.After(kPollMs, [this, reported, until_ms] { CheckReported(reported, until_ms); });
}

void ProcessesPart::ReportReady() {
  needs_.loop.Post([this] { supervision_->ReportReady(); });
}

void ProcessesPart::SaveBootId(std::function<void()> then) {
  if (boot_id_saved_ || !processes_->Settled() || processes_->TotalUnsaved().reports > 0)
    return then();
  boot_id_saved_ = true;
  needs_.store.store().SaveBootId(needs_.boot_id,
                                  [this, then = std::move(then)](const absl::Status& status) {
                                    if (!status.ok())
                                      needs_.loop.Post([this] { boot_id_saved_ = false; });
                                    then();
                                  });
}

}  // namespace grpc_os
