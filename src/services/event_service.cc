#include "services/event_service.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "core/store_error.h"
#include "services/convert/object_convert.h"
#include "services/convert/time_convert.h"
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
          if (!wanted.filter.kinds.contains(kind.name) || kind.permission == kAnyLogin) continue;
          if (absl::Status status = call->AlsoNeeds(kind.permission.c_str()); !status.ok())
            return call->End(status);
        }
        BeginAt(call, std::move(wanted));
      });
}

std::vector<core::Event> EventService::Snapshot(const core::EventFilter& filter,
                                                std::map<std::string, int64_t>& kinds) const {
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
    std::copy_if(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()),
                 std::back_inserter(events),
                 [&](const core::Event& event) { return core::Matches(filter, event); });
  }
  return events;
}

namespace {

constexpr int kMostWords = 100;  // names, or actions

void ReadNames(const v1::WatchRequest& request, core::EventFilter& filter,
               core::Violations& violations) {
  filter.names.insert(request.names().begin(), request.names().end());
  const bool each_is_one =
      std::all_of(filter.names.begin(), filter.names.end(), [](const auto& name) {
        return !name.empty() && name.size() <= static_cast<size_t>(limits::kPathBytes);
      });
  if (!each_is_one || request.names_size() > kMostWords) {
    violations.Add("names",
                   absl::StrCat("give at most ", kMostWords, " names or ids, each of 1 to ",
                                limits::kPathBytes, " bytes"));
  }
  filter.actions.insert(request.actions().begin(), request.actions().end());
  const auto unknown =
      std::find_if_not(filter.actions.begin(), filter.actions.end(), core::IsEventAction);
  if (unknown != filter.actions.end()) {
    const auto append = [](std::string* out, std::string_view action) { out->append(action); };
    violations.Add(
        "actions",
        absl::StrCat("there is no action '", absl::CHexEscape(unknown->substr(0, 64)),
                     "'; give some of ", absl::StrJoin(core::kEventActions, ", ", append)));
  } else if (request.actions_size() > kMostWords) {
    violations.Add("actions", absl::StrCat("give at most ", kMostWords));
  }
}

}  // namespace

EventService::Wanted EventService::Read(const v1::WatchRequest& request, Call& call,
                                        core::Violations& violations) {
  const Declarations& declared = call.environment().declarations;
  Wanted wanted;
  if (request.from_revision() < 0)
    violations.Add("from_revision", "give 0 for a snapshot, or a revision received before");
  if (request.from_revision() > 0) wanted.from = request.from_revision();
  if (request.has_from_time()) {
    wanted.from_ms = TimeMsFromProto(request.from_time(), "from_time", violations);
    if (request.from_revision() != 0)
      violations.Add("from_time", "give a revision or a time to begin at, not both");
  }
  ReadNames(request, wanted.filter, violations);
  for (const std::string& kind : request.kinds()) {
    wanted.filter.kinds.insert(kind);
    if (declared.FindKind(kind) == nullptr) {
      const auto name = [](std::string* out, const Kind& one) { out->append(one.name); };
      violations.Add("kinds",
                     absl::StrCat("there is no kind '", absl::CHexEscape(kind.substr(0, 64)),
                                  "'; give some of ", absl::StrJoin(declared.kinds, ", ", name)));
    }
  }
  if (!request.prefix().empty()) {
    wanted.filter.prefix =
        PrefixFromProto(request.prefix(), /*recursive=*/true, "prefix", violations);
    if (core::IsSystemName(wanted.filter.prefix))
      violations.Add("prefix",
                     "the system's own objects are made anew for each read and never change; watch "
                     "the kind process to hear of what /proc tells, or read them again");
    if (wanted.filter.kinds.size() > (wanted.filter.kinds.contains(kObjects) ? 1U : 0U))
      violations.Add("prefix",
                     "only names of objects are paths; give the kind object alone, or no prefix");
    wanted.filter.kinds = {kObjects};
  } else if (wanted.filter.kinds.empty()) {
    for (const Kind& kind : declared.kinds) {
      if (kind.watched_by_default && core::Allows(call.caller(), kind.permission))
        wanted.filter.kinds.insert(kind.name);
    }
    if (wanted.filter.kinds.empty()) wanted.filter.kinds.insert("process");  // which is refused
  }
  return wanted;
}

void EventService::BeginAt(const std::shared_ptr<EventStream::WatchCall>& call, Wanted wanted) {
  if (wanted.from.has_value()) return Begin(call, wanted);
  if (!wanted.from_ms.has_value()) {
    // Of what there is the scheduler's thread knows alone, which has enough to do.
    return parts_.scheduler.Post([this, call, wanted = std::move(wanted)] { Begin(call, wanted); });
  }
  const int64_t from_ms = *wanted.from_ms;
  // The answer may come after the service has gone: what is posted then is not run any more.
  parts_.log.FindBefore(call->requester(), from_ms, call->environment().clock.NowMs(),
                        [this, &scheduler = parts_.scheduler, call,
                         wanted = std::move(wanted)](const absl::StatusOr<int64_t>& found) mutable {
                          if (!found.ok()) return call->End(core::FromStore(found.status()));
                          wanted.from = *found;
                          scheduler.Post([this, call, wanted = std::move(wanted)]() mutable {
                            // It may have been forgotten meanwhile, or be of a commit that is
                            // not acknowledged yet.
                            wanted.from = std::clamp(*wanted.from, parts_.log.OldestRevision(),
                                                     parts_.log.NewestRevision());
                            Begin(call, wanted);
                          });
                        });
}

void EventService::Begin(const std::shared_ptr<EventStream::WatchCall>& call,
                         const Wanted& wanted) {
  Watched watched;
  watched.filter = wanted.filter;
  watched.authority = [call = call.get()] { return CurrentAuthorityOf(*call); };
  for (const Kind& kind : call->environment().declarations.kinds)
    if (kind.permission != kAnyLogin) watched.permissions[kind.name] = kind.permission;
  for (const std::string& kind : wanted.filter.kinds) watched.kinds[kind] = wanted.from.value_or(0);
  std::vector<core::Event> snapshot;
  if (!wanted.from.has_value()) snapshot = Snapshot(watched.filter, watched.kinds);
  EventStream::Start(call, hub_, parts_.log, std::move(watched), std::move(snapshot));
}

}  // namespace grpc_os::services
