#include "init/init.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "init/environment.h"
#include "init/file_identity.h"
#include "init/service_manager.h"
#include "init/stop_request.h"
#include "protocol/packet.h"

namespace grpc_os::init {
namespace {

constexpr size_t kIdsPerMessage = 500;
constexpr int kLeaveMs = 5'000;  // for what is ending already
constexpr int kBoundLogsMs = 60'000;
// Longer than OnStopping is ever silent.
constexpr int64_t kExtendMs = 30'000;
// From a stop's begin until it is known how long the processes need.
constexpr int64_t kStopBeginMs = Daemon::kStopMs + 10'000;

absl::StatusOr<std::string> ReadBootId(const std::string& path) {
  std::ifstream file(path);
  std::string id;
  if (file >> id && id.size() <= 64) return id;
  return absl::FailedPreconditionError(
      absl::StrCat("cannot read the id of this boot from ", path, "; name another --boot-id-file"));
}

// An executable file: `given`, or `name` beside this program.
absl::StatusOr<std::string> FindProgram(const std::string& given, const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path path =
      given.empty() ? self.parent_path() / name : std::filesystem::absolute(given, error);
  if (access(path.c_str(), X_OK) == 0) return path.lexically_normal().string();
  return absl::FailedPreconditionError(absl::StrCat("cannot execute ", path.string(), ": ",
                                                    strerror(errno), "; build or install ", name));
}

}  // namespace

Init::Init(Options options, std::vector<std::string> environment)
    : options_(std::move(options)), environment_(std::move(environment)) {}

Init::~Init() {
  if (signals_) loop_.Unwatch(signals_.get());
  daemon_.reset();
  // Whoever waits for the end of a connection may start a new init at once.
  if (data_) data_->Unlock();
  socket_.reset();
  instances_.reset();
}

absl::Status Init::Run() {
  PrepareProcess();
  if (absl::Status status = Prepare(); !status.ok()) return status;
  if (absl::Status status = instances_->Adopt(!IsForStop()); !status.ok()) return status;
  if (IsForStop()) {
    Stop(options_.action == Options::Action::kStopAll);
  } else {
    BoundLogs();
    KeepFiles();
    daemon_->Start();
  }
  loop_.Run();
  cgroup::LeaveTree(tree_, stop_all_ ? kLeaveMs : 0);
  ReportStopped();
  return result_;
}

absl::Status Init::Prepare() {
  absl::Status status = PrepareAccounts();
  if (status.ok() && !IsForStop()) status = FindPrograms();
  if (status.ok()) status = PrepareDirectory();
  if (!status.ok()) return status;
  const auto open_log = [this] { return data_->OpenSystemLog("init.log"); };
  absl::StatusOr<UniqueFd> log = open_log();
  log_.emplace(log.ok() ? *std::move(log) : UniqueFd(), open_log);
  if (!log.ok()) log_->Warn(absl::StrCat("keeps no log: ", std::string(log.status().message())));
  std::string why;
  tree_ = cgroup::PrepareTree(data_->Key(), control_ ? control_->uid : 0,
                              control_ ? control_->gid : 0, &why);
  if (tree_.mode == cgroup::Mode::kNone) {
    log_->Warn(absl::StrCat("cgroups cannot be used (", why,
                            "): what processes start themselves may outlive a stop"));
  }
  MakeInstances();
  status = IsForStop() ? absl::OkStatus() : EnterBoot();
  if (status.ok()) status = Listen();
  if (status.ok()) MakeDaemon();
  return status;
}

absl::Status Init::PrepareAccounts() {
  if (options_.user.empty()) return absl::OkStatus();
  if (geteuid() != 0) {
    return absl::FailedPreconditionError(
        "--user needs root; run this with sudo, or without --user to run everything as yourself");
  }
  const AccountDatabase database;
  absl::StatusOr<Account> control = database.Find(options_.user);
  if (!control.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(std::string(control.status().message()),
                                                      "; make it with: adduser --system --group ",
                                                      options_.user));
  }
  if (control->uid == 0) {
    return absl::FailedPreconditionError("--user names an account that is not root");
  }
  control_ = *std::move(control);
  accounts_.emplace(options_.accounts_file, 0, database, *control_);
  // Looked at with each launch: without domains, say, nothing needs it.
  system_accounts_.emplace(options_.system_accounts_file, 0, database, *control_,
                           "the system's own processes");
  return accounts_->Check();
}

