#include "init/instances.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/failpoint.h"
#include "cgroup/children.h"
#include "init/spawn.h"
#include "protocol/packet.h"

namespace grpc_os::init {
namespace {

constexpr int kProtocolVersion = 1;
// A dying one may hang up before it stops listening.
constexpr int64_t kAttachFirstMs = 5;
constexpr int64_t kAttachMaxMs = 1'000;
constexpr uint64_t kAskCall = 1;
constexpr int64_t kAskMs = 2'000;
constexpr int64_t kFormerStopMs = 25'000;  // of a supervisor of before, which then kills
constexpr int64_t kMostStopMs =
    300'000;                          // of one that has not answered: supervise's kShutDownMaxMs
constexpr int64_t kClearMs = 10'000;  // beyond that, for a supervisor to clear up and end
constexpr int64_t kKillMs = 5'000;    // from a kill to the end
constexpr int64_t kStopTickMs = 100;
constexpr int64_t kReportMs = 5'000;
constexpr int64_t kTextFirstMs = 1'000;  // a stop that takes no longer needs no words
constexpr int64_t kTextMs = 10'000;
constexpr int64_t kStrayPollMs = 5;
constexpr int64_t kStraysMs = 2'000;
constexpr int kListenerPlace = 3;
constexpr int kSpecPlace = 4;

std::string Describe(const internal::Launch& record) {
  return absl::StrCat("the supervisor of ", record.process_name(), " (instance ",
                      record.instance_id(), ")");
}

// Whether an attempt to connect proves that nobody listens any more.
bool IsDead(const absl::Status& connected) {
  return absl::IsNotFound(connected) || absl::IsUnavailable(connected);
}

std::string DescribeEnd(int wait_status) {
  if (WIFEXITED(wait_status)) return absl::StrCat("exited with ", WEXITSTATUS(wait_status));
  return absl::StrCat("was ended by signal ", WTERMSIG(wait_status));
}

// Whether this program has what it takes to listen on ports below 1024, and may pass it on.
bool HasLowPorts() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  return syscall(SYS_capget, &header, sets) == 0 &&
         (sets[0].permitted & (uint32_t{1} << CAP_NET_BIND_SERVICE)) != 0 &&
         prctl(PR_CAPBSET_READ, CAP_NET_BIND_SERVICE, 0, 0, 0) == 1;
}

}  // namespace

Instances::Instances(EventLoop& loop, Reaper& reaper, const DataDirectory& data, Log& log,
                     Settings settings)
    : loop_(loop),
      reaper_(reaper),
      data_(data),
      log_(log),
      settings_(std::move(settings)),
      directories_(data) {}

Instances::~Instances() {
  loop_.Cancel(stop_timer_);
  for (auto& [id, instance] : instances_) {
    loop_.Cancel(instance->timer);
    Disconnect(*instance);
  }
}

void Instances::ForgetDead() {
  for (const std::string& id : directories_.List()) {
    if (!IsDead(directories_.Connect(id).status())) continue;
    if (directories_.IsReleased(id) || !directories_.HasEnded(id)) directories_.Remove(id);
  }
}

absl::Status Instances::Adopt(bool relaunch) {
  for (const std::string& id : directories_.List()) {
    absl::StatusOr<internal::Launch> record = directories_.Read(id);
    // Out of descriptors, say: what lives there must not be taken for nothing.
    if (absl::IsInternal(record.status())) return record.status();
    if (!record.ok()) {
      // init died while it made this one, so nobody was ever told that it is there.
      log_.Info(absl::StrCat("removes run/i/", id, ": ", std::string(record.status().message())));
      directories_.Remove(id);
      continue;
    }
    auto instance = std::make_unique<Instance>();
    instance->record = *std::move(record);
    // In a run/ that was copied from another data directory: what is in that leaf is another's.
    if (!IsOwnTree(instance->record.cgroup())) {
      instance->record.set_cgroup(settings_.tree.path);
    }
    Instance& adopted = *(instances_[id] = std::move(instance));
    if (Attach(adopted)) {
      log_.Info(absl::StrCat("adopts ", Describe(adopted.record)));
      Failpoint("init.adopt");
    } else if (directories_.IsReleased(id)) {
      Forget(id);
    } else if (relaunch) {
      log_.Info(absl::StrCat("launches ", Describe(adopted.record), " again: it is dead"));
      Relaunch(id);
    } else {
      adopted.state = State::kEnded;
    }
  }
  return absl::OkStatus();
}

