// The whole of grpc-os-init, put together.
#ifndef GRPC_OS_INIT_INIT_H_
#define GRPC_OS_INIT_INIT_H_

#include <sys/resource.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "cgroup/cgroup.h"
#include "init/accounts.h"
#include "init/control_socket.h"
#include "init/daemon.h"
#include "init/data_directory.h"
#include "init/instances.h"
#include "init/log.h"
#include "init/options.h"
#include "init/reaper.h"

namespace grpc_os::init {

// Runs gRPC OS on a data directory, or, for --stop and --stop-all where no init runs, just takes up
// what a dead one left and ends it. One thread; signals come through a descriptor.
class Init final : private ControlSocket::Handler {
 public:
  // `environment` is what this program was given.
  Init(Options options, std::vector<std::string> environment);
  Init(const Init&) = delete;
  Init& operator=(const Init&) = delete;
  ~Init();

  // Until ended. An error is why it could not start, as a sentence.
  absl::Status Run();

 private:
  bool IsForStop() const { return options_.action != Options::Action::kRun; }
  absl::Status Prepare();
  absl::Status PrepareAccounts();
  absl::Status PrepareDirectory();
  absl::Status EnterBoot();
  absl::Status RecordHome(const DataDirectory::Home& home);
  absl::Status FindPrograms();
  void PrepareProcess();
  absl::Status Listen();
  void MakeInstances();
  void MakeDaemon();
  std::vector<std::string> DaemonArguments() const;

  void OnSignal();
  void BoundLogs();
  void KeepFiles();
  void Stop(bool all);
  void OnStopping(const std::string& text, int64_t within_ms);
  void ReportStopped();
  void PrintReady() const;

  void OnOsdConnected(UniqueFd process) override;
  void OnOsdDisconnected() override;
  void OnOsdReady() override;
  void OnLaunch(const internal::Launch& launch, UniqueFd spec) override;
  void OnRemoveProcessDirectory(const std::string& process_name) override;
  void OnStopRequested(bool all) override;

  Options options_;
  std::vector<std::string> environment_;
  std::optional<Account> control_;
  std::optional<AllowedAccounts> accounts_;
  std::optional<AllowedAccounts> system_accounts_;
  std::optional<DataDirectory> data_;
  std::string boot_id_;
  cgroup::Tree tree_;
  UniqueFd signals_;
  std::optional<rlimit> files_found_;  // RLIMIT_NOFILE at the start, before it was raised
  EventLoop loop_;
  Reaper reaper_;
  std::optional<Log> log_;
  std::optional<Instances> instances_;
  std::optional<ControlSocket> socket_;
  std::optional<Daemon> daemon_;
  std::string problem_with_files_;  // that was said last
  bool stopping_ = false;
  bool stop_all_ = false;
  std::string left_;  // of the processes, though all were to be stopped
  absl::Status result_;
};

// The program, once its command line is read: the exit code.
int RunInit(const Options& options, std::vector<std::string> environment);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_INIT_H_
