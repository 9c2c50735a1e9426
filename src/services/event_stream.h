// One client's watch: a cursor into the log of events, moved on at the client's pace.
#ifndef GRPC_OS_SERVICES_EVENT_STREAM_H_
#define GRPC_OS_SERVICES_EVENT_STREAM_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/event/event.h"
#include "grpc_os/v1/event_services.pb.h"
#include "services/stream_call.h"

namespace grpc_os::services {

// Holds no events but those of the message under way: however slow the client, the log is read
// again when it is ready. Thread-safe.
class EventStream final : public std::enable_shared_from_this<EventStream> {
 public:
  using WatchCall = StreamCall<v1::WatchResponse>;

  // What to tell of: kinds of things, each from a revision on; events of a kind up to it are in the
  // snapshot.
  using Kinds = std::map<std::string, int64_t>;
  // Sends `snapshot`, then SYNCED once the log is read up to its present end, then what comes.
  // Reads the log from the lowest of the revisions on.
  static void Start(const std::shared_ptr<WatchCall>& call, core::EventLog& log, Kinds kinds,
                    std::vector<core::Event> snapshot);

 private:
  EventStream(std::shared_ptr<WatchCall> call, core::EventLog& log, Kinds kinds)
      : call_(std::move(call)), log_(log), kinds_(std::move(kinds)) {}

  struct State {
    std::deque<v1::WatchResponse>
        ready;             // of one read of the log (or the snapshot), to be sent one by one
    int64_t position = 0;  // the log is read up to here
    int64_t newest = 0;    // what the last commit reached
    int64_t sync_at = 0;   // SYNCED is due when the position reaches this
    bool synced = false;
    bool reading = false;
    bool sending = false;
    bool gone = false;
    core::EventLog::Subscription subscription = 0;
  };
  void Advance();
  void OnEvents(absl::StatusOr<std::vector<core::Event>> events, int64_t upto);
  void OnReady();
  void OnGone();
  // Puts the events into messages; the last one tells `upto`. `whole`: only with the last one has
  // the client anything to go on from (a snapshot), so the others tell no revision.
  void Pack(State& state, const std::vector<core::Event>& events, int64_t upto, bool whole) const;

  const std::shared_ptr<WatchCall> call_;
  core::EventLog& log_;
  const Kinds kinds_;
  Guarded<State> state_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_EVENT_STREAM_H_
