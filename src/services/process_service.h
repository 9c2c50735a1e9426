// ProcessService: see protos/grpc_os/v1/process_services.proto.
#ifndef GRPC_OS_SERVICES_PROCESS_SERVICE_H_
#define GRPC_OS_SERVICES_PROCESS_SERVICE_H_

#include <memory>

#include "core/event/event.h"
#include "core/process/process_ports.h"
#include "core/process/processes.h"
#include "grpc_os/v1/process_services.grpc.pb.h"
#include "services/funnel.h"
#include "services/system_service.h"

namespace grpc_os::services {

class ProcessService final : public v1::ProcessService::CallbackService {
 public:
  struct Parts {
    Funnel& funnel;
    core::Scheduler& scheduler;
    core::Processes& processes;
    const core::UsageSource& usage;
    core::LogSource& logs;
    const core::EventLog& log;
    const SystemFacts& facts;
  };
  explicit ProcessService(Parts parts) : parts_(parts) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  Reactor* GetProcess(Context* context, const v1::GetProcessRequest* request,
                      v1::Process* response) override;
  Reactor* ListProcesses(Context* context, const v1::ListProcessesRequest* request,
                         v1::ListProcessesResponse* response) override;
  Reactor* CreateProcess(Context* context, const v1::CreateProcessRequest* request,
                         v1::Process* response) override;
  Reactor* UpdateProcess(Context* context, const v1::UpdateProcessRequest* request,
                         v1::Process* response) override;
  Reactor* DeleteProcess(Context* context, const v1::DeleteProcessRequest* request,
                         v1::DeleteProcessResponse* response) override;
  Reactor* StartProcess(Context* context, const v1::StartProcessRequest* request,
                        v1::Process* response) override;
  Reactor* StopProcess(Context* context, const v1::StopProcessRequest* request,
                       v1::Process* response) override;
  Reactor* RestartProcess(Context* context, const v1::RestartProcessRequest* request,
                          v1::Process* response) override;
  Reactor* SignalProcess(Context* context, const v1::SignalProcessRequest* request,
                         v1::SignalProcessResponse* response) override;
  Reactor* WaitProcess(Context* context, const v1::WaitProcessRequest* request,
                       v1::WaitProcessResponse* response) override;
  grpc::ServerWriteReactor<v1::TailLogsResponse>* TailLogs(
      Context* context, const v1::TailLogsRequest* request) override;

 private:
  using ProcessCall = std::shared_ptr<UnaryCall<v1::Process>>;
  // No pointer to a member: GCC 12 miscompiles its call through `this` under ASan with UBSan.
  using Verb = void (*)(core::Processes& processes, const std::string& name,
                        const std::string& etag, core::Processes::Done done, core::Origin origin);

  v1::Process Show(const core::Process& process) const;  // as it is stored
  // With the newest status, marked if that could not be stored yet.
  v1::Process ShowNewest(const core::Process& process) const;
  core::Processes::Done AnswerWith(const ProcessCall& call) const;
  // What a change with a request_id that was committed before is answered with.
  std::function<void(const core::CommittedRequest&)> RepeatFor(const ProcessCall& call) const;
  v1::ListProcessesResponse ListPage(const std::string& after_name, int page_size,
                                     const std::string& arguments) const;
  // Start, Stop and Restart: the same path, another verb.
  template <typename Request>
  Reactor* RunVerb(Context* context, const char* method, const Request* request,
                   v1::Process* response, Verb verb);

  const Parts parts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_PROCESS_SERVICE_H_