absl::Status Init::FindPrograms() {
  absl::StatusOr<std::string> osd = FindProgram(options_.osd, "grpc-osd");
  if (!osd.ok()) return osd.status();
  options_.osd = *std::move(osd);
  absl::StatusOr<std::string> supervise = FindProgram(options_.supervise, "grpc-os-supervise");
  if (!supervise.ok()) return supervise.status();
  options_.supervise = *std::move(supervise);
  return absl::OkStatus();
}

absl::Status Init::PrepareDirectory() {
  absl::StatusOr<DataDirectory> data = IsForStop()
                                           ? DataDirectory::OpenExisting(options_.data_directory)
                                           : DataDirectory::Open(options_.data_directory, control_);
  if (!data.ok()) return data.status();
  data_ = *std::move(data);
  control_ = data_->control();
  return data_->Lock();
}

absl::Status Init::EnterBoot() {
  absl::StatusOr<std::string> boot_id = ReadBootId(options_.boot_id_file);
  if (!boot_id.ok()) return boot_id.status();
  boot_id_ = *std::move(boot_id);
  const bool rebooted = data_->RecordedBoot() != boot_id_;
  const absl::StatusOr<DataDirectory::Home> home = data_->LookAtHome(options_.machine_id_file);
  if (!home.ok()) return home.status();
  // Before it is recorded that this is a copy: a start that does not get so far finds it again.
  if (rebooted || home->copied) instances_->ForgetDead();
  if (absl::Status status = RecordHome(*home); !status.ok()) return status;
  if (!rebooted) return absl::OkStatus();
  const absl::Status recorded = data_->RecordBoot(boot_id_);
  if (!absl::IsResourceExhausted(recorded)) return recorded;
  log_->Warn(absl::StrCat("cannot write run/boot_id: ", std::string(recorded.message())));
  return absl::OkStatus();
}

absl::Status Init::RecordHome(const DataDirectory::Home& home) {
  if (home.copied) {
    log_->Info(absl::StrCat("this data directory is a copy: ", home.identity.held,
                            "; launches nothing of what it had running"));
  }
  if (home.recorded == home.identity) return absl::OkStatus();
  absl::Status status = data_->RecordIdentity(home.identity);
  if (status.ok() || home.copied) return status;
  // On a full disk, say: what runs here goes on, and only a copy of it is not known as one.
  log_->Warn(std::string(status.message()));
  return absl::OkStatus();
}

void Init::PrepareProcess() {
  umask(077);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files_found_ = files;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);  // the terminal's end is not ours
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&wanted, number);
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  signals_.Reset(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (signals_) loop_.Watch(signals_.get(), EPOLLIN, [this](uint32_t) { OnSignal(); });
}

absl::Status Init::Listen() {
  static constexpr char kName[] = "init.sock";
  const FileIdentity as_control(control_);
  const auto listen = [this] { return protocol::ListenAt(data_->RunPath(), kName); };
  absl::StatusOr<UniqueFd> listener = listen();
  if (!listener.ok()) return listener.status();
  socket_.emplace(loop_, *std::move(listener), absl::StrCat(data_->RunPath(), "/", kName), listen,
                  control_ ? control_->uid : geteuid(), *log_,
                  static_cast<ControlSocket::Handler&>(*this));
  return absl::OkStatus();
}

// What is removed of run/ while we run keeps nobody out who has to get in, and lets nobody in.
void Init::KeepFiles() {
  loop_.After(KeptListener::kLookEveryMs, [this] { KeepFiles(); });
  const absl::StatusOr<std::string> made = data_->KeepRun();
  absl::Status status = made.status();
  if (made.ok() && !made->empty()) {
    log_->Warn(absl::StrCat(*made, " of ", data_->path(), "/run was gone; made it again"));
  }
  if (status.ok() && data_->RecordedBoot() != boot_id_) status = data_->RecordBoot(boot_id_);
  std::string problem(status.message());
  if (!problem.empty() && problem != problem_with_files_) log_->Warn(problem);
  problem_with_files_ = std::move(problem);
  {
    const FileIdentity as_control(control_);
    socket_->LookAtFile();
  }
  instances_->KeepSockets();
}

