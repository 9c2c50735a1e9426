// ProcessService: see protos/grpc_os/v1/process_services.proto.
#ifndef GRPC_OS_SERVICES_PROCESS_SERVICE_H_
#define GRPC_OS_SERVICES_PROCESS_SERVICE_H_

#include <memory>

#include "core/domain/domains.h"
#include "core/event/event.h"
#include "core/process/process_ports.h"
#include "core/process/processes.h"
#include "core/task/tasks.h"
#include "core/volume/volumes.h"
#include "grpc_os/v1/process_services.pb.h"
#include "services/handlers.h"
#include "services/paging.h"
#include "services/system_service.h"

namespace grpc_os::services {

class ProcessService {
 public:
  struct Parts {
    core::Scheduler& scheduler;
    core::Processes& processes;
    core::Volumes& volumes;
    const core::Domains& domains;
    const core::UsageSource& usage;
    core::LogSource& logs;
    core::Tasks& tasks;
    const core::EventLog& log;
    const SystemFacts& facts;
  };
  ProcessService(Handlers& handlers, const Parts& parts);

 private:
  using ProcessCall = std::shared_ptr<UnaryCall<v1::Process>>;

  // What a call may know of: what is forbidden and what is not there answer alike. On the core's
  // thread, until the next call.
  absl::StatusOr<const core::Process*> FindFor(const Call& call,
                                               const std::string& reference) const;
  v1::Process Show(const Call& call, const core::Process& process) const;  // as it is stored
  // With the newest status, marked if that could not be stored yet.
  v1::Process ShowNewest(const Call& call, const core::Process& process) const;
  core::Processes::Done AnswerWith(const ProcessCall& call) const;
  // What a change with a request_id that was committed before is answered with.
  std::function<void(const core::CommittedRequest&)> RepeatFor(const ProcessCall& call) const;
  v1::ListProcessesResponse ListPage(const Call& call, const PageQuery& query,
                                     core::Processes::Whose whose) const;

  void AddReads(Handlers& handlers);
  void AddChanges(Handlers& handlers);
  // Start, Stop and Restart: the same path, another verb.
  template <typename Request, typename Verb>
  void AddVerb(Handlers& handlers, Verb verb);
  void AddRuns(Handlers& handlers);
  void AddWaits(Handlers& handlers);
  void AddTasks(Handlers& handlers);
  // On the core's thread.
  void RunTask(const std::shared_ptr<StreamCall<v1::RunTaskResponse>>& call,
               const v1::RunTaskRequest& request, const core::Origin& origin);

  const Parts parts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_PROCESS_SERVICE_H_
