#include "core/event/event_hub.h"

#include <algorithm>
#include <iterator>

namespace grpc_os::core {
namespace {

constexpr int kReadEvents = 512;
constexpr size_t kGivenAtOnce = 8;  // to so many watchers: some milliseconds

// The calls that this thread is inside of.
struct Frame {
  const void* state;
  const Frame* outer;
};
thread_local const Frame* innermost = nullptr;

int OwnCalls(const void* state) {
  int count = 0;
  for (const Frame* frame = innermost; frame != nullptr; frame = frame->outer)
    count += frame->state == state ? 1 : 0;
  return count;
}

// Up to where the log is known after a read that was to reach the revision `upto`: the commits at
// its end may tell of nothing. One event more is asked for than is given: it tells whether the last
// revision goes on.
LogPosition Reached(std::vector<Event>& events, int64_t upto) {
  if (events.empty()) return upto;
  if (static_cast<int>(events.size()) <= kReadEvents) return std::max(events.back().revision, upto);
  const int64_t next = events.back().revision;
  events.pop_back();
  return next == events.back().revision ? PositionOf(events.back()) : next - 1;
}

}  // namespace

std::shared_ptr<EventHub> EventHub::Start(EventLog& log, Bounds bounds, Pause pause) {
  std::shared_ptr<EventHub> hub(new EventHub(log, bounds, std::move(pause)));
  const auto subscription =
      log.Subscribe([raw = hub.get()](int64_t newest) { raw->OnCommit(newest); });
  const std::lock_guard lock(hub->mutex_);
  hub->subscription_ = subscription;
  hub->newest_ = std::max(hub->newest_, log.NewestRevision());
  hub->position_ = hub->newest_;
  hub->memory_.Reset(hub->position_);
  return hub;
}

void EventHub::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  log_.Unsubscribe(subscription_);
}

EventHub::Watcher EventHub::Join(EventFilter filter, LogPosition after, std::string user) {
  auto state = std::make_shared<State>();
  state->user = std::move(user);
  state->position = after;
  const std::lock_guard lock(mutex_);
  const auto [entry, made] = groups_.try_emplace(filter, filter);
  Group& group = entry->second;
  if (made) {
    group.since = position_;
    index_.Add(group.filter, &group);
  }
  ++group.watchers;
  state->group = &group;
  watchers_[next_] = std::move(state);
  return next_++;
}

void EventHub::Leave(Watcher watcher) {
  std::function<void(Given)> dropped;  // freed after the lock: what it owns may call back
  std::unique_lock lock(mutex_);
  const auto found = watchers_.find(watcher);
  if (found == watchers_.end()) return;
  const std::shared_ptr<State> state = std::move(found->second);
  watchers_.erase(found);
  if (state->waiting) {
    Unwait(*state);
  } else if (state->done) {
    StopAsking(state);
  }
  state->left = true;
  dropped = std::move(state->done);
  Group& group = *std::exchange(state->group, nullptr);
  if (--group.watchers == 0) {
    index_.Remove(group.filter, &group);
    groups_.erase(groups_.find(group.filter));
  }
  returned_.wait(lock, [&] { return state->calls == OwnCalls(state.get()); });
  lock.unlock();
}

void EventHub::Next(Watcher watcher, int64_t mark, std::function<void(Given)> done) {
  Todo todo;
  std::shared_ptr<State> state;
  {
    const std::lock_guard lock(mutex_);
    const auto found = watchers_.find(watcher);
    if (stopped_ || found == watchers_.end()) return;
    state = found->second;
    state->mark = mark;
    state->done = std::move(done);
    Proceed(state, todo);
  }
  CatchUpAndRun(std::move(todo));
}

std::optional<int64_t> EventHub::Bookmark(Watcher watcher) const {
  const std::lock_guard lock(mutex_);
  const auto found = watchers_.find(watcher);
  if (found == watchers_.end() || !found->second->done) return std::nullopt;
  const State& state = *found->second;
  return (state.waiting ? std::max(state.position, position_) : state.position).Whole();
}

void EventHub::OnCommit(int64_t newest) {
  Todo todo;
  {
    const std::lock_guard lock(mutex_);
    newest_ = std::max(newest_, newest);
    ReadOn(todo);
  }
  if (todo.read_after.has_value()) Read(*todo.read_after);
}

void EventHub::ReadOn(Todo& todo) {
  if (stopped_ || reading_ || resting_ || position_.Whole() >= newest_) return;
  if (watchers_.empty()) {
    position_ = newest_;
    begun_.clear();
    memory_.Reset(position_);
    return;
  }
  reading_ = true;
  todo.read_after = begun_.empty() ? position_ : PositionOf(begun_.back());
}

void EventHub::Read(LogPosition after) {
  int64_t upto = 0;
  {
    const std::lock_guard lock(mutex_);
    upto = newest_;
  }
  log_.ReadEvents(
      Requester(), after, kReadEvents + 1,
      [self = shared_from_this(), upto](Events events) { self->OnRead(std::move(events), upto); });
}

