// EventService: see protos/grpc_os/v1/event_services.proto.
#ifndef GRPC_OS_SERVICES_EVENT_SERVICE_H_
#define GRPC_OS_SERVICES_EVENT_SERVICE_H_

#include "core/event/event.h"
#include "core/process/processes.h"
#include "grpc_os/v1/event_services.grpc.pb.h"
#include "services/funnel.h"

namespace grpc_os::services {

class EventService final : public v1::EventService::CallbackService {
 public:
  EventService(Funnel& funnel, core::Scheduler& scheduler, core::Processes& processes,
               core::EventLog& log)
      : funnel_(funnel), scheduler_(scheduler), processes_(processes), log_(log) {}

  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest* request) override;

 private:
  Funnel& funnel_;
  core::Scheduler& scheduler_;
  core::Processes& processes_;
  core::EventLog& log_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_EVENT_SERVICE_H_
