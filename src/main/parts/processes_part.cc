#include "main/parts/processes_part.h"

#include <algorithm>
#include <cerrno>
#include <future>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "core/disk.h"
#include "host/free_port.h"

namespace grpc_os {

absl::Status ProcessesPart::Start() {
  facts_.start_time_ms = needs_.scheduler.NowMs();
  facts_.shielded = needs_.shielded;
  logs_ = std::make_unique<runtime::LogReader>(needs_.directory.PathOf("logs"));
  log_source_ = std::make_unique<LogAdapter>(*logs_);
  MakeSupervision();
  processes_ =
      std::make_unique<core::Processes>(needs_.store.store(), *supervision_, needs_.scheduler);
  processes_->SetPorts(needs_.ports, host::IsPortFree);
  processes_->AddClaims(needs_.volumes.volumes());
  processes_->AddClaims(needs_.domains.domains());
  tasks_ = std::make_unique<core::Tasks>(supervision_->tasks(), needs_.scheduler);
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
  recovery_ = std::make_unique<core::Recovery>(
      core::Recovery::Parts{*processes_, store, needs_.scheduler, needs_.log.logger()},
      needs_.boot_id, *last_boot == needs_.boot_id);
  return absl::OkStatus();
}

void ProcessesPart::AwaitReports() {
  std::promise<void> reported;
  needs_.loop.Post([&] { recovery_->AwaitReports([&reported] { reported.set_value(); }); });
  reported.get_future().get();
}

std::vector<std::string> ProcessesPart::Problems() const {
  std::vector<std::string> problems;
  const std::vector<std::string> silent = supervision_->Silent();
  if (silent.empty()) return problems;
  const auto all = processes_->List("", std::numeric_limits<int>::max());
  for (const std::string& id : silent) {
    const auto of = std::find_if(all.begin(), all.end(), [&id](const core::Process* process) {
      return process->instance_id == id;
    });
    problems.push_back(absl::StrCat(
        "The supervisor of ", of == all.end() ? "an instance" : (*of)->name,
        " does not answer: it was stopped (SIGSTOP), or hangs. Its process runs on, and is neither "
        "stopped nor started again. Let it go on with: pkill -CONT -f ",
        id));
  }
  return problems;
}

void ProcessesPart::ReportReady() {
  needs_.loop.Post([this] { supervision_->ReportReady(); });
}

}  // namespace grpc_os