void Init::MakeInstances() {
  Instances::Settings settings;
  settings.supervise = options_.supervise;
  settings.environment = SuperviseEnvironment(environment_, control_);
  settings.tree = tree_;
  settings.accounts = accounts_ ? &*accounts_ : nullptr;
  settings.system_accounts = system_accounts_ ? &*system_accounts_ : nullptr;
  settings.files = files_found_;
  settings.on_gone = [this](const std::string& instance_id, bool relaunching) {
    internal::InitReply reply;
    reply.mutable_gone()->set_instance_id(instance_id);
    reply.mutable_gone()->set_relaunching(relaunching);
    if (socket_) socket_->SendToOsd(reply);
  };
  settings.on_stopping = [this](const std::string& text, int64_t within_ms) {
    OnStopping(text, within_ms);
  };
  instances_.emplace(loop_, reaper_, *data_, *log_, std::move(settings));
}

std::vector<std::string> Init::DaemonArguments() const {
  std::vector<std::string> arguments = {"--data-dir", data_->path()};
  if (!options_.grpc_port.empty()) {
    arguments.insert(arguments.end(), {"--grpc-port", options_.grpc_port});
  }
  if (!options_.http_port.empty()) {
    arguments.insert(arguments.end(), {"--http-port", options_.http_port});
  }
  if (!options_.config_dir.empty()) {
    arguments.insert(arguments.end(), {"--config-dir", options_.config_dir});
  }
  if (!options_.env_file.empty()) {
    arguments.insert(arguments.end(), {"--env-file", options_.env_file});
  }
  if (!options_.domains_file.empty()) {
    arguments.insert(arguments.end(), {"--domains-file", options_.domains_file});
  }
  if (control_) {
    arguments.insert(arguments.end(), {"--shielded", "--accounts", options_.accounts_file});
  }
  arguments.insert(arguments.end(), {"--boot-id", boot_id_});
  return arguments;
}

void Init::MakeDaemon() {
  Daemon::Settings settings;
  settings.program = options_.osd;
  settings.arguments = DaemonArguments();
  settings.environment = DaemonEnvironment(environment_, control_);
  ForgetFirstPassword(environment_);
  settings.on_first_ready = [this] { PrintReady(); };
  // Whoever waits for the unit goes on; that grpc-osd does not start is in its status.
  settings.on_start_failed = [this] {
    NotifyServiceManager(environment_, absl::StrCat("READY=1\nSTATUS=grpc-osd does not start; see ",
                                                    data_->path(), "/logs/system/osd.log"));
  };
  settings.on_refused = [this](const std::string& why) {
    result_ = absl::FailedPreconditionError(why);
    loop_.Stop();
  };
  settings.health_interval_ms = int64_t{options_.health_interval_s} * 1000;
  settings.ask_to_end = [this] {
    internal::InitReply reply;
    reply.mutable_shutdown();
    socket_->SendToOsd(reply);
  };
  daemon_.emplace(loop_, reaper_, *data_, *log_, std::move(settings));
}

void Init::OnSignal() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGCHLD) Stop(getpid() == 1);
  }
  reaper_.Reap();
}

// Its own log has its bound in Log, and grpc-osd empties its standard error itself.
void Init::BoundLogs() {
  data_->BoundSystemLog("supervise.log");
  loop_.After(kBoundLogsMs, [this] { BoundLogs(); });
}

void Init::Stop(bool all) {
  stop_all_ = stop_all_ || all;
  if (std::exchange(stopping_, true)) return;
  log_->Info(all ? "ends everything" : "ends grpc-osd, leaves the processes");
  OnStopping("", kStopBeginMs);
  instances_->Freeze();
  daemon_->Stop([this] {
    if (!stop_all_) return loop_.Stop();
    instances_->StopAll([this](const std::string& left) {
      left_ = left;
      loop_.Stop();
    });
  });
}

// People see it where they look: in the log, on our standard output (the journal, that of a
// container), and on that of who asked for the stop.
void Init::OnStopping(const std::string& text, int64_t within_ms) {
  if (!text.empty()) {
    log_->Info(text);
    printf("%s\n", text.c_str());
    fflush(stdout);
  }
  if (IsForStop()) return;
  NotifyServiceManager(environment_,
                       absl::StrCat("STOPPING=1\nEXTEND_TIMEOUT_USEC=", kExtendMs * 1000,
                                    text.empty() ? "" : "\nSTATUS=", text));
  internal::InitReply reply;
  reply.mutable_stopping()->set_text(text);
  reply.mutable_stopping()->set_within_ms(within_ms);
  socket_->SendToStoppers(reply);
}

