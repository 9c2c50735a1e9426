#include "services/event_service.h"

#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/process/validate.h"
#include "services/event_stream.h"

namespace grpc_os::services {
namespace {

constexpr char kProcesses[] = "process";
constexpr char kUsers[] = "user";
constexpr char kUsersPermission[] = "user.read";

std::vector<core::Event> SnapshotOf(const core::Processes& processes) {
  std::vector<core::Event> events;
  for (const core::Process* process : processes.List("", std::numeric_limits<int>::max())) {
    core::Event event;
    event.revision = process->revision;
    event.time_ms = process->update_time_ms;
    event.kind = kProcesses;
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

std::vector<core::Event> SnapshotOf(const core::Identity& identity) {
  std::vector<core::Event> events;
  for (const core::User& user : identity.ListUsers("", std::numeric_limits<int>::max())) {
    core::Event event;
    event.time_ms = user.update_time_ms;
    event.kind = kUsers;
    event.resource_id = user.name;
    event.name = user.name;
    event.action = "snapshot";
    event.attributes = {{"roles", absl::StrJoin(user.roles, ",")},
                        {"disabled", user.disabled ? "true" : "false"}};
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace

std::vector<core::Event> EventService::Snapshot(std::map<std::string, int64_t>& kinds) const {
  std::vector<core::Event> events;
  if (auto it = kinds.find(kUsers); it != kinds.end()) {
    it->second = parts_.identity.UsersRevision(parts_.log.NewestRevision());
    for (core::Event& event : SnapshotOf(parts_.identity)) events.push_back(std::move(event));
  }
  if (auto it = kinds.find(kProcesses); it != kinds.end()) {
    it->second = parts_.processes.Revision(parts_.log.NewestRevision());
    for (core::Event& event : SnapshotOf(parts_.processes)) events.push_back(std::move(event));
  }
  return events;
}

grpc::ServerWriteReactor<v1::WatchResponse>* EventService::Watch(
    grpc::CallbackServerContext* context, const v1::WatchRequest* request) {
  return parts_.funnel.Stream<v1::WatchResponse>(
      context, "grpc_os.v1.EventService/Watch", [&](const auto& call) {
        core::Violations violations;
        if (request->from_revision() < 0)
          violations.Add("from_revision", "give 0 for a snapshot, or a revision received before");
        EventStream::Kinds kinds;
        for (const std::string& kind : request->kinds()) {
          kinds[kind] = request->from_revision();
          if (kind != kProcesses && kind != kUsers)
            violations.Add("kinds",
                           absl::StrCat("there is no kind '", absl::CHexEscape(kind.substr(0, 64)),
                                        "'; give process or user"));
        }
        if (!violations.empty()) return call->End(violations.ToStatus());
        if (kinds.empty()) {
          kinds[kProcesses] = request->from_revision();
          if (core::Allows(call->caller(), kUsersPermission))
            kinds[kUsers] = request->from_revision();
        }
        if (kinds.contains(kUsers)) {
          if (absl::Status status = call->AlsoNeeds(kUsersPermission); !status.ok())
            return call->End(status);
        }
        parts_.scheduler.Post([this, call, kinds, from = request->from_revision()]() mutable {
          std::vector<core::Event> snapshot;
          if (from == 0) snapshot = Snapshot(kinds);
          EventStream::Start(call, parts_.log, std::move(kinds), std::move(snapshot));
        });
      });
}

}  // namespace grpc_os::services
