// The thread on which connections live.
#ifndef GRPC_OS_TRANSPORT_IO_THREAD_H_
#define GRPC_OS_TRANSPORT_IO_THREAD_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/fair_queue.h"
#include "base/unique_fd.h"
#include "transport/budgets.h"
#include "transport/counters.h"
#include "transport/ledger.h"
#include "transport/methods.h"
#include "transport/peer.h"
#include "transport/stream.h"
#include "transport/wire.h"

namespace grpc_os::transport {

class Connection;
class H2Stream;

// What all threads share; constant but for the ledger and the counters.
struct Shared {
  Shared(const Budgets& budgets_in, Methods methods_in, UserOf user_of_in = nullptr)
      : budgets(budgets_in), methods(std::move(methods_in)), user_of(std::move(user_of_in)) {}

  const Budgets budgets;
  const Methods methods;
  const UserOf user_of;  // null: always as it is
  Ledger ledger{budgets};
  Counters counters;
};

// A turn: what the sockets and other threads brought, then what is due by time, then what that
// made ready, then one write for each connection, then the ends. It is bounded: what is ready and
// does not fit waits for the next one, where connections take turns. Nothing blocks, and no lock is
// held while a user is called. All methods but those marked belong to the thread.
class IoThread {
 public:
  explicit IoThread(Shared& shared);
  ~IoThread();

  // Runs until Stop. `name`: of the thread, at most 15 bytes.
  void Start(const char* name);
  // One turn on the calling thread, which waits at most `wait_ms`: instead of Start.
  void Turn(int64_t wait_ms);
  // Thread-safe. Tells the peers to send no new calls, waits for those in progress for `grace_ms`
  // at most, cancels what is left, and returns once all users are gone and the thread has ended.
  void BeginStop(int64_t grace_ms);
  void Join();

  // Thread-safe: work on the thread.
  void Post(std::function<void()> work) { loop_.Post(std::move(work)); }
  bool IsCurrent() const;

  // A connection of that peer, for which the ledger has entered `account`.
  void Adopt(UniqueFd fd, std::unique_ptr<Wire> wire, Peer peer, Ledger::Account* account);

  // Of streams, thread-safe: what their users ask for on other threads, in order.
  struct Request {
    enum class Kind { kRead, kWrite, kFinish } kind;
    H2Stream* stream;
    std::optional<std::string> message = {};
    EndStatus status = {};
  };
  void Ask(Request request);

  // Of connections and streams, until the end of the turn.
  void MarkDirty(Connection& connection);
  // It has something to report to its user: `connection`, whose turn it takes; null: that it is
  // over, which goes before all else.
  void Notify(H2Stream& stream, const Connection* connection);
  void ReportEnds();              // now
  bool TurnIsOver();              // what can wait waits for the next one
  void Retire(H2Stream& stream);  // nobody has it any more
  void Close(Connection& connection);

  void Count(int streams) { streams_ += streams; }  // that live

  using Deadlines = std::multimap<int64_t, H2Stream*>;
  Deadlines& deadlines() { return deadlines_; }
  EventLoop& loop() { return loop_; }
  Shared& shared() { return shared_; }
  const Budgets& budgets() const { return shared_.budgets; }
  std::vector<char>& buffer() { return buffer_; }  // to read into, for a moment
  int64_t now_ms() const { return now_ms_; }       // CLOCK_BOOTTIME, of this turn

 private:
  void Run();
  int64_t WaitMs() const;
  void TakeRequests();
  void ReportNotified();
  void LetGo();
  void Expire();
  void Sweep();
  void Stopping();
  void EndTurn();

  Shared& shared_;
  EventLoop loop_;
  std::vector<char> buffer_;
  int64_t now_ms_ = 0;
  int64_t swept_ms_ = 0;
  std::unordered_set<Connection*> connections_;  // owned
  std::vector<Connection*> dirty_;
  std::vector<Connection*> closing_;
  FairQueue<const Connection*, H2Stream*> notified_;
  std::vector<H2Stream*> ends_;  // of those that are notified too
  std::optional<std::chrono::steady_clock::time_point> turn_end_;
  std::vector<H2Stream*> retired_;
  Deadlines deadlines_;  // on CLOCK_BOOTTIME, in ms
  std::mutex mutex_;
  std::vector<Request> requests_;
  int streams_ = 0;
  int64_t cancel_at_ms_ = 0;  // what is left then; 0: it is not to stop
  int64_t close_at_ms_ = 0;   // what takes no answer; 0: nothing was cancelled
  std::thread thread_;
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_IO_THREAD_H_
