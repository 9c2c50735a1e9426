// EventService: see protos/grpc_os/v1/event_services.proto.
#ifndef GRPC_OS_SERVICES_EVENT_SERVICE_H_
#define GRPC_OS_SERVICES_EVENT_SERVICE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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
    std::optional<int64_t> from = {};  // nullopt: begin with what there is
    std::optional<int64_t> from_ms = {};
    core::EventFilter filter = {};
  };
  static Wanted Read(const v1::WatchRequest& request, Call& call, core::Violations& violations);
  // Finds where, if it is given as a time.
  void BeginAt(const std::shared_ptr<EventStream::WatchCall>& call, Wanted wanted);
  void Begin(const std::shared_ptr<EventStream::WatchCall>& call, const Wanted& wanted);
  // What there is that matches; sets the revision of each kind up to which it tells.
  std::vector<core::Event> Snapshot(const core::EventFilter& filter,
                                    std::map<std::string, int64_t>& kinds) const;

  const Parts parts_;
  const std::shared_ptr<core::EventHub> hub_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_EVENT_SERVICE_H_
