// EventService: see protos/grpc_os/v1/event_services.proto.
#ifndef GRPC_OS_SERVICES_EVENT_SERVICE_H_
#define GRPC_OS_SERVICES_EVENT_SERVICE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/domain/domains.h"
#include "core/event/event.h"
#include "core/event/event_hub.h"
#include "core/identity/identity.h"
#include "core/process/processes.h"
#include "core/violations.h"
#include "core/volume/volumes.h"
#include "grpc_os/v1/event_services.pb.h"
#include "services/event_stream.h"
#include "services/handlers.h"

namespace grpc_os::services {

class EventService {
 public:
  struct Parts {
    core::Scheduler& scheduler;
    core::Processes& processes;
    const core::Volumes& volumes;
    const core::Domains& domains;
    const core::Identity& identity;
    core::EventLog& log;
  };
  EventService(Handlers& handlers, const Parts& parts);
  // Before the log goes, and when no call is open any more.
  ~EventService() { hub_->Stop(); }

 private:
  struct Wanted {
    int64_t from = 0;
    std::set<std::string> kinds = {};
    std::string prefix = {};
  };
  static Wanted Read(const v1::WatchRequest& request, Call& call, core::Violations& violations);
  void Begin(const std::shared_ptr<EventStream::WatchCall>& call, const Wanted& wanted);
  // What there is of these kinds; sets the revision of each up to which it tells.
  std::vector<core::Event> Snapshot(std::map<std::string, int64_t>& kinds) const;

  const Parts parts_;
  const std::shared_ptr<core::EventHub> hub_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_EVENT_SERVICE_H_
