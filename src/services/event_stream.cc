#include "services/event_stream.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/store_error.h"
#include "services/convert/time_convert.h"
#include "services/object_access.h"

namespace grpc_os::services {
namespace {

constexpr int kMessageEvents = 256;
constexpr size_t kMessageBytes = limits::kMessageBytes / 2;  // of events in a message
constexpr char kObjects[] = "object";

void ToProto(const core::Event& event, v1::Event* out) {
  out->set_revision(event.revision);
  SetTimeMs(event.time_ms, out->mutable_time());
  out->set_kind(event.kind);
  out->set_resource_id(event.resource_id);
  out->set_name(event.name);
  out->set_action(event.action);
  for (const auto& [key, value] : event.attributes) (*out->mutable_attributes())[key] = value;
}

// Of an object, to a caller who may perhaps not read its name, or the one that it had before.
bool ToProtoIfReadable(const core::Event& event, const core::EventFilter& filter,
                       const core::ObjectAccess& access, v1::Event* out) {
  const bool readable = access(core::ObjectVerb::kRead, event.name);
  const auto from = event.attributes.find(core::kMovedFrom);
  if (from == event.attributes.end()) {
    if (readable) ToProto(event, out);
    return readable;
  }
  if (access(core::ObjectVerb::kRead, from->second)) {
    if (readable) {
      ToProto(event, out);
      return true;
    }
    if (!core::MatchesName(filter, event.resource_id, from->second)) return false;
    ToProto(event, out);
    out->set_action("deleted");
    out->set_name(from->second);
    out->clear_attributes();
    return true;
  }
  if (!readable || !core::MatchesName(filter, event.resource_id, event.name)) return false;
  ToProto(event, out);
  out->mutable_attributes()->erase(core::kMovedFrom);
  return true;
}

absl::Status NotKept(int64_t revision, const core::EventLog& log) {
  const int64_t oldest = log.OldestRevision();
  const int64_t newest = log.NewestRevision();
  return MakeError(
      absl::StatusCode::kOutOfRange,
      absl::StrCat("the changes after revision ", revision,
                   " cannot be told: kept are those after ", oldest, ", the newest is ", newest,
                   "; list what there is now, and watch from there"),
      {.reason = core::reason::kRevisionUnavailable,
       .metadata = {{"revision", absl::StrCat(revision)},
                    {"oldest", absl::StrCat(oldest)},
                    {"newest", absl::StrCat(newest)}}});
}

}  // namespace

void EventStream::Start(const std::shared_ptr<WatchCall>& call, std::shared_ptr<core::EventHub> hub,
                        const core::EventLog& log, Watched watched,
                        std::vector<core::Event> snapshot) {
  int64_t revision = std::numeric_limits<int64_t>::max();
  for (const auto& [kind, from] : watched.kinds) {
    watched.filter.kinds.insert(kind);
    revision = std::min(revision, from);
  }
  if (revision < log.OldestRevision() || revision > log.NewestRevision())
    return call->End(NotKept(revision, log));
  std::shared_ptr<EventStream> stream(
      new EventStream(call, std::move(hub), log, std::move(watched)));
  v1::WatchResponse initial;
  initial.set_revision(snapshot.empty() ? revision : 0);
  const bool heard = call->SetProducer(
      {.on_ready = [stream] { stream->OnReady(); },
       .on_gone = [stream] { stream->OnGone(); },
       .heartbeat = [stream](const v1::WatchResponse& last) { return stream->Heartbeat(last); }},
      std::move(initial));
  if (!heard) return;
  const auto watcher = stream->hub_->Join(stream->watched_.filter, revision, call->caller().user);
  bool gone = false;
  {
    auto state = stream->state_.Lock();
    gone = state->gone;
    stream->watcher_ = watcher;
    state->position = revision;
    state->sync_at = log.NewestRevision();
    if (!snapshot.empty()) {
      const auto stretch = std::make_shared<core::EventHub::Stretch>();
      for (core::Event& event : snapshot)
        stretch->events.push_back(std::make_shared<const core::Event>(std::move(event)));
      stretch->upto = revision;
      state->stretch = stretch;
      state->is_snapshot = true;
    }
  }
  if (gone) return stream->hub_->Leave(watcher);
  stream->Advance();
}

// Sends what there is; asks for more when there is nothing. One of both at a time.
void EventStream::Advance() {
  std::optional<v1::WatchResponse> message;
  int64_t mark = core::EventHub::kNoMark;
  {
    auto state = state_.Lock();
    if (state->gone || state->sending || state->asking) return;
    message = Pack(*state);
    if (!message.has_value() && !state->synced) {
      mark = state->sync_at;
      // Nothing comes between the parts of a revision.
      if (state->position.Whole() >= mark && state->split == 0) {
        state->synced = true;
        message.emplace();
        message->set_synced(true);
        message->set_revision(state->position.Whole());
      }
    }
    // The end of a revision is waited for, whether or not more of it matches.
    if (state->position.Whole() < state->position.revision) mark = state->position.revision;
    (message.has_value() ? state->sending : state->asking) = true;
  }
  if (message.has_value()) return call_->Send(*std::move(message));
  hub_->Next(watcher_, mark, [self = shared_from_this()](const core::EventHub::Given& given) {
    self->OnGiven(given);
  });
}

void EventStream::OnGiven(const core::EventHub::Given& given) {
  if (!given.ok()) {
    const absl::Status& status = given.status();
    if (DetailOf(status).has_value()) return call_->End(status);
    if (absl::IsOutOfRange(status))
      return call_->End(NotKept(state_.Lock()->position.Whole(), log_));
    return call_->End(core::FromStore(status));
  }
  {
    auto state = state_.Lock();
    state->asking = false;
    state->stretch = state->given = *given;
    state->position = state->stretch->upto;
    if (!state->part.empty()) {
      const auto joined = std::make_shared<core::EventHub::Stretch>(*state->stretch);
      joined->events.insert(joined->events.begin(), state->part.begin(), state->part.end());
      state->part.clear();
      state->stretch = joined;
    }
  }
  Advance();
}

std::optional<v1::WatchResponse> EventStream::Pack(State& state) const {
  if (state.stretch == nullptr) return std::nullopt;
  // With the roles of now; they are asked for once a message.
  const core::Authority authority = watched_.authority();
  v1::WatchResponse message;
  v1::Event told;
  // Where the last revision of the message begins: in the message, and in the stretch.
  int whole_events = 0;
  size_t whole_next = state.next;
  Events last;  // of that revision
  size_t bytes = 0;
  for (; state.next < state.stretch->events.size(); ++state.next) {
    const std::shared_ptr<const core::Event>& shared = state.stretch->events[state.next];
    const core::Event& event = *shared;
    if (!Tell(event, state.is_snapshot, authority, &told)) continue;
    const int count = message.events_size();
    if (count == 0 || message.events(count - 1).revision() != event.revision) {
      whole_events = count;
      whole_next = state.next;
      last.clear();
    }
    bytes += told.ByteSizeLong();
    if (count == kMessageEvents || (count > 0 && bytes > kMessageBytes)) {
      // Only with the last message of a snapshot has the client anything to go on from.
      if (!state.is_snapshot) EndAtRevision(whole_events, whole_next, state, message);
      return message;
    }
    message.add_events()->Swap(&told);
    told.Clear();
    last.push_back(shared);
  }
  EndAtStretch(whole_events, std::move(last), state, message);
  // Where the client was told that a revision goes on, it is told its end.
  const bool ended = state.split != 0 && message.revision() >= state.split;
  if (ended) state.split = 0;
  if (message.events_size() == 0 && !ended) return std::nullopt;
  return message;
}

// What is there of a revision that goes on is kept for later.
void EventStream::EndAtStretch(int whole_events, Events last, State& state,
                               v1::WatchResponse& message) {
  const core::LogPosition upto = state.stretch->upto;
  message.set_revision(upto.Whole());
  if (!state.is_snapshot && !last.empty() && last.back()->revision > upto.Whole()) {
    message.mutable_events()->DeleteSubrange(whole_events, message.events_size() - whole_events);
    state.part = std::move(last);
  }
  state.stretch = state.given = nullptr;
  state.next = 0;
  state.is_snapshot = false;
}

// Of a full message: up to the revision that does not fit, or a part of one that is larger itself.
void EventStream::EndAtRevision(int whole_events, size_t whole_next, State& state,
                                v1::WatchResponse& message) {
  const int64_t last = message.events(message.events_size() - 1).revision();
  if (whole_events == 0) {
    state.split = last;
    message.set_more_of_revision(true);
    return message.set_revision(last - 1);
  }
  state.split = 0;
  message.set_revision(message.events(whole_events - 1).revision());
  message.mutable_events()->DeleteSubrange(whole_events, message.events_size() - whole_events);
  state.next = whole_next;
}

bool EventStream::Tell(const core::Event& event, bool is_snapshot, const core::Authority& authority,
                       v1::Event* told) const {
  const auto kind = watched_.kinds.find(event.kind);
  // A snapshot tells what is there, whenever that came to be.
  if (kind == watched_.kinds.end() || (!is_snapshot && event.revision <= kind->second))
    return false;
  if (event.kind == kObjects) {
    return ToProtoIfReadable(event, watched_.filter, AccessOf(authority), told) &&
           core::MatchesAction(watched_.filter, told->action());
  }
  const auto permission = watched_.permissions.find(event.kind);
  if (permission != watched_.permissions.end() &&
      !authority.AllowsName(permission->second, event.name))
    return false;
  // As ListQuotas has it: they tell how much is there.
  if (event.kind == "quota" && !authority.AllowsAllNames(core::kObjectRead, event.name))
    return false;
  ToProto(event, told);
  return true;
}

// Under the lock of the call: the events that the hub gives from here on are sent after it.
v1::WatchResponse EventStream::Heartbeat(const v1::WatchResponse& last) const {
  v1::WatchResponse beat;
  beat.set_revision(std::max(last.revision(), hub_->Bookmark(watcher_).value_or(0)));
  beat.set_more_of_revision(last.more_of_revision());
  return beat;
}

void EventStream::OnReady() {
  state_.Lock()->sending = false;
  Advance();
}

void EventStream::OnGone() {
  state_.Lock()->gone = true;
  hub_->Leave(watcher_);
}

}  // namespace grpc_os::services
