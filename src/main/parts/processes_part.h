// Processes: what users want of them, their supervisors, their logs.
#ifndef GRPC_OS_MAIN_PARTS_PROCESSES_PART_H_
#define GRPC_OS_MAIN_PARTS_PROCESSES_PART_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "core/process/processes.h"
#include "core/process/recovery.h"
#include "core/task/tasks.h"
#include "main/adapters.h"
#include "main/parts/copy_hold.h"
#include "main/parts/data_directory.h"
#include "main/parts/domains_part.h"
#include "main/parts/store_part.h"
#include "main/parts/system_log.h"
#include "main/parts/volumes_part.h"
#include "runtime/log_reader.h"
#include "runtime/supervision_client.h"
#include "services/system_service.h"

namespace grpc_os {

// Starts before the loop runs, whose thread then is the core's.
class ProcessesPart final : public Part {
 public:
  struct Needs {
    const DataDirectory& directory;
    const SystemLog& log;
    const StorePart& store;
    CopyHold& copy;
    const VolumesPart& volumes;
    const DomainsPart& domains;
    EventLoop& loop;
    core::Scheduler& scheduler;
    bool shielded;
    std::string boot_id;
    core::PortRange ports;              // of processes that want any
    std::function<void()> on_shutdown;  // init asks for the end; on some thread
  };
  explicit ProcessesPart(Needs needs) : needs_(std::move(needs)) {}

  // Loads what is stored.
  absl::Status Start() override;
  void Tick(int64_t /*now_ms*/) override { recovery_->Tick(); }
  // Ends what reads logs. The loop does not run any more.
  void Stop() override { logs_.reset(); }

  // On the core's thread, as the first that it does: connects to init and the supervisors.
  void Connect() { supervision_->Start(*processes_); }
  // Waits until the supervisors have reported what happened while there was no daemon.
  void AwaitReports();
  // Tells init that the daemon serves.
  void ReportReady();

  core::Processes& processes() const { return *processes_; }
  const core::UsageSource& usage() const { return *usage_; }
  core::LogSource& log_source() const { return *log_source_; }
  core::Tasks& tasks() const { return *tasks_; }
  // Supervisors that do not answer, each as a sentence with its cure; on the core's thread.
  std::vector<std::string> Problems() const;
  const services::SystemFacts& facts() const { return facts_; }  // of the core's thread

 private:
  void MakeSupervision();
  absl::Status CheckRoom() const;
  absl::Status Load();

  const Needs needs_;
  services::SystemFacts facts_;
  std::unique_ptr<runtime::LogReader> logs_;
  std::unique_ptr<LogAdapter> log_source_;
  std::unique_ptr<runtime::SupervisionClient> supervision_;
  std::unique_ptr<UsageAdapter> usage_;
  std::unique_ptr<core::Processes> processes_;
  std::unique_ptr<core::Tasks> tasks_;
  std::unique_ptr<core::Recovery> recovery_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_PROCESSES_PART_H_
