#include "services/event_service.h"

#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/process/validate.h"
#include "services/event_stream.h"

namespace grpc_os::services {
namespace {

std::vector<core::Event> SnapshotOf(const core::Processes& processes) {
  std::vector<core::Event> events;
  for (const core::Process* process : processes.List("", std::numeric_limits<int>::max())) {
    core::Event event;
    event.revision = process->revision;
    event.time_ms = process->update_time_ms;
    event.kind = "process";
    event.resource_id = process->id;
    event.name = process->name;
    event.action = "snapshot";
    event.attributes = {{"state", core::ToString(process->status.state)},
                        {"desired_state", core::ToString(process->desired)},
                        {"generation", absl::StrCat(process->generation)}};
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace

grpc::ServerWriteReactor<v1::WatchResponse>* EventService::Watch(
    grpc::CallbackServerContext* context, const v1::WatchRequest* request) {
  return funnel_.Stream<v1::WatchResponse>(
      context, "grpc_os.v1.EventService/Watch", [&](const auto& call) {
        core::Violations violations;
        if (request->from_revision() < 0)
          violations.Add("from_revision", "give 0 for a snapshot, or a revision received before");
        const std::set<std::string> kinds(request->kinds().begin(), request->kinds().end());
        for (const std::string& kind : kinds) {
          if (kind != "process")
            violations.Add("kinds",
                           absl::StrCat("there is no kind '", absl::CHexEscape(kind.substr(0, 64)),
                                        "'; give process"));
        }
        if (!violations.empty()) return call->End(violations.ToStatus());
        scheduler_.Post([this, call, kinds, from = request->from_revision()]() mutable {
          std::vector<core::Event> snapshot;
          if (from == 0) snapshot = SnapshotOf(processes_);
          EventStream::Start(call, log_, std::move(kinds), std::move(snapshot),
                             from == 0 ? processes_.Revision() : from);
        });
      });
}

}  // namespace grpc_os::services
