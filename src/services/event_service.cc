#include "services/event_service.h"

#include <functional>
#include <iterator>
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

constexpr char kObjects[] = "object";  // whose names are paths

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
    if (process->spec.system) event.attributes["system"] = "true";
    events.push_back(std::move(event));
  }
  return events;
}

std::vector<core::Event> SnapshotOfUsers(const core::Identity& identity) {
  std::vector<core::Event> events;
  for (const core::User& user : identity.ListUsers("", std::numeric_limits<int>::max())) {
    core::Event event;
    event.time_ms = user.update_time_ms;
    event.kind = "user";
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
    event.kind = "role";
    event.resource_id = role.name;
    event.name = role.name;
    event.action = "snapshot";
    event.attributes = {{"built_in", core::IsBuiltIn(role) ? "true" : "false"}};
    events.push_back(std::move(event));
  }
  return events;
}

template <typename Resource>
std::vector<core::Event> SnapshotOf(const std::vector<Resource>& resources, const char* kind) {
  std::vector<core::Event> events;
  for (const Resource& resource : resources) {
    core::Event event;
    event.revision = resource.revision;
    event.time_ms = resource.update_time_ms;
    event.kind = kind;
    event.resource_id = resource.id;
    event.name = resource.name;
    event.action = "snapshot";
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
        for (const Kind& kind : call->environment().declarations.kinds) {
          if (!wanted.kinds.contains(kind.name) || kind.permission == kAnyLogin) continue;
          if (absl::Status status = call->AlsoNeeds(kind.permission.c_str()); !status.ok())
            return call->End(status);
        }
        // Of what there is the scheduler's thread knows alone, which has enough to do.
        if (wanted.from != 0) return Begin(call, wanted);
        parts_.scheduler.Post([this, call, wanted = std::move(wanted)] { Begin(call, wanted); });
      });
}

std::vector<core::Event> EventService::Snapshot(std::map<std::string, int64_t>& kinds) const {
  std::vector<core::Event> events;
  for (auto& [kind, revision] : kinds) {
    const int64_t newest = parts_.log.NewestRevision();
    std::vector<core::Event> found;
    if (kind == "process") {
      revision = parts_.processes.Revision(newest);
      found = SnapshotOf(parts_.processes);
    } else if (kind == core::kVolumeKind.name) {
      revision = parts_.volumes.Revision(newest);
      found = SnapshotOf(parts_.volumes.List("", std::numeric_limits<int>::max()),
                         core::kVolumeKind.name);
    } else if (kind == core::kDomainKind.name) {
      revision = parts_.domains.Revision(newest);
      found = SnapshotOf(parts_.domains.List("", std::numeric_limits<int>::max()),
                         core::kDomainKind.name);
    } else if (kind == "user" || kind == "role") {
      revision = parts_.identity.UsersRevision(newest);
      found = kind == "user" ? SnapshotOfUsers(parts_.identity) : SnapshotOfRoles(parts_.identity);
    } else {
      revision = newest;  // of the others there is none
    }
    events.insert(events.end(), std::make_move_iterator(found.begin()),
                  std::make_move_iterator(found.end()));
  }
  return events;
}

EventService::Wanted EventService::Read(const v1::WatchRequest& request, Call& call,
                                        core::Violations& violations) {
  const Declarations& declared = call.environment().declarations;
  Wanted wanted;
  wanted.from = request.from_revision();
  if (wanted.from < 0)
    violations.Add("from_revision", "give 0 for a snapshot, or a revision received before");
  for (const std::string& kind : request.kinds()) {
    wanted.kinds.insert(kind);
    if (declared.FindKind(kind) == nullptr) {
      const auto name = [](std::string* out, const Kind& one) { out->append(one.name); };
      violations.Add("kinds",
                     absl::StrCat("there is no kind '", absl::CHexEscape(kind.substr(0, 64)),
                                  "'; give some of ", absl::StrJoin(declared.kinds, ", ", name)));
    }
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
    for (const Kind& kind : declared.kinds) {
      if (kind.watched_by_default && core::Allows(call.caller(), kind.permission))
        wanted.kinds.insert(kind.name);
    }
    if (wanted.kinds.empty()) wanted.kinds.insert("process");  // which is refused
  }
  return wanted;
}

void EventService::Begin(const std::shared_ptr<EventStream::WatchCall>& call,
                         const Wanted& wanted) {
  Watched watched;
  watched.prefix = wanted.prefix;
  watched.authority = [call = call.get()] { return CurrentAuthorityOf(*call); };
  for (const Kind& kind : call->environment().declarations.kinds)
    if (kind.permission != kAnyLogin) watched.permissions[kind.name] = kind.permission;
  for (const std::string& kind : wanted.kinds) watched.kinds[kind] = wanted.from;
  std::vector<core::Event> snapshot;
  if (wanted.from == 0) {
    snapshot = Snapshot(watched.kinds);
  }
  EventStream::Start(call, hub_, parts_.log, std::move(watched), std::move(snapshot));
}

}  // namespace grpc_os::services
