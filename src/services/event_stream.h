// One client's watch: what the hub gives it, as messages, at the client's pace.
#ifndef GRPC_OS_SERVICES_EVENT_STREAM_H_
#define GRPC_OS_SERVICES_EVENT_STREAM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "core/event/event.h"
#include "core/event/event_filter.h"
#include "core/event/event_hub.h"
#include "core/object/objects.h"
#include "grpc_os/v1/event_services.pb.h"
#include "services/stream_call.h"

namespace grpc_os::services {

// What a client watches.
struct Watched {
  // Kinds of things, each from a revision on; events of a kind up to it are in the snapshot.
  std::map<std::string, int64_t> kinds;
  core::EventFilter filter = {};                        // with these kinds
  std::map<std::string, std::string> permissions = {};  // to see things of a kind; none: anybody
  // What the client may do by now.
  std::function<core::Authority()> authority;
};

// Holds no events but those that the hub gave it last, which others may share, and at most a
// message of those before: it takes the next ones when the client has taken these. Thread-safe.
class EventStream final : public std::enable_shared_from_this<EventStream> {
 public:
  using WatchCall = StreamCall<v1::WatchResponse>;

  // Sends `snapshot`, then SYNCED once all up to the present end of the log is sent, then what
  // comes. Begins at the lowest of the revisions.
  static void Start(const std::shared_ptr<WatchCall>& call, std::shared_ptr<core::EventHub> hub,
                    const core::EventLog& log, Watched watched, std::vector<core::Event> snapshot);

 private:
  EventStream(std::shared_ptr<WatchCall> call, std::shared_ptr<core::EventHub> hub,
              const core::EventLog& log, Watched watched)
      : call_(std::move(call)), hub_(std::move(hub)), log_(log), watched_(std::move(watched)) {}

  using Events = std::vector<std::shared_ptr<const core::Event>>;
  struct State {
    std::shared_ptr<const core::EventHub::Stretch> stretch;  // being sent; null: nothing is
    std::shared_ptr<const core::EventHub::Stretch> given;    // it, as the hub has it: shared
    size_t next = 0;                                         // of its events
    bool is_snapshot = false;                                // the stretch
    core::LogPosition position = 0;                          // what the hub gave reaches up to here
    // Of the revision that goes on after it: what the client may hear of, not sent. It is not told
    // that the revision goes on before there is more of it than a message holds.
    Events part = {};
    int64_t split = 0;    // the revision of which the last message was a part; 0: of none
    int64_t sync_at = 0;  // SYNCED is due when everything up to this was sent
    bool synced = false;
    bool asking = false;  // the hub for what comes next
    bool sending = false;
    bool gone = false;
  };
  void Advance();
  void OnGiven(const core::EventHub::Given& given);
  void OnReady();
  void OnGone();
  v1::WatchResponse Heartbeat(const v1::WatchResponse& last) const;
  // The next message of the stretch; none, if nothing of it is left for this client by now.
  std::optional<v1::WatchResponse> Pack(State& state) const;
  static void EndAtRevision(int whole_events, size_t whole_next, State& state,
                            v1::WatchResponse& message);
  static void EndAtStretch(int whole_events, Events last, State& state, v1::WatchResponse& message);
  // False: the client does not hear of it.
  bool Tell(const core::Event& event, bool is_snapshot, const core::Authority& authority,
            v1::Event* told) const;

  const std::shared_ptr<WatchCall> call_;
  const std::shared_ptr<core::EventHub> hub_;
  const core::EventLog& log_;
  const Watched watched_;
  std::atomic<core::EventHub::Watcher> watcher_{0};
  Guarded<State> state_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_EVENT_STREAM_H_