void EventHub::OnRead(Events events, int64_t upto) {
  Todo todo;
  bool rest = false;
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (stopped_) return;
    if (!events.ok()) {
      FailWaiting(events.status(), todo);
    } else {
      const LogPosition before = position_;
      // Else there is more than was read at once.
      resting_ = pause_ && events->size() <= kReadEvents;
      rest = resting_;
      std::vector<Group*> touched;
      Remember(TakeWhole(*std::move(events), upto), touched);
      for (Group* group : touched) HandOut(*group, before, todo);
      AnswerMarks(todo);
    }
    ReadOn(todo);
  }
  if (rest) Rest();
  Run(std::move(todo.calls));
  if (todo.read_after.has_value()) Read(*todo.read_after);
}

void EventHub::Rest() {
  pause_([weak = weak_from_this()] {
    if (const auto self = weak.lock(); self != nullptr) self->OnRested();
  });
}

void EventHub::OnRested() {
  Todo todo;
  {
    const std::lock_guard lock(mutex_);
    resting_ = false;
    ReadOn(todo);
  }
  if (todo.read_after.has_value()) Read(*todo.read_after);
}

// Of what was read, with what was there of its first revision, the revisions that are whole.
std::vector<Event> EventHub::TakeWhole(std::vector<Event> events, int64_t upto) {
  const LogPosition reached = Reached(events, upto);
  position_ = std::max(position_, LogPosition(reached.Whole()));
  begun_.insert(begun_.end(), std::make_move_iterator(events.begin()),
                std::make_move_iterator(events.end()));
  if (begun_.empty() || begun_.front().revision > reached.Whole()) return {};
  std::vector<Event> whole = std::exchange(begun_, {});
  const auto end = std::partition_point(whole.begin(), whole.end(), [&](const Event& event) {
    return event.revision <= reached.Whole();
  });
  begun_.assign(std::make_move_iterator(end), std::make_move_iterator(whole.end()));
  whole.erase(end, whole.end());
  return whole;
}

void EventHub::Remember(std::vector<Event> events, std::vector<Group*>& touched) {
  for (Event& event : events) {
    const auto shared = std::make_shared<const Event>(std::move(event));
    const int64_t number = memory_.end();
    memory_.Add(shared);
    index_.Find(*shared, [&](Group* group) {
      if (group->fresh.empty()) touched.push_back(group);
      group->fresh.push_back(shared);
      group->recent.push_back(number);
    });
  }
  memory_.Trim();
  for (Group* group : touched) {
    while (!group->recent.empty() && group->recent.front() < memory_.first())
      group->recent.pop_front();
  }
}

void EventHub::Bound(Stretch& stretch) {
  if (stretch.events.size() <= kReadEvents) return;
  const int64_t next = stretch.events[kReadEvents]->revision;
  stretch.events.resize(kReadEvents);
  const Event& last = *stretch.events.back();
  stretch.upto = next == last.revision ? PositionOf(last) : next - 1;
}

void EventHub::HandOut(Group& group, LogPosition before, Todo& todo) {
  const auto all = std::make_shared<Stretch>();
  const auto fresh = std::exchange(group.fresh, {});
  all->events = fresh;
  all->upto = position_;
  Bound(*all);
  const std::vector<State*> waiting(group.waiting.begin(), group.waiting.end());
  for (State* state : waiting) {
    if (state->position <= before) {
      Answer(*state, all, todo);
      continue;
    }
    // It was ahead of this reader.
    const auto own = std::make_shared<Stretch>();
    std::copy_if(fresh.begin(), fresh.end(), std::back_inserter(own->events),
                 [&](const auto& event) { return PositionOf(*event) > state->position; });
    own->upto = std::max(position_, state->position);
    Bound(*own);
    if (!own->events.empty()) Answer(*state, own, todo);
  }
}

void EventHub::AnswerMarks(Todo& todo) {
  while (!marks_.empty() && marks_.begin()->first <= position_.Whole()) {
    State& state = *marks_.begin()->second;
    const auto nothing = std::make_shared<Stretch>();
    nothing->upto = std::max(position_, state.position);
    Answer(state, nothing, todo);
  }
}

// What could not be read is left out of the memory; each has to read it for itself.
void EventHub::FailWaiting(const absl::Status& status, Todo& todo) {
  for (auto& [filter, group] : groups_) {
    const std::vector<State*> waiting(group.waiting.begin(), group.waiting.end());
    for (State* state : waiting) {
      state->position = std::max(state->position, position_);
      Answer(*state, status, todo);
    }
  }
  position_ = newest_;
  begun_.clear();
  memory_.Reset(position_);
}

void EventHub::Proceed(const std::shared_ptr<State>& state, Todo& todo) {
  if (state->position < std::max(memory_.start(), state->group->since)) {
    const Place place = PlaceOf(*state);
    Piece& piece = pieces_[place];
    if (const auto given = piece.given.lock(); given != nullptr && piece.asking.empty())
      return Answer(*state, given, todo);
    piece.asking.push_back(state);
    if (piece.read == nullptr) ReadFor(place, piece, todo);
    return;
  }
  if (const auto stretch = Recall(*state); !stretch->events.empty())
    return Answer(*state, stretch, todo);
  state->position = std::max(state->position, position_);
  if (state->position.Whole() < state->mark) return Wait(*state);
  const auto nothing = std::make_shared<Stretch>();
  nothing->upto = state->position;
  Answer(*state, nothing, todo);
}

