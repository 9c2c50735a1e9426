#include "services/system_service.h"

#include <limits>

#include "absl/status/status.h"
#include "services/convert/time_convert.h"

namespace grpc_os::services {

grpc::ServerUnaryReactor* SystemService::GetSystem(grpc::CallbackServerContext* context,
                                                   const v1::GetSystemRequest*,
                                                   v1::System* response) {
  return funnel_.Unary(
      context, "grpc_os.v1.SystemService/GetSystem", response,
      [this](const auto& call) { scheduler_.Post([this, call] { call->Answer(Describe()); }); });
}

v1::System SystemService::Describe() const {
  v1::System system;
  system.set_version(GRPC_OS_VERSION);
  SetTimeMs(facts_.start_time_ms, system.mutable_start_time());
  system.set_revision(processes_.Revision());
  system.set_cgroup_mode(facts_.cgroup_mode);
  system.set_shielded(facts_.shielded);
  int running = 0;
  const auto all = processes_.List("", std::numeric_limits<int>::max());
  for (const core::Process* process : all)
    running += process->status.state == core::ProcessState::kRunning ? 1 : 0;
  system.set_process_count(static_cast<int>(all.size()));
  system.set_running_count(running);
  for (const MethodInfo& method : environment_.methods.all()) {
    for (int code = 0; code < RpcCounters::kCodes; ++code) {
      const int64_t count = environment_.counters.Get(method.index, code);
      if (count == 0) continue;
      auto* counter = system.add_rpc_counters();
      counter->set_method(method.full_name);
      counter->set_code(absl::StatusCodeToString(static_cast<absl::StatusCode>(code)));
      counter->set_count(count);
    }
  }
  for (const std::string& instance : processes_.Unowned()) system.add_unowned_instances(instance);
  return system;
}

}  // namespace grpc_os::services
