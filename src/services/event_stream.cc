#include "services/event_stream.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "core/process/process_errors.h"
#include "services/convert/time_convert.h"

namespace grpc_os::services {
namespace {

constexpr int kReadEvents = 512;
constexpr int kMessageEvents = 256;

v1::Event ToProto(const core::Event& event) {
  v1::Event out;
  out.set_revision(event.revision);
  SetTimeMs(event.time_ms, out.mutable_time());
  out.set_kind(event.kind);
  out.set_resource_id(event.resource_id);
  out.set_name(event.name);
  out.set_action(event.action);
  for (const auto& [key, value] : event.attributes) (*out.mutable_attributes())[key] = value;
  return out;
}

absl::Status ForClient(const absl::Status& status, int64_t position, int64_t newest) {
  if (DetailOf(status).has_value()) return status;
  if (status.code() == absl::StatusCode::kOutOfRange) {
    return MakeError(
        absl::StatusCode::kOutOfRange,
        absl::StrCat("revision ", position, " is not kept or not reached (newest: ", newest,
                     "); watch from 0 for a fresh start"),
        {.reason = core::reason::kRevisionUnavailable,
         .metadata = {{"revision", absl::StrCat(position)}, {"newest", absl::StrCat(newest)}}});
  }
  return core::FromStore(status);
}

}  // namespace

void EventStream::Start(const std::shared_ptr<WatchCall>& call, core::EventLog& log, Kinds kinds,
                        std::vector<core::Event> snapshot) {
  int64_t revision = std::numeric_limits<int64_t>::max();
  for (const auto& [kind, from] : kinds) revision = std::min(revision, from);
  if (const int64_t newest = log.NewestRevision(); revision > newest) {
    return call->End(ForClient(absl::OutOfRangeError("not reached"), revision, newest));
  }
  std::shared_ptr<EventStream> stream(new EventStream(call, log, std::move(kinds)));
  v1::WatchResponse initial;
  initial.set_revision(snapshot.empty() ? revision : 0);
  const bool heard = call->SetProducer({.on_ready = [stream] { stream->OnReady(); },
                                        .on_gone = [stream] { stream->OnGone(); },
                                        .heartbeat =
                                            [](const v1::WatchResponse& last) {
                                              v1::WatchResponse beat;
                                              beat.set_revision(last.revision());
                                              return beat;
                                            }},
                                       std::move(initial));
  if (!heard) return;
  // Until it knows where it stands, a commit must not set it going.
  stream->state_.Lock()->reading = true;
  const auto subscription = log.Subscribe([stream](int64_t newest) {
    stream->state_.Lock()->newest = newest;
    stream->Advance();
  });
  bool gone = false;
  {
    auto state = stream->state_.Lock();
    gone = state->gone;
    state->subscription = subscription;
    state->reading = false;
    state->position = revision;
    state->newest = std::max(state->newest, log.NewestRevision());
    state->sync_at = state->newest;
    if (!snapshot.empty()) stream->Pack(*state, snapshot, revision, /*whole=*/true);
  }
  if (gone) return log.Unsubscribe(subscription);
  stream->Advance();
}

// Sends what is ready; reads on when nothing is. One of both at a time.
void EventStream::Advance() {
  std::optional<v1::WatchResponse> message;
  std::optional<int64_t> read_after;
  int64_t upto = 0;
  {
    auto state = state_.Lock();
    if (state->gone || state->sending || state->reading) return;
    if (state->ready.empty() && !state->synced && state->position >= state->sync_at) {
      state->synced = true;
      v1::WatchResponse synced;
      synced.set_synced(true);
      synced.set_revision(state->position);
      state->ready.push_back(std::move(synced));
    }
    if (!state->ready.empty()) {
      message = std::move(state->ready.front());
      state->ready.pop_front();
      state->sending = true;
    } else if (state->position < state->newest) {
      read_after = state->position;
      upto = state->newest;
      state->reading = true;
    }
  }
  if (message.has_value()) call_->Send(*std::move(message));
  if (read_after.has_value()) {
    log_.ReadEvents(
        *read_after, kReadEvents,
        [self = shared_from_this(), upto](absl::StatusOr<std::vector<core::Event>> events) {
          self->OnEvents(std::move(events), upto);
        });
  }
}

void EventStream::OnEvents(absl::StatusOr<std::vector<core::Event>> events, int64_t upto) {
  if (!events.ok()) {
    int64_t position = 0;
    int64_t newest = 0;
    {
      auto state = state_.Lock();
      position = state->position;
      newest = state->newest;
    }
    return call_->End(ForClient(events.status(), position, newest));
  }
  {
    auto state = state_.Lock();
    state->reading = false;
    // The last event read, or, when all were read, the revision that the log had reached: commits
    // may tell of nothing.
    const bool all = static_cast<int>(events->size()) < kReadEvents;
    const int64_t reached = events->empty() ? upto : events->back().revision;
    state->position = all ? std::max(reached, upto) : reached;
    Pack(*state, *events, state->position, /*whole=*/false);
  }
  Advance();
}

void EventStream::Pack(State& state, const std::vector<core::Event>& events, int64_t upto,
                       bool whole) const {
  v1::WatchResponse message;
  for (const core::Event& event : events) {
    const auto kind = kinds_.find(event.kind);
    // A snapshot tells what is there, whenever that came to be.
    if (kind == kinds_.end() || (!whole && event.revision <= kind->second)) continue;
    if (message.events_size() == kMessageEvents) {
      if (!whole) {
        const int64_t last = message.events(kMessageEvents - 1).revision();
        message.set_more_of_revision(last == event.revision);
        message.set_revision(message.more_of_revision() ? last - 1 : last);
      }
      state.ready.push_back(std::exchange(message, {}));
    }
    *message.add_events() = ToProto(event);
  }
  if (message.events_size() == 0) return;
  message.set_revision(upto);
  state.ready.push_back(std::move(message));
}

void EventStream::OnReady() {
  state_.Lock()->sending = false;
  Advance();
}

void EventStream::OnGone() {
  core::EventLog::Subscription subscription = 0;
  {
    auto state = state_.Lock();
    state->gone = true;
    subscription = state->subscription;
  }
  if (subscription != 0) log_.Unsubscribe(subscription);
}

}  // namespace grpc_os::services
