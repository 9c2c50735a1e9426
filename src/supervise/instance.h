// One instance of a process: drives the transition table with what happens.
#ifndef GRPC_OS_SUPERVISE_INSTANCE_H_
#define GRPC_OS_SUPERVISE_INSTANCE_H_

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "core/process/process.h"
#include "core/process/transition.h"
#include "protocol/messages.pb.h"
#include "supervise/clock_steps.h"
#include "supervise/descendants.h"
#include "supervise/journal.h"
#include "supervise/log_file.h"
#include "supervise/notify.h"
#include "supervise/options.h"
#include "supervise/output.h"
#include "supervise/prober.h"
#include "supervise/spawn.h"

namespace grpc_os::supervise {

// Lives on the loop's thread, which must be the program's only one. The program must be a child
// subreaper with SIGCHLD blocked, and call OnChildren when it comes.
class Instance {
 public:
  struct Events {
    std::function<void()> on_report;  // the journal has more, or would if it could be written
    std::function<void()> on_end;     // released, or shut down: the program is to end
    // Of a task: what it wrote.
    Output::Relay on_output = nullptr;
  };
  Instance(EventLoop& loop, Options options, Events events);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  // Reads the journal and begins, or goes on. `spec_memfd`: of the first launch; -1: the kept spec
  // is used. A task does not go on: what is left of it is cleared away.
  absl::Status Start(int spec_memfd);

  void OnChildren();
  // Stops the process, in at most StopTimeMs and the time to clear up, and ends; it stays wanted.
  void ShutDown();
  // How long a shut-down waits, if it begins now, before it kills: the longer stop_timeout of
  // what runs and of what would run next, at most kShutDownMaxMs; 0 once it is at rest.
  int64_t StopTimeMs() const;
  static constexpr int64_t kShutDownMaxMs = 300'000;

  // Of a task, also before Start: nobody waits for it any more. Stops it, releases itself and ends.
  void Abandon();
  // Of a task: whether what it writes has to wait.
  void PauseOutput(bool paused) { output_.Pause(paused); }

  // ---- Asked for by the daemon; the message of an error says why not and what to do.
  // Takes a spec that is not older than the present one, for the next start. It is on disk when
  // this returns.
  absl::Status SetSpec(int memfd);
  void Stop(const std::string& cause);
  // FAILED_PRECONDITION in a final state.
  absl::Status Restart(int64_t number, bool only_if_waiting);
  // The pid of the main process, which was signalled.
  absl::StatusOr<pid_t> Signal(int signal);
  // Ends the instance for good. FAILED_PRECONDITION unless in a final state.
  absl::Status Release();

  // Of the files that it keeps in its directory, writes those that are gone.
  void RestoreFiles();

  internal::InstanceStatus Status() const;
  Journal& journal() { return journal_; }

 private:
  // One execution, from the clone to the end of all that came of it.
  struct Execution {
    int attempt = 0;
    pid_t pid = 0;  // of the main process until it was waited for
    UniqueFd pidfd;
    UniqueFd outcome_pipe;
    Moment start;
    bool was_ready = false;
    int64_t ready_ms = 0;     // when it first became ready, of the steady clock
    bool notifies = false;    // it speaks on NOTIFY_SOCKET
    bool said_ready = false;  // READY=1 came
    ReadinessPace readiness_pace;
    int stop_signal = SIGTERM;
    int64_t stop_timeout_ms = 0;
    core::StopScope stop_scope = core::StopScope::kMain;
    pid_t group = 0;       // that of the main process, which may outlive it
    std::string not_live;  // why it is ended, if its liveness probe failed
  };

  // instance.cc: events and what follows from them.
  void Raise(core::InstanceEvent event);
  void Handle(core::InstanceEvent event);
  void ArmDelay(int64_t delay_ms);
  void SendStop();
  void OnStopTimeout();
  bool RestHasTime();
  void OnReady();
  void Decide();
  void WatchLeaf();
  void UnwatchLeaf();
  void End();
  // Leaves word that what the journal says is the end, also after a loss of power.
  void MarkEnded() const;
  void EndAbandoned();
  bool LeaveMark(const std::string& path) const;
  std::string MarkPath() const { return options_.directory + "/mark"; }
  std::string ReleasedPath() const { return options_.directory + "/released"; }

