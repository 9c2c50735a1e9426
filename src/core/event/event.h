// Events: what happened to a thing, in the order of revisions.
#ifndef GRPC_OS_CORE_EVENT_EVENT_H_
#define GRPC_OS_CORE_EVENT_EVENT_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/requester.h"

namespace grpc_os::core {

// Written in the same transaction as the change that it tells of.
struct Event {
  int64_t revision = 0;  // given by the store
  int sequence = 0;      // within the revision, from 0; given by the store
  int64_t time_ms = 0;
  std::string kind;         // "process"
  std::string resource_id;  // "proc_…"
  std::string name;
  std::string action;  // see grpc_os.v1.Event.action
  std::map<std::string, std::string> attributes;

  bool operator==(const Event&) const = default;
};

// Between two events of the log: after the event with this sequence of this revision.
struct LogPosition {
  static constexpr int kEnd = std::numeric_limits<int>::max();  // the whole revision is before it

  constexpr LogPosition(int64_t of_revision, int of_sequence = kEnd)  // NOLINT: a revision is one
      : revision(of_revision), sequence(of_sequence) {}

  // The newest revision that is before it whole.
  constexpr int64_t Whole() const { return sequence == kEnd ? revision : revision - 1; }
  // NOLINTNEXTLINE(modernize-use-nullptr): of the code that the compiler makes
  constexpr std::strong_ordering operator<=>(const LogPosition&) const = default;

  int64_t revision;
  int sequence;
};
inline LogPosition PositionOf(const Event& event) { return {event.revision, event.sequence}; }

// The port to the log of events. Thread-safe.
class EventLog {
 public:
  virtual ~EventLog() = default;

  // The events after a position, oldest first, at most `limit`: the last revision may go on.
  // OUT_OF_RANGE if one of them is no longer kept, or `after` is newer than any; CANCELLED if `by`
  // has gone. Calls `done` on a thread of the store.
  using ReadDone = std::function<void(absl::StatusOr<std::vector<Event>>)>;
  virtual void ReadEvents(const Requester& by, LogPosition after, int limit, ReadDone done) = 0;

  // The newest committed revision; cheap.
  virtual int64_t NewestRevision() const = 0;

  // The oldest revision that ReadEvents takes as `after`: events up to it are no longer kept;
  // cheap.
  virtual int64_t OldestRevision() const = 0;

  // Calls `on_commit(newest_revision)` on a thread of the store after each commit, until the
  // subscription is removed. `on_commit` must not block.
  using Subscription = int64_t;
  virtual Subscription Subscribe(std::function<void(int64_t)> on_commit) = 0;
  virtual void Unsubscribe(
      Subscription subscription) = 0;  // none of its calls runs after it returns
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_EVENT_EVENT_H_
