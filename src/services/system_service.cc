#include "services/system_service.h"

#include <cerrno>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/error_detail.h"
#include "base/version.h"
#include "core/disk.h"
#include "core/error_reason.h"
#include "core/violations.h"
#include "services/convert/object_convert.h"
#include "services/convert/time_convert.h"

namespace grpc_os::services {
namespace {

v1::LogLevel ToProto(core::LogLevel level) {
  return static_cast<v1::LogLevel>(static_cast<int>(level) + v1::LOG_LEVEL_DEBUG);
}

}  // namespace

SystemService::SystemService(Handlers& handlers, const Parts& parts) : parts_(parts) {
  handlers.Unary<v1::GetSystemRequest, v1::System>(
      [this](const auto& call, const v1::GetSystemRequest&) {
        parts_.storage.Measure([this, call](const absl::StatusOr<core::StorageUsage>& storage) {
          parts_.scheduler.Post([this, call, storage] {
            v1::System system = Describe();
            if (storage.ok()) *system.mutable_storage() = ToProto(*storage);
            call->Answer(std::move(system));
          });
        });
      });

  handlers.Unary<v1::GetConfigurationRequest, v1::GetConfigurationResponse>(
      [this](const auto& call, const v1::GetConfigurationRequest&) {
        call->Answer(v1::GetConfigurationResponse(parts_.configuration));
      });

  handlers.Unary<v1::SetLogLevelRequest, v1::SetLogLevelResponse>(
      [this](const auto& call, const v1::SetLogLevelRequest& request) {
        core::Violations violations;
        if (request.level() < v1::LOG_LEVEL_DEBUG || request.level() > v1::LOG_LEVEL_ERROR)
          violations.Add("level", "give DEBUG, INFO, WARNING or ERROR");
        if (!violations.empty()) return call->End(violations.ToStatus());
        call->MakeOrigin(v1::LogLevel_Name(request.level()));
        core::Logger& logger = parts_.environment.logger;
        v1::SetLogLevelResponse answer;
        answer.set_previous(ToProto(logger.Level()));
        logger.SetLevel(static_cast<core::LogLevel>(request.level() - v1::LOG_LEVEL_DEBUG));
        call->Answer(std::move(answer));
      });

  handlers.Unary<v1::ResumeRequest, v1::ResumeResponse>(
      [this](const auto& call, const v1::ResumeRequest&) {
        call->MakeOrigin("");
        parts_.scheduler.Post([this, call] { call->Answer(EndHold()); });
      });
}

// Durable first: a daemon that dies in between must not hold again what runs.
absl::StatusOr<v1::ResumeResponse> SystemService::EndHold() const {
  v1::ResumeResponse answer;
  if (parts_.processes.held().empty()) return answer;
  if (absl::Status status = parts_.end_hold(); !status.ok()) {
    if (absl::IsResourceExhausted(status)) {
      return core::DiskFullError(DescribeDiskFull(parts_.disk.Look().directory, ENOSPC),
                                 "the processes are still held");
    }
    return MakeError(absl::StatusCode::kUnavailable,
                     absl::StrCat("the hold cannot be taken away: ", status.message()),
                     {.reason = core::reason::kStoreUnavailable,
                      .metadata = {{"cause", std::string(status.message())}}});
  }
  answer.set_resumed_count(parts_.processes.CountHeld());
  parts_.processes.Resume();
  return answer;
}

v1::System SystemService::Describe() const {
  v1::System system;
  system.set_id(parts_.system_id);
  system.set_version(kVersion);
  SetTimeMs(parts_.facts.start_time_ms, system.mutable_start_time());
  system.set_revision(parts_.log.NewestRevision());
  system.set_oldest_revision(parts_.log.OldestRevision());
  system.set_log_level(ToProto(parts_.environment.logger.Level()));
  system.set_cgroup_mode(parts_.facts.cgroup_mode);
  system.set_shielded(parts_.facts.shielded);
  const core::DiskState disk = parts_.disk.Look();
  system.set_data_directory(disk.directory);
  system.set_disk_free_bytes(disk.free_bytes);
  system.set_disk_total_bytes(disk.total_bytes);
  system.set_disk_full(disk.full);
  if (disk.full) SetTimeMs(disk.full_since_ms, system.mutable_disk_full_since());
  const core::Processes::UnsavedTotal unsaved = parts_.processes.TotalUnsaved();
  system.set_unsaved_reports(unsaved.reports);
  if (unsaved.reports > 0) SetTimeMs(unsaved.since_ms, system.mutable_unsaved_since());
  system.set_held_reason(parts_.processes.held());
  system.set_held_count(parts_.processes.CountHeld());
  int running = 0;
  const auto all =
      parts_.processes.List("", std::numeric_limits<int>::max(), core::Processes::Whose::kUsers);
  for (const core::Process* process : all)
    running += parts_.processes.NewestStatus(*process).state == core::ProcessState::kRunning;
  system.set_process_count(static_cast<int>(all.size()));
  system.set_running_count(running);
  for (const MethodInfo& method : parts_.environment.methods.all()) {
    for (int code = 0; code < RpcCounters::kCodes; ++code) {
      const int64_t count = parts_.environment.counters.Get(method.index, code);
      if (count == 0) continue;
      auto* counter = system.add_rpc_counters();
      counter->set_method(method.full_name);
      counter->set_code(absl::StatusCodeToString(static_cast<absl::StatusCode>(code)));
      counter->set_count(count);
    }
  }
  for (const std::string& instance : parts_.processes.Unowned())
    system.add_unowned_instances(instance);
  for (std::string& problem : parts_.problems()) system.add_problems(std::move(problem));
  return system;
}

}  // namespace grpc_os::services