std::shared_ptr<EventHub::Stretch> EventHub::Recall(const State& state) const {
  auto stretch = std::make_shared<Stretch>();
  stretch->upto = position_;
  const std::deque<int64_t>& recent = state.group->recent;
  auto next = std::partition_point(recent.begin(), recent.end(), [&](int64_t number) {
    return number < memory_.first() || PositionOf(*memory_.at(number)) <= state.position;
  });
  for (; next != recent.end() && stretch->events.size() <= kReadEvents; ++next)
    stretch->events.push_back(memory_.at(*next));
  Bound(*stretch);
  return stretch;
}

EventHub::Place EventHub::PlaceOf(const State& state) {
  return {state.group->filter, state.position, state.user};
}

void EventHub::ReadFor(const Place& place, Piece& piece, Todo& todo) {
  piece.read = std::make_shared<Requester::Call>();
  piece.read->user = place.user;
  todo.catch_up.emplace_back(place, Requester(piece.read));
}

// Where nobody asks any more, the read is dropped; who asks there later has one of their own.
void EventHub::StopAsking(const std::shared_ptr<State>& state) {
  const auto found = pieces_.find(PlaceOf(*state));
  if (found == pieces_.end()) return;
  Piece& piece = found->second;
  std::erase(piece.asking, state);
  if (!piece.asking.empty()) return;
  if (piece.read != nullptr) piece.read->ended = true;
  pieces_.erase(found);
}

void EventHub::CatchUp(const Place& place, const Requester& by) {
  const int64_t upto = log_.NewestRevision();
  log_.ReadEvents(by, place.after, kReadEvents + 1,
                  [self = shared_from_this(), place, upto](Events events) {
                    self->OnCaughtUp(place, std::move(events), upto);
                  });
}

void EventHub::OnCaughtUp(const Place& place, Events events, int64_t upto) {
  Todo todo;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pieces_.find(place);
    if (stopped_ || found == pieces_.end() || absl::IsCancelled(events.status())) return;
    Piece& piece = found->second;
    piece.read = nullptr;
    std::vector<std::shared_ptr<State>> asking = std::move(piece.asking);
    piece.asking.clear();
    const auto stretch = std::make_shared<Stretch>();
    if (events.ok()) {
      stretch->upto = Reached(*events, upto);
      for (Event& event : *events) {
        if (Matches(place.filter, event))
          stretch->events.push_back(std::make_shared<const Event>(std::move(event)));
      }
    }
    if (!stretch->events.empty()) {
      piece.given = stretch;
      if (asking.size() > kGivenAtOnce) {
        piece.asking.assign(asking.begin() + kGivenAtOnce, asking.end());
        asking.resize(kGivenAtOnce);
        ReadFor(place, piece, todo);
      }
    }
    for (const std::shared_ptr<State>& state : asking) {
      if (!events.ok()) {
        Answer(*state, events.status(), todo);
        continue;
      }
      state->position = stretch->upto;
      if (!stretch->events.empty() || state->position.Whole() >= state->mark)
        Answer(*state, stretch, todo);
      else
        Proceed(state, todo);
    }
    std::erase_if(pieces_, [](const auto& entry) {
      return entry.second.asking.empty() && entry.second.given.expired();
    });
  }
  CatchUpAndRun(std::move(todo));
}

void EventHub::CatchUpAndRun(Todo todo) {
  for (const auto& [place, by] : todo.catch_up) CatchUp(place, by);
  Run(std::move(todo.calls));
}

void EventHub::Answer(State& state, Given given, Todo& todo) {
  if (state.waiting) Unwait(state);
  if (given.ok()) state.position = (*given)->upto;
  todo.calls.push_back(
      {state.shared_from_this(), std::exchange(state.done, nullptr), std::move(given)});
}

void EventHub::Wait(State& state) {
  state.waiting = true;
  state.group->waiting.insert(&state);
  if (state.mark != kNoMark) marks_.insert({state.mark, &state});
}

void EventHub::Unwait(State& state) {
  state.waiting = false;
  state.group->waiting.erase(&state);
  marks_.erase({state.mark, &state});
}

void EventHub::Run(std::vector<Call> calls) {
  for (Call& call : calls) {
    if (!BeginCall(*call.state)) continue;
    const Frame frame{call.state.get(), innermost};
    innermost = &frame;
    call.done(std::move(call.given));
    call.done = nullptr;
    innermost = frame.outer;
    EndCall(*call.state);
  }
}

bool EventHub::BeginCall(State& state) {
  const std::lock_guard lock(mutex_);
  if (state.left) return false;
  ++state.calls;
  return true;
}

void EventHub::EndCall(State& state) {
  const std::lock_guard lock(mutex_);
  --state.calls;
  if (state.left) returned_.notify_all();
}

}  // namespace grpc_os::core