  // instance_execution.cc: from execution to its end.
  void Execute();
  void PrepareLeaf();
  Command MakeCommand() const;
  void CheckOutcome();
  void OnExecuted();
  void OnExecFailure(const SpawnFailure& failure, const std::string& text = "");
  void OnMainExited(const siginfo_t& info);
  void EndExecution();
  void ReceiveNotifications();
  bool MayNotify(const Sender& sender) const;
  void OnNotification(const Notification& notification);
  void OnSaidReadiness(bool ready);
  void HintAtNotify();
  void Clear();
  void CheckCleared();
  void TryAgainToClear();
  void LogExit();
  // What the prober finds out.
  Prober::Events ProberEvents();
  SocketOwner Owner() const;
  uid_t PayloadUid() const;
  void OnFinding(const std::string& text);
  void OnOverdue(const std::string& text);
  void OnNotLive(const std::string& text);

  // instance_record.cc: spec, journal, status.
  absl::Status LoadSpec(int memfd);
  absl::Status StoreSpec(const internal::LaunchSpec& spec) const;
  // For the next start; one that is new is stored first.
  absl::Status TakeSpec(internal::LaunchSpec spec, bool is_new);
  void Resume(const Journal::Last& last);
  void ResumeLost(const Journal::Last& last);
  void LoseTask();
  void Report(const char* action);
  void ReportExit();
  void ReportMessageSoon();
  void FollowClock();
  bool FlushJournal();
  void TellReports();
  internal::InstanceState StateForReports() const;
  internal::Resume MakeResume() const;

  EventLoop& loop_;
  const Options options_;
  const Events events_;
  Journal journal_;
  Descendants descendants_;
  LogFile log_;
  Output output_;
  std::optional<NotifySocket> notify_;
  ClockSteps clock_steps_;
  Prober prober_;
  internal::LaunchSpec spec_;
  core::ProcessSpec process_spec_;  // of spec_

  core::InstanceState state_ = core::InstanceState::kLaunching;
  bool has_spec_ = false;
  bool handling_ = false;  // Raise is running
  bool leaving_ = false;   // was told to shut down
  bool ended_ = false;
  bool begun_ = false;  // Start was called
  bool abandoned_ = false;
  bool ever_started_ = false;
  bool pending_exit_logged_ = false;
  bool clearing_ = false;
  bool drain_timed_out_ = false;
  std::deque<core::InstanceEvent> raised_;

  Execution execution_;
  int attempts_ = 0;
  int64_t running_generation_ = 0;
  int64_t restart_number_ = 0;
  std::string message_;
  bool message_is_finding_ = false;  // of the prober, not what the process said
  core::RestartHistory history_;
  int64_t delay_ms_ = 0;
  Moment next_restart_;
  std::optional<internal::ExitInfo> pending_exit_;  // not reported yet
  std::optional<internal::ExitInfo> last_exit_;

  int clear_tries_ = 0;
  int64_t reported_message_at_ms_ = 0;
  int64_t told_seq_ = 0;  // up to which on_report was due

  EventLoop::TimerId healthy_timer_ = 0;
  EventLoop::TimerId stop_timer_ = 0;
  EventLoop::TimerId delay_timer_ = 0;
  EventLoop::TimerId clear_timer_ = 0;
  EventLoop::TimerId drain_timer_ = 0;
  EventLoop::TimerId message_timer_ = 0;
  EventLoop::TimerId readiness_timer_ = 0;  // of a change that was said and has to wait
  EventLoop::TimerId journal_timer_ = 0;
  EventLoop::TimerId tell_timer_ = 0;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_INSTANCE_H_