bool Instances::IsOwnTree(const std::string& path) const {
  return path.empty() || absl::EndsWith(path, absl::StrCat("/", cgroup::TreeName(data_.Key())));
}

bool Instances::Attach(Instance& instance) {
  const absl::Status status = Connect(instance);
  if (IsDead(status)) return false;
  instance.state = State::kAlive;
  if (status.ok()) return true;
  log_.Warn(absl::StrCat("cannot reach ", Describe(instance.record), ": ",
                         std::string(status.message())));
  AttachLater(instance);
  return true;
}

absl::Status Instances::Connect(Instance& instance) {
  const std::string id = instance.record.instance_id();
  absl::StatusOr<UniqueFd> connection = directories_.Connect(id);
  if (!connection.ok()) return connection.status();
  internal::SuperviseRequest request;
  request.mutable_hello()->set_instance_id(id);
  request.mutable_hello()->set_protocol_version(kProtocolVersion);
  request.mutable_hello()->set_role("init");
  const absl::Status sent = protocol::SendPacket(connection->get(), request);
  // Who has hung up may live.
  if (!sent.ok()) return absl::InternalError(sent.message());
  instance.connection = *std::move(connection);
  loop_.Watch(instance.connection.get(), EPOLLIN, [this, id](uint32_t) { OnConnectionEvent(id); });
  return absl::OkStatus();
}

void Instances::AttachLater(Instance& instance) {
  instance.attach_ms = std::clamp(instance.attach_ms * 2, kAttachFirstMs, kAttachMaxMs);
  instance.timer = loop_.After(instance.attach_ms, [this, id = instance.record.instance_id()] {
    Instance& living = *instances_.at(id);
    living.timer = 0;
    if (!Attach(living)) OnDeath(living);
  });
}

void Instances::Disconnect(Instance& instance) {
  if (!instance.connection) return;
  loop_.Unwatch(instance.connection.get());
  instance.connection.Reset();
}

void Instances::OnConnectionEvent(const std::string& instance_id) {
  Instance& instance = *instances_.at(instance_id);
  const absl::StatusOr<protocol::Packet> packet =
      protocol::ReceivePacket(instance.connection.get());
  if (packet.ok() && !packet->closed) return OnAnswer(instance, packet->bytes);
  Disconnect(instance);
  if (instance.child != 0) return;  // its end is seen by itself
  // One that merely hung up lives.
  if (IsDead(directories_.Connect(instance_id).status())) return OnDeath(instance);
  AttachLater(instance);
}

void Instances::OnAnswer(Instance& instance, const std::string& bytes) {
  internal::SuperviseReply reply;
  if (!reply.ParseFromString(bytes) || reply.result().call_id() != kAskCall) return;
  instance.stop_ms = reply.result().error().empty() ? reply.result().stop_ms() : kFormerStopMs;
  instance.asked = false;
  BeginStopsIfAllAnswered();
}

