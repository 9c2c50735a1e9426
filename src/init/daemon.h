// grpc-osd: started, started again, ended.
#ifndef GRPC_OS_INIT_DAEMON_H_
#define GRPC_OS_INIT_DAEMON_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "init/accounts.h"
#include "init/data_directory.h"
#include "init/health_watch.h"
#include "init/log.h"
#include "init/reaper.h"

namespace grpc_os::init {

// Keeps one grpc-osd alive: a child of ours, or one that outlived a former init and holds
// run/osd.lock. One that does not answer (HealthWatch) is killed, and so started again. Lives on
// the loop's thread.
class Daemon {
 public:
  struct Settings {
    std::string program;                 // absolute
    std::vector<std::string> arguments;  // without the program's name
    std::vector<std::string> environment;
    std::function<void()> on_first_ready;
    // It ended before it was ever ready, and is started again. May be called more than once.
    std::function<void()> on_start_failed;
    // It never served and refuses its configuration, or cannot be executed: this is all over.
    std::function<void(const std::string& why)> on_refused;
    // Asks the one that is connected to end.
    std::function<void()> ask_to_end;
    int64_t health_interval_ms = 10'000;  // HealthWatch's
  };
  Daemon(EventLoop& loop, Reaper& reaper, const DataDirectory& data, Log& log, Settings settings);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  // Starts it, or waits for the living one.
  void Start();
  // It has connected. `process` is a pidfd of it, or none.
  void OnConnected(UniqueFd process);
  void OnDisconnected();
  void OnReady();
  // Ends it and calls `done`: asks, kills after kStopMs.
  void Stop(std::function<void()> done);
  static constexpr int64_t kStopMs = 10'000;

 private:
  void StartOrWait();
  void Execute();
  void OnStartupText();
  void ShowNotes();
  void OnEnd(int wait_status);
  void AskToEnd();
  void OnUnhealthy(const std::string& why);
  absl::StatusOr<UniqueFd> ConnectToApi() const;
  // A pidfd of the one that listens at api.sock; none: there is none, or it is not ours.
  UniqueFd FindByApi() const;
  void OnStopOverdue();
  // False: there is none, or no pidfd of it.
  bool Kill() const;
  void FinishStop();

  EventLoop& loop_;
  Reaper& reaper_;
  const DataDirectory& data_;
  Log& log_;
  Settings settings_;

  pid_t child_ = 0;
  bool connected_ = false;
  UniqueFd process_;         // of one that is not our child
  bool ready_ = false;       // the present one
  bool ever_ready_ = false;  // since we live
  int64_t retry_ms_ = 0;
  int64_t waiting_since_ms_ = 0;  // for a living one to connect; 0: not waiting
  EventLoop::TimerId timer_ = 0;
  UniqueFd startup_;  // on which it says why it refuses
  std::string startup_text_;
  bool stopping_ = false;  // from then on none is started
  std::function<void()> on_stopped_;
  EventLoop::TimerId kill_timer_ = 0;
  HealthWatch watch_;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_DAEMON_H_
