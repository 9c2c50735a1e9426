// Makes a data plane follow what is wanted.
#ifndef GRPC_OS_CORE_RECONCILE_RECONCILIATION_H_
#define GRPC_OS_CORE_RECONCILE_RECONCILIATION_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/reconcile/data_plane.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// What became of one thing.
struct PlaneOutcome {
  enum class State { kPending, kActive, kRejected };
  State state = State::kPending;
  int64_t generation = 0;         // of the spec that this is about
  int64_t active_generation = 0;  // that is served; 0: none
  std::string message;            // why it is not active

  bool operator==(const PlaneOutcome&) const = default;
};

// In rounds, one at a time: what is wanted is rendered; if it differs from what is live, it is
// checked, made live and acknowledged. A thing that is refused is left out alone, its last good
// text is kept, and it is not tried again before it changes. The first change begins a round at
// once; those that come soon after wait for each other. Lives on the core's thread. Reconciler<T>
// (reconciler.h) renders.
class Reconciliation {
 public:
  struct Parts {
    Scheduler& scheduler;
    DataPlane& plane;
    std::function<PlaneFiles()> wanted;
    std::function<void(const std::string& id, const PlaneOutcome& outcome)> report;
  };
  explicit Reconciliation(Parts parts) : parts_(std::move(parts)) {}

  // What the plane has since before this daemon. Before the first Wake.
  void Adopt(PlaneFiles live) { live_ = std::move(live); }
  // Something changed.
  void Wake();
  // The plane, not what is wanted, is another now (it was started, its own settings changed): the
  // next round goes all the way, and what was refused is tried again.
  void Renew();
  // `done` comes once a round that begins from now on has ended, well or not.
  void WhenCaughtUp(std::function<void()> done);
  // No round begins any more; who waits is not answered.
  void Stop() { stopped_ = true; }
  // Why the last round did not come to its end; empty: it did.
  const std::string& problem() const { return problem_; }

  static constexpr int64_t kGapMs = 100;        // between two rounds,
  static constexpr int64_t kBusyGapMs = 2'000;  // while the plane drains
  static constexpr int kBusyDraining = 4;       // so many generations
  static constexpr int64_t kRetryMs = 1'000;    // after a failure, doubling
  static constexpr int64_t kMostRetryMs = 60'000;

 private:
  // Of a round that looks for who is to blame: groups of ids, each to be added to `base`.
  struct Search {
    PlaneFiles base;
    std::deque<std::vector<std::string>> groups;
  };

  void BeginAt(int64_t time_ms);
  void Begin();
  void CheckWhole();
  void OnWhole(const DataPlane::Verdict& verdict);
  void CheckBase(const std::vector<std::string>& suspects, const DataPlane::Verdict& whole);
  void SearchNext();
  void CheckGroup(std::vector<std::string> group);
  void OnGroup(const std::vector<std::string>& group, const DataPlane::Verdict& verdict);
  void Reject(const std::string& id, const std::string& words);
  void Apply(const PlaneFiles& files);
  void OnApplied(const PlaneFiles& files);
  void Fail(const std::string& message);
  void End(bool again);
  void ReportAll();
  std::vector<std::string> Suspects() const;
  template <typename Answer>
  std::function<void(Answer)> Guard(std::function<void(Answer)> then);

  const Parts parts_;
  PlaneFiles live_;
  PlaneFiles wanted_;  // of this round: all that is wanted
  PlaneFiles next_;    // of this round: without what is refused
  // What was refused: its generation and the words.
  struct Refusal {
    int64_t generation = 0;
    std::string text;
    std::string words;
  };
  std::map<std::string, Refusal> refused_;
  std::map<std::string, PlaneOutcome> reported_;
  Search search_;
  bool running_ = false;
  bool searched_ = false;
  bool woken_ = false;
  bool renew_ = true;  // the next round goes all the way: at first, nothing is known of the plane
  bool forgive_ = false;  // and tries again what was refused
  bool whole_ = false;    // this round goes all the way
  bool stopped_ = false;
  int64_t begun_ms_ = 0;    // the last round
  int64_t due_ms_ = 0;      // the next round; 0: none
  int64_t backoff_ms_ = 0;  // after failures
  std::string problem_;
  std::vector<std::function<void()>> waiting_;   // for a round that has not begun
  std::vector<std::function<void()>> answered_;  // by the round that runs
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RECONCILE_RECONCILIATION_H_