absl::Status Instances::Launch(const internal::Launch& request, int spec_memfd) {
  Failpoint("init.launch.received");
  if (absl::Status valid = CheckLaunch(request); !valid.ok()) return valid;
  const std::string& id = request.instance_id();
  const auto known = instances_.find(id);
  if (known != instances_.end()) {
    if (known->second->state == State::kEnded) Relaunch(id);
    return absl::OkStatus();
  }
  if (frozen_) return absl::UnavailableError("grpc-os-init is about to end; try again");
  internal::LaunchSpec spec;
  if (absl::Status read = protocol::FromMemfd(spec_memfd, spec); !read.ok()) return read;
  if (spec.process_id() != request.process_id()) {
    return absl::InvalidArgumentError("the launch and its spec name different processes");
  }
  if (!request.task()) ForgetEndedOf(request.process_id(), id);
  auto instance = std::make_unique<Instance>();
  instance->record.set_instance_id(id);
  instance->record.set_process_id(request.process_id());
  instance->record.set_process_name(request.process_name());
  instance->record.set_account(request.account());
  instance->record.set_cgroup(settings_.tree.path);
  instance->record.set_task(request.task());
  instance->record.set_system(request.system());
  instance->record.set_low_ports(request.low_ports());
  *instance->record.mutable_depends_on() = request.depends_on();
  absl::StatusOr<std::optional<Account>> account = ProcessAccount(instance->record);
  // A default is kept by name: another one of later is for new instances.
  if (account.ok() && *account) instance->record.set_account((*account)->name);
  absl::Status status = account.status();
  if (status.ok()) status = directories_.Create(instance->record, spec);
  if (status.ok()) status = Start(*instance, spec_memfd);
  if (!status.ok()) {
    directories_.Remove(id);
    return status;
  }
  instances_[id] = std::move(instance);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Account>> Instances::ProcessAccount(
    const internal::Launch& record) const {
  if (settings_.accounts == nullptr) {
    if (record.account().empty()) return std::optional<Account>();
    return absl::PermissionDeniedError(absl::StrCat("a process can be given the account '",
                                                    record.account(),
                                                    "' only where grpc-os-init runs with --user"));
  }
  if (record.low_ports() && !HasLowPorts()) {
    return absl::PermissionDeniedError(
        absl::StrCat("grpc-os-init has no CAP_NET_BIND_SERVICE to give to ", record.process_name(),
                     "; start it with that capability, or choose ports from 1024 on"));
  }
  const AllowedAccounts& system = *settings_.system_accounts;
  const AllowedAccounts& allowed = record.system() ? system : *settings_.accounts;
  absl::StatusOr<Account> account = allowed.Resolve(record.account());
  if (!account.ok()) return account.status();
  if (!record.system() && system.Lists(account->uid)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the account '", account->name, "' is for the system's own processes, because ",
        system.file(), " lists it; take it out of one of the two files"));
  }
  return std::optional<Account>(*std::move(account));
}

std::vector<std::string> Instances::Arguments(const internal::Launch& record,
                                              const std::optional<Account>& account) const {
  std::vector<std::string> arguments = {
      "grpc-os-supervise",
      "--instance",
      record.instance_id(),
      "--process-id",
      record.process_id(),
      "--process-name",
      record.process_name(),
      "--dir",
      directories_.Path(record.instance_id()),
      "--log-dir",
      absl::StrCat(data_.path(), "/logs/", record.process_id()),
      "--cgroup",
      record.cgroup().empty() ? "none" : record.cgroup(),
  };
  if (record.task()) arguments.insert(arguments.end(), {"--kind", "task"});
  if (account) {
    for (const std::string& argument :
         {std::string("--uid"), absl::StrCat(account->uid), std::string("--gid"),
          absl::StrCat(account->gid), std::string("--account"), account->name,
          std::string("--groups"), absl::StrJoin(account->groups, ","), std::string("--home"),
          account->home, std::string("--shell"), account->shell}) {
      arguments.push_back(argument);
    }
    if (record.low_ports()) arguments.insert(arguments.end(), {"--low-ports", "yes"});
  }
  return arguments;
}

absl::Status Instances::Start(Instance& instance, int spec_memfd) {
  const std::string& id = instance.record.instance_id();
  const absl::StatusOr<std::optional<Account>> account = ProcessAccount(instance.record);
  if (!account.ok()) return account.status();
  if (*account) {
    absl::Status made = data_.MakeProcessDirectory(instance.record.process_name(), **account);
    if (!made.ok()) return made;
  }
  const absl::StatusOr<UniqueFd> listener = directories_.Listen(id);
  if (!listener.ok()) return listener.status();
  Program program;
  program.path = settings_.supervise;
  program.arguments = Arguments(instance.record, *account);
  program.environment = settings_.environment;
  program.account = data_.control();
  program.capabilities = {CAP_SETUID, CAP_SETGID, CAP_KILL};
  if (*account && instance.record.low_ports()) program.capabilities.push_back(CAP_NET_BIND_SERVICE);
  program.working_directory = "/";
  program.files = settings_.files;
  program.descriptors = {{listener->get(), kListenerPlace}};
  if (spec_memfd >= 0) program.descriptors.emplace_back(spec_memfd, kSpecPlace);
  const absl::StatusOr<UniqueFd> output = data_.OpenSystemLog("supervise.log");
  if (output.ok()) program.descriptors.emplace_back(output->get(), STDERR_FILENO);
  const absl::StatusOr<pid_t> child = Spawn(program);
  if (!child.ok()) return child.status();
  Failpoint("init.launch.forked");
  instance.child = *child;
  instance.state = State::kAlive;
  instance.delay.Launched(EventLoop::NowMs());
  reaper_.Expect(*child, [this, id, pid = *child](int status) { OnChildEnd(id, pid, status); });
  return absl::OkStatus();
}

