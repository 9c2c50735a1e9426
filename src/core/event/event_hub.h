// The log of events, read once for all who watch.
#ifndef GRPC_OS_CORE_EVENT_EVENT_HUB_H_
#define GRPC_OS_CORE_EVENT_EVENT_HUB_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "core/event/event.h"
#include "core/event/event_filter.h"
#include "core/event/event_memory.h"
#include "core/requester.h"

namespace grpc_os::core {

// After a commit it reads what is new, once, and gives each watcher what its filter matches; the
// others are not woken. The newest stretch stays in memory, of bounded size. A watcher that is
// further behind, because it resumes or is slow, is given the log itself, stretch by stretch at its
// own pace, until it has caught up.
//
// After a read it rests for a while, if it was given a pause: what is committed meanwhile is read,
// and told each watcher, together. So the first change after a silence is told at once. It does not
// rest when there was more than one read takes.
//
// Reads of the log for those who are behind wait in the turns of the users who watch, and are
// dropped when all who waited for one have left. What was read is given to a few at a time: the
// others wait for another turn, so that many watchers of one user do not hold up another's.
//
// Each watcher is given every event of the log after its first position that its filter matches, in
// order, each once. A revision may come in pieces: what one watcher holds is bounded.
//
// Thread-safe. No lock is held over a call to a watcher or to the log.
class EventHub final : public std::enable_shared_from_this<EventHub> {
 public:
  struct Bounds {
    int64_t memory_events = limits::kWatchMemoryEvents;
    int64_t memory_bytes = limits::kWatchMemoryBytes;
  };
  // Calls what it is given once, later, on any thread; nothing: the hub never rests.
  using Pause = std::function<void(std::function<void()>)>;
  // Stop it before `log` and what `pause` needs go, and let neither go before the threads have
  // ended on which the log and the pause call.
  static std::shared_ptr<EventHub> Start(EventLog& log, Bounds bounds, Pause pause = nullptr);
  static std::shared_ptr<EventHub> Start(EventLog& log, Pause pause = nullptr) {
    return Start(log, Bounds(), std::move(pause));
  }
  // Watchers hear no more of it.
  void Stop();

  using Watcher = int64_t;
  // It is to be told of what comes after this. `user`: who watches; empty: the system.
  Watcher Join(EventFilter filter, LogPosition after, std::string user = "");
  // None of its calls runs after this returns; waits for one that is running, unless it is the
  // caller itself.
  void Leave(Watcher watcher);

  // What comes next for a watcher: at most 512 events. Everything up to `upto` that matches has
  // been given with it.
  struct Stretch {
    std::vector<std::shared_ptr<const Event>> events = {};
    LogPosition upto = 0;
  };
  using Given = absl::StatusOr<std::shared_ptr<const Stretch>>;
  // Asks for it; one at a time. `done` comes once something matches, at the latest, with or without
  // events, when nothing up to the revision `mark` is outstanding; on a thread of the log, or at
  // once. Errors are those of EventLog::ReadEvents, after which the watcher's position is
  // unchanged.
  static constexpr int64_t kNoMark = INT64_MAX;
  void Next(Watcher watcher, int64_t mark, std::function<void(Given)> done);

  // While it waits for Next: up to which revision it knows everything by now, what it has not been
  // told included, because nothing of it matched.
  std::optional<int64_t> Bookmark(Watcher watcher) const;

 private:
  struct State;
  // All who have the same filter.
  struct Group {
    explicit Group(EventFilter wanted) : filter(std::move(wanted)) {}
    const EventFilter filter;
    int watchers = 0;
    LogPosition since = 0;                            // `recent` tells of what came after it
    std::deque<int64_t> recent;                       // which events of the memory match
    std::set<State*> waiting;                         // for what comes next
    std::vector<std::shared_ptr<const Event>> fresh;  // while a new stretch is handed out
  };
  struct State : std::enable_shared_from_this<State> {
    Group* group = nullptr;
    std::string user;
    LogPosition position = 0;  // everything that matches up to it was given
    int64_t mark = kNoMark;
    std::function<void(Given)> done;  // what it asked for is still to come
    bool waiting = false;             // in its group; the others read the log
    int calls = 0;                    // running
    bool left = false;
  };
  struct Call {
    std::shared_ptr<State> state;
    std::function<void(Given)> done;
    Given given;
  };
  // Where those of a user stand who read the log: with which filter, after what. They share what is
  // read, as long as one of them has it.
  struct Place {
    EventFilter filter;
    LogPosition after;
    std::string user;
    auto operator<=>(const Place&) const = default;  // NOLINT(modernize-use-nullptr)
  };
  struct Piece {
    std::vector<std::shared_ptr<State>> asking = {};  // the log is being read for them
    std::shared_ptr<Requester::Call> read = {};       // while it is
    std::weak_ptr<const Stretch> given = {};
  };
  // What to do once the lock is no longer held.
  struct Todo {
    std::vector<Call> calls = {};
    std::optional<LogPosition> read_after = {};              // for all
    std::vector<std::pair<Place, Requester>> catch_up = {};  // for those who wait there
  };
  using Events = absl::StatusOr<std::vector<Event>>;

  EventHub(EventLog& log, Bounds bounds, Pause pause)
      : log_(log), pause_(std::move(pause)), memory_(bounds.memory_events, bounds.memory_bytes) {}
  void OnCommit(int64_t newest);
  void Read(LogPosition after);
  void OnRead(Events events, int64_t upto);
  void Rest();
  void OnRested();
  void CatchUp(const Place& place, const Requester& by);
  void OnCaughtUp(const Place& place, Events events, int64_t upto);
  void CatchUpAndRun(Todo todo);

  // With the lock held:
  void ReadOn(Todo& todo);
  std::vector<Event> TakeWhole(std::vector<Event> events, int64_t upto);
  void Remember(std::vector<Event> events, std::vector<Group*>& touched);
  static void Bound(Stretch& stretch);
  void HandOut(Group& group, LogPosition before, Todo& todo);
  void AnswerMarks(Todo& todo);
  void FailWaiting(const absl::Status& status, Todo& todo);
  void Proceed(const std::shared_ptr<State>& state, Todo& todo);
  static Place PlaceOf(const State& state);
  void ReadFor(const Place& place, Piece& piece, Todo& todo);
  void StopAsking(const std::shared_ptr<State>& state);
  std::shared_ptr<Stretch> Recall(const State& state) const;
  void Answer(State& state, Given given, Todo& todo);
  void Wait(State& state);
  void Unwait(State& state);

  void Run(std::vector<Call> calls);
  bool BeginCall(State& state);
  void EndCall(State& state);

  EventLog& log_;
  const Pause pause_;
  mutable std::mutex mutex_;
  std::condition_variable returned_;
  bool stopped_ = false;
  bool reading_ = false;
  bool resting_ = false;
  int64_t newest_ = 0;        // what the last commit reached
  LogPosition position_ = 0;  // whole revisions are read up to here, and given to all who waited
  std::vector<Event> begun_;  // of the revision that goes on after it
  EventMemory memory_;
  EventLog::Subscription subscription_ = 0;
  Watcher next_ = 1;
  std::unordered_map<Watcher, std::shared_ptr<State>> watchers_;
  std::map<EventFilter, Group> groups_;
  EventFilterIndex<Group> index_;
  std::set<std::pair<int64_t, State*>> marks_;  // of those who wait
  std::map<Place, Piece> pieces_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_EVENT_EVENT_HUB_H_