void Init::ReportStopped() {
  if (IsForStop() && !left_.empty()) result_ = NotAllStopped(left_);
  if (!socket_) return;
  internal::InitReply reply;
  reply.mutable_stopping()->set_done(true);
  reply.mutable_stopping()->set_left(left_);
  socket_->SendToStoppers(reply);
}

void Init::PrintReady() const {
  const std::string line = absl::StrCat(
      "gRPC OS runs in ", data_->path(), " (API: unix:", data_->path(),
      "/run/api.sock, 127.0.0.1:", data_->GrpcPort(), "); processes are ",
      control_ ? "shielded from each other" : "not shielded from each other (no --user)",
      "; cgroups: ", cgroup::ToString(tree_.mode), "\n");
  [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, line.data(), line.size());
  NotifyServiceManager(environment_, "READY=1\nSTATUS=");
}

void Init::OnOsdConnected(UniqueFd process) {
  const std::vector<std::string> ids = instances_->Ids();
  size_t next = 0;
  do {
    internal::InitReply reply;
    internal::InstanceList& list = *reply.mutable_instances();
    for (size_t i = 0; i < kIdsPerMessage && next < ids.size(); ++i) {
      list.add_instance_ids(ids[next++]);
    }
    list.set_more(next < ids.size());
    list.set_cgroup_mode(cgroup::ToString(tree_.mode));
    list.set_shielded(control_.has_value());
    list.set_launches_tasks(true);
    list.set_launches_system(true);
    socket_->SendToOsd(reply);
  } while (next < ids.size());
  daemon_->OnConnected(std::move(process));
}

void Init::OnOsdDisconnected() { daemon_->OnDisconnected(); }

void Init::OnOsdReady() { daemon_->OnReady(); }

void Init::OnLaunch(const internal::Launch& launch, UniqueFd spec) {
  const absl::Status status = instances_->Launch(launch, spec.get());
  if (absl::IsUnavailable(status)) return;  // not answered, hence asked again of the next init
  internal::InitReply reply;
  internal::LaunchResult& result = *reply.mutable_launched();
  result.set_instance_id(launch.instance_id());
  result.set_error(std::string(status.message()));
  result.set_account_refused(absl::IsPermissionDenied(status));
  if (!status.ok()) {
    log_->Info("refuses to launch",
               absl::StrCat("refuses to launch ", launch.process_name(), ": ", result.error()));
  }
  socket_->SendToOsd(reply);
}

void Init::OnRemoveProcessDirectory(const std::string& process_name) {
  const absl::Status status = data_->RemoveProcessDirectory(process_name);
  if (!status.ok()) log_->Warn(std::string(status.message()));
}

void Init::OnStopRequested(bool all) { Stop(all); }

namespace {

int Fail(const absl::Status& status) {
  fprintf(stderr, "grpc-os-init: %s\n", std::string(status.message()).c_str());
  return 1;
}

// Asks the one that runs; if there is none, ends what it left behind. One that holds its lock but
// does not listen is just coming up, or going: asked again for a while.
int RunStop(const Options& options, const std::vector<std::string>& environment) {
  constexpr int kTries = 50;
  constexpr useconds_t kPauseUs = 100'000;
  for (int tries = 1;; ++tries) {
    // Anew each time: run/ may have been removed, and is then made again by the one that runs.
    const absl::StatusOr<DataDirectory> data = DataDirectory::OpenExisting(options.data_directory);
    if (absl::IsNotFound(data.status())) {
      if (tries < kTries && DataDirectory::IsLocked(options.data_directory)) {
        usleep(kPauseUs);
        continue;
      }
      printf("Nothing runs in %s.\n", options.data_directory.c_str());
      return 0;
    }
    if (!data.ok()) return Fail(data.status());
    const absl::StatusOr<bool> stopped =
        StopRunningInit(*data, options.action == Options::Action::kStopAll);
    if (!stopped.ok()) return Fail(stopped.status());
    if (*stopped) return 0;
    const absl::Status status = Init(options, environment).Run();
    if (status.ok()) return 0;
    if (tries == kTries || !absl::IsFailedPrecondition(status)) return Fail(status);
    usleep(kPauseUs);
  }
}

}  // namespace

int RunInit(const Options& options, std::vector<std::string> environment) {
  if (options.action == Options::Action::kStop || options.action == Options::Action::kStopAll) {
    return RunStop(options, environment);
  }
  Init init(options, std::move(environment));
  const absl::Status status = init.Run();
  return status.ok() ? 0 : Fail(status);
}

}  // namespace grpc_os::init