void Instances::KeepSockets() {
  auto next = instances_.upper_bound(looked_at_);
  for (size_t left = std::min(kLooksAtOnce, instances_.size()); left > 0; --left, ++next) {
    if (next == instances_.end()) next = instances_.begin();
    KeepSocket(*next->second);
    looked_at_ = next->first;
  }
}

// As with a stop, our own is told by a signal. One of a version before ignores either.
void Instances::KeepSocket(Instance& instance) {
  const internal::Launch& record = instance.record;
  const bool there =
      instance.state != State::kAlive || directories_.HasSocket(record.instance_id());
  if (there || (instance.child == 0 && !instance.connection)) {
    instance.removed = false;
    return;
  }
  const absl::Status restored = directories_.Restore(record);
  if (!std::exchange(instance.removed, true)) {
    log_.Warn(absl::StrCat("ctl.sock of ", Describe(record), " is gone; ",
                           restored.ok() ? "has it made again" : restored.message()));
  }
  if (instance.child != 0) return reaper_.Signal(instance.child, SIGHUP);
  internal::SuperviseRequest request;
  request.mutable_look_at_files();
  protocol::SendPacket(instance.connection.get(), request).IgnoreError();  // again in a second
}

void Instances::OnChildEnd(const std::string& instance_id, pid_t child, int wait_status) {
  const auto found = instances_.find(instance_id);
  if (found == instances_.end() || found->second->child != child) return;
  Instance& instance = *found->second;
  instance.child = 0;
  const bool as_told = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
  if (!as_told) {
    log_.Warn(absl::StrCat(Describe(instance.record), " ", DescribeEnd(wait_status)));
    OnDeath(instance);
  } else if (directories_.IsReleased(instance_id)) {
    End(instance, true);
  } else {
    log_.Info(absl::StrCat(Describe(instance.record), " was shut down"));
    End(instance, false);
  }
}

void Instances::OnDeath(Instance& instance) {
  const std::string id = instance.record.instance_id();
  if (directories_.IsReleased(id)) return End(instance, true);
  // Another supervisor clears away what a task left, and tells of it; it is not to die as well.
  if (instance.record.task() && (std::exchange(instance.died, true) || frozen_)) {
    KillLeaf(instance);
    return End(instance, true);
  }
  if (frozen_) {  // nobody comes to clear away what it left
    KillLeaf(instance);
    return End(instance, false);
  }
  instance.state = State::kWaiting;
  instance.clear_by_ms = EventLoop::NowMs() + kStraysMs;
  const int64_t delay_ms = instance.delay.Ended(EventLoop::NowMs());
  log_.Info(absl::StrCat("launches ", Describe(instance.record), " again in ", delay_ms, " ms"));
  settings_.on_gone(id, true);
  if (delay_ms == 0) return Relaunch(id);
  instance.timer = loop_.After(delay_ms, [this, id] { Relaunch(id); });
}

