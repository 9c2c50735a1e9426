#include "services/event_service.h"

#include <functional>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "services/convert/object_convert.h"
#include "services/object_access.h"

namespace grpc_os::services {
namespace {

constexpr char kProcesses[] = "process";
constexpr char kUsers[] = "user";
constexpr char kRoles[] = "role";
constexpr char kObjects[] = "object";
constexpr char kUsersPermission[] = "user.read";
constexpr char kObjectsPermission[] = "object.read";

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

std::vector<core::Event> SnapshotOfUsers(const core::Identity& identity) {
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

std::vector<core::Event> SnapshotOfRoles(const core::Identity& identity) {
  std::vector<core::Event> events;
  for (const core::Role& role : identity.ListRoles()) {
    core::Event event;
    event.time_ms = role.update_time_ms;
    event.kind = kRoles;
    event.resource_id = role.name;
    event.name = role.name;
    event.action = "snapshot";
    event.attributes = {{"built_in", core::IsBuiltIn(role) ? "true" : "false"}};
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace

EventService::EventService(Handlers& handlers, const Parts& parts)
    : parts_(parts),
      hub_(core::EventHub::Start(parts.log,
                                 [&scheduler = parts.scheduler](std::function<void()> then) {
                                   scheduler.Post([&scheduler, then = std::move(then)]() mutable {
                                     scheduler.After(limits::kWatchPauseMs, std::move(then));
                                   });
                                 })) {
  handlers.Stream<v1::WatchRequest, v1::WatchResponse>(
      [this](const auto& call, const v1::WatchRequest& request) {
        core::Violations violations;
        Wanted wanted = Read(request, *call, violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        for (const auto& [kind, permission] :
             {std::pair(kUsers, kUsersPermission), std::pair(kObjects, kObjectsPermission)}) {
          if (!wanted.kinds.contains(kind)) continue;
          if (absl::Status status = call->AlsoNeeds(permission); !status.ok())
            return call->End(status);
        }
        parts_.scheduler.Post([this, call, wanted = std::move(wanted)] { Begin(call, wanted); });
      });
}

std::vector<core::Event> EventService::Snapshot(std::map<std::string, int64_t>& kinds) const {
  std::vector<core::Event> events;
  for (const auto& [kind, snapshot_of] :
       {std::pair(kUsers, &SnapshotOfUsers), std::pair(kRoles, &SnapshotOfRoles)}) {
    const auto it = kinds.find(kind);
    if (it == kinds.end()) continue;
    it->second = parts_.identity.UsersRevision(parts_.log.NewestRevision());
    for (core::Event& event : snapshot_of(parts_.identity)) events.push_back(std::move(event));
  }
  if (auto it = kinds.find(kProcesses); it != kinds.end()) {
    it->second = parts_.processes.Revision(parts_.log.NewestRevision());
    for (core::Event& event : SnapshotOf(parts_.processes)) events.push_back(std::move(event));
  }
  return events;
}

EventService::Wanted EventService::Read(const v1::WatchRequest& request, const Call& call,
                                        core::Violations& violations) {
  Wanted wanted;
  wanted.from = request.from_revision();
  if (wanted.from < 0)
    violations.Add("from_revision", "give 0 for a snapshot, or a revision received before");
  for (const std::string& kind : request.kinds()) {
    wanted.kinds.insert(kind);
    if (kind != kProcesses && kind != kUsers && kind != kRoles && kind != kObjects)
      violations.Add("kinds",
                     absl::StrCat("there is no kind '", absl::CHexEscape(kind.substr(0, 64)),
                                  "'; give process, user, role or object"));
  }
  if (!request.prefix().empty()) {
    wanted.prefix = PrefixFromProto(request.prefix(), /*recursive=*/true, "prefix", violations);
    if (core::IsSystemName(wanted.prefix))
      violations.Add("prefix",
                     "the system's own objects are made anew for each read and never change; watch "
                     "the kind process to hear of what /proc tells, or read them again");
    if (wanted.kinds.size() > (wanted.kinds.contains(kObjects) ? 1U : 0U))
      violations.Add("prefix",
                     "only names of objects are paths; give the kind object alone, or no prefix");
    wanted.kinds = {kObjects};
  } else if (wanted.kinds.empty()) {
    wanted.kinds.insert(kProcesses);
    if (core::Allows(call.caller(), kUsersPermission)) wanted.kinds.insert(kUsers);
  }
  return wanted;
}

void EventService::Begin(const std::shared_ptr<EventStream::WatchCall>& call,
                         const Wanted& wanted) {
  Watched watched;
  watched.prefix = wanted.prefix;
  watched.access = [call = call.get()] { return CurrentAccessOf(*call); };
  for (const std::string& kind : wanted.kinds) watched.kinds[kind] = wanted.from;
  std::vector<core::Event> snapshot;
  if (wanted.from == 0) {
    snapshot = Snapshot(watched.kinds);
    // Of objects there is none.
    if (const auto objects = watched.kinds.find(kObjects); objects != watched.kinds.end())
      objects->second = parts_.log.NewestRevision();
  }
  EventStream::Start(call, hub_, parts_.log, std::move(watched), std::move(snapshot));
}

}  // namespace grpc_os::services