void Instances::Relaunch(const std::string& instance_id) {
  Instance& instance = *instances_.at(instance_id);
  instance.timer = 0;
  instance.state = State::kWaiting;
  if (frozen_) return End(instance, false);
  // What the dead one's process has outside of its leaf came to us; it is not to run beside itself.
  if (const std::vector<pid_t> strays = reaper_.KillStrays(); !strays.empty()) {
    if (EventLoop::NowMs() < instance.clear_by_ms) {
      instance.timer = loop_.After(kStrayPollMs, [this, instance_id] { Relaunch(instance_id); });
      return;
    }
    log_.Warn("strays", absl::StrCat("left by a supervisor that died: ",
                                     cgroup::NameProcesses(strays), "; SIGKILL has not ended it"));
  }
  const absl::Status started = Start(instance, -1);
  if (started.ok()) return;
  log_.Warn(absl::StrCat("cannot launch ", Describe(instance.record),
                         " again: ", std::string(started.message())));
  const int64_t delay_ms = std::max<int64_t>(instance.delay.Ended(EventLoop::NowMs()), 1'000);
  instance.timer = loop_.After(delay_ms, [this, instance_id] { Relaunch(instance_id); });
}

void Instances::End(Instance& instance, bool remove) {
  const std::string id = instance.record.instance_id();
  instance.state = State::kEnded;
  Disconnect(instance);
  const bool freed = plan_.Ended(id);
  if (remove || instance.record.task()) Forget(id);  // nobody asks for an ended task again
  settings_.on_gone(id, false);
  if (!on_stopped_) return;
  BeginStopsIfAllAnswered();
  if (freed) StopDue();
  FinishStopIfNoneAlive();
}

void Instances::Forget(const std::string& instance_id) {
  directories_.Remove(instance_id);
  instances_.erase(instance_id);
}

// The wish that came later than they ended proves that nobody waits for them any more.
void Instances::ForgetEndedOf(const std::string& process_id, const std::string& but) {
  std::vector<std::string> ended;
  for (const auto& [id, instance] : instances_) {
    if (instance->state == State::kEnded && instance->record.process_id() == process_id &&
        id != but) {
      ended.push_back(id);
    }
  }
  for (const std::string& id : ended) Forget(id);
}

std::vector<std::string> Instances::Ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, instance] : instances_) {
    if (instance->state != State::kEnded && !instance->record.task()) ids.push_back(id);
  }
  return ids;
}

void Instances::StopAll(std::function<void(const std::string& left)> done) {
  Freeze();
  on_stopped_ = std::move(done);
  for (auto& [id, instance] : instances_) {
    if (instance->state == State::kWaiting) {
      loop_.Cancel(std::exchange(instance->timer, 0));
      instance->state = State::kEnded;
    }
    if (instance->state == State::kAlive) {
      AskStopTime(*instance);
    } else {
      KillLeaf(*instance);  // what outlived its supervisor
    }
  }
  asking_ = true;
  stop_timer_ = loop_.After(kAskMs, [this] { BeginStops(); });
  loop_.After(0, [this] { BeginStopsIfAllAnswered(); });
}

void Instances::AskStopTime(Instance& instance) {
  if (!instance.connection && !Connect(instance).ok()) return;
  internal::SuperviseRequest request;
  request.mutable_ask_stop_time();
  request.set_call_id(kAskCall);
  instance.asked = protocol::SendPacket(instance.connection.get(), request).ok();
}

void Instances::BeginStopsIfAllAnswered() {
  const auto is_waited_for = [](const auto& entry) {
    return entry.second->state == State::kAlive && entry.second->asked;
  };
  if (asking_ && std::none_of(instances_.begin(), instances_.end(), is_waited_for)) BeginStops();
}

void Instances::BeginStops() {
  loop_.Cancel(std::exchange(stop_timer_, 0));
  asking_ = false;
  std::vector<std::string> system_names;
  for (const auto& [id, instance] : instances_) {
    const internal::Launch& record = instance->record;
    if (instance->state == State::kAlive && record.system() && !record.task())
      system_names.push_back(record.process_name());
  }
  std::vector<StopPlan::Member> members;
  for (const auto& [id, instance] : instances_) {
    if (instance->state != State::kAlive) continue;
    const internal::Launch& record = instance->record;
    StopPlan::Member& member = members.emplace_back();
    member.id = id;
    if (!record.task()) member.name = record.process_name();
    member.after.assign(record.depends_on().begin(), record.depends_on().end());
    if (!record.system())
      member.after.insert(member.after.end(), system_names.begin(), system_names.end());
    member.stop_ms = instance->stop_ms.value_or(kMostStopMs) + kClearMs;
  }
  const int64_t now_ms = EventLoop::NowMs();
  plan_ = StopPlan(members, now_ms);
  next_text_ms_ = now_ms + kTextFirstMs;
  ContinueStops();
}

void Instances::ContinueStops() {
  stop_timer_ = 0;
  StopDue();
  const int64_t now_ms = EventLoop::NowMs();
  for (const std::string& id : plan_.Overdue(now_ms)) Kill(*instances_.at(id));
  for (auto& [id, instance] : instances_) {
    const bool is_dead = instance->give_up_ms != 0 && instance->give_up_ms <= now_ms;
    if (is_dead && instance->state == State::kAlive) GiveUp(*instance);
  }
  ReportStopping(now_ms);
  FinishStopIfNoneAlive();
  if (on_stopped_) stop_timer_ = loop_.After(kStopTickMs, [this] { ContinueStops(); });
}

void Instances::StopDue() {
  for (const std::string& id : plan_.Due(EventLoop::NowMs())) BeginStop(*instances_.at(id));
}

void Instances::ReportStopping(int64_t now_ms) {
  std::string text;
  if (AnyAlive() && now_ms >= next_text_ms_) {
    next_text_ms_ = now_ms + kTextMs;
    text = absl::StrCat("stopping; waits for ", plan_.Describe(now_ms));
  }
  if (text.empty() && now_ms < next_report_ms_) return;
  next_report_ms_ = now_ms + kReportMs;
  settings_.on_stopping(text, std::max<int64_t>(plan_.end_ms() - now_ms, 0) + 2 * kKillMs);
}

absl::StatusOr<cgroup::Leaf> Instances::LeafOf(const Instance& instance) {
  const internal::Launch& record = instance.record;
  return cgroup::Leaf::Open(
      record.cgroup().empty() ? "" : absl::StrCat(record.cgroup(), "/i-", record.instance_id()));
}

void Instances::KillLeaf(const Instance& instance) {
  const absl::StatusOr<cgroup::Leaf> leaf = LeafOf(instance);
  if (leaf.ok()) leaf->KillAll().IgnoreError();
}

void Instances::BeginStop(Instance& instance) {
  if (instance.child != 0) {
    reaper_.Signal(instance.child, SIGTERM);
  } else if (instance.connection) {
    internal::SuperviseRequest request;
    request.mutable_stop()->set_cause("shutdown");
    const absl::Status sent = protocol::SendPacket(instance.connection.get(), request);
    if (!sent.ok()) log_.Warn(absl::StrCat("cannot stop ", Describe(instance.record)));
  }
}

void Instances::Kill(Instance& instance) {
  log_.Warn(absl::StrCat(Describe(instance.record),
                         " did not stop its process in time; both are killed"));
  instance.give_up_ms = EventLoop::NowMs() + kKillMs;
  KillLeaf(instance);
  reaper_.Signal(instance.child, SIGKILL);
}

void Instances::GiveUp(Instance& instance) {
  instance.state = State::kEnded;
  plan_.Ended(instance.record.instance_id());
  const absl::StatusOr<cgroup::Leaf> leaf = LeafOf(instance);
  const std::string names = leaf.ok() ? cgroup::NameProcesses(leaf->Pids()) : "";
  absl::StrAppend(&left_, left_.empty() ? "" : "; ", instance.record.process_name(),
                  names.empty() ? " with its supervisor" : ": ", names);
}

bool Instances::AnyAlive() const {
  return std::any_of(instances_.begin(), instances_.end(),
                     [](const auto& entry) { return entry.second->state == State::kAlive; });
}

void Instances::FinishStopIfNoneAlive() {
  if (!on_stopped_ || asking_ || AnyAlive()) return;
  if (const std::vector<pid_t> strays = reaper_.KillStrays(); !strays.empty()) {
    const int64_t now_ms = EventLoop::NowMs();
    if (strays_until_ms_ == 0) strays_until_ms_ = now_ms + kKillMs;
    if (now_ms < strays_until_ms_) return;  // ContinueStops comes again
    absl::StrAppend(&left_, left_.empty() ? "" : "; ", cgroup::NameProcesses(strays));
  }
  loop_.Cancel(std::exchange(stop_timer_, 0));
  if (!left_.empty()) log_.Warn(absl::StrCat("SIGKILL has not ended: ", left_));
  std::exchange(on_stopped_, nullptr)(left_);
}

}  // namespace grpc_os::init
