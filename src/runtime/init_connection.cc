#include "runtime/init_connection.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "runtime/layout.h"

namespace grpc_os::runtime {
namespace {

constexpr int64_t kReconnectMs = 100;
// Launches sent and not answered: each has a memfd in flight, of which the kernel allows an account
// as many as it may have open files.
constexpr int kLaunchWindow = 64;

}  // namespace

InitConnection::InitConnection(EventLoop& loop, std::string data_directory,
                               std::optional<AccountVariables> account, Events& events)
    : loop_(loop),
      data_directory_(std::move(data_directory)),
      account_(std::move(account)),
      events_(events) {}

InitConnection::~InitConnection() { loop_.Cancel(timer_); }

void InitConnection::Start() { Connect(); }

void InitConnection::Connect() {
  timer_ = 0;
  absl::StatusOr<UniqueFd> socket = protocol::ConnectTo(RunDirectory(data_directory_), kInitSocket);
  if (!socket.ok()) {
    // init starting, or being started again, is no news.
    if (!absl::IsNotFound(socket.status()) && !absl::IsUnavailable(socket.status())) {
      Report(socket.status());
    }
    ConnectLater();
    return;
  }
  channel_ = std::make_unique<PacketChannel>(loop_, *std::move(socket),
                                             static_cast<PacketChannel::Owner&>(*this));
  internal::InitRequest request;
  request.mutable_hello()->set_role("osd");
  request.mutable_hello()->set_protocol_version(kProtocolVersion);
  // A failure shows as the end of the connection.
  channel_->Send(request).IgnoreError();
}

void InitConnection::ConnectLater() {
  timer_ = loop_.After(kReconnectMs, [this] { Connect(); });
}

void InitConnection::OnClosed(const absl::Status& why) {
  if (!absl::IsUnavailable(why)) Report(why);
  channel_.reset();
  established_ = false;
  listed_.clear();
  unanswered_ = 0;
  for (auto& [instance_id, pending] : launches_) {
    if (!pending.sent) continue;
    pending.sent = false;
    unsent_.push_back(instance_id);
  }
  ConnectLater();
}

void InitConnection::OnDrained() {
  if (established_) SendLaunches();
}

void InitConnection::OnPacket(protocol::Packet packet) {
  internal::InitReply reply;
  if (!reply.ParseFromString(packet.bytes)) {
    events_.OnError("grpc-os-init sent a message that cannot be parsed; it was ignored");
    return;
  }
  switch (reply.kind_case()) {
    case internal::InitReply::kInstances:
      TakeInstances(reply.instances());
      break;
    case internal::InitReply::kLaunched:
      TakeLaunchResult(reply.launched());
      break;
    case internal::InitReply::kGone:
      TakeGone(reply.gone());
      break;
    case internal::InitReply::kShutdown:
      events_.OnShutdown();
      break;
    default:  // a newer init's
      break;
  }
}

void InitConnection::TakeInstances(const internal::InstanceList& part) {
  if (listed_.empty()) {
    cgroup_mode_ = part.cgroup_mode();
    shielded_ = part.shielded();
    launches_tasks_ = part.launches_tasks();
    launches_system_ = part.launches_system();
  }
  listed_.insert(listed_.end(), part.instance_ids().begin(), part.instance_ids().end());
  if (part.more()) return;
  const std::vector<std::string> instances = std::exchange(listed_, {});
  known_ = {instances.begin(), instances.end()};
  established_ = true;
  reported_ = absl::OkStatus();
  events_.OnInit(cgroup_mode_, shielded_, instances);
  if (daemon_ready_) ReportReady();
  SendLaunches();
}

void InitConnection::TakeLaunchResult(const internal::LaunchResult& result) {
  const auto it = launches_.find(result.instance_id());
  if (it == launches_.end() || !it->second.sent) return;
  --unanswered_;
  absl::Status status;
  if (result.account_refused()) {
    status = absl::FailedPreconditionError(result.error());
  } else if (!result.error().empty()) {
    status = absl::InternalError(result.error());
  } else {
    known_.insert(result.instance_id());
  }
  Answer(result.instance_id(), status);
  SendLaunches();
}

void InitConnection::TakeGone(const internal::InstanceGone& gone) {
  if (gone.relaunching()) {
    known_.insert(gone.instance_id());
  } else {
    known_.erase(gone.instance_id());
  }
  events_.OnInstanceGone(gone.instance_id(), gone.relaunching());
}

void InitConnection::ReportReady() {
  daemon_ready_ = true;
  if (!established_) return;
  internal::InitRequest request;
  request.mutable_daemon_ready();
  channel_->Send(request).IgnoreError();
}

bool InitConnection::Expects(const std::string& instance_id) const {
  return known_.count(instance_id) > 0 || launches_.count(instance_id) > 0;
}

void InitConnection::Launch(const core::Process& process, Done done, bool task) {
  if (absl::Status valid = CheckInstanceId(process.instance_id); !valid.ok()) {
    Fail(std::move(done), std::move(valid));
    return;
  }
  if (launches_.size() >= static_cast<size_t>(limits::kProcesses)) {
    Fail(std::move(done), absl::ResourceExhaustedError(absl::StrCat(
                              limits::kProcesses, " launches wait for grpc-os-init; try again")));
    return;
  }
  const auto [it, is_new] = launches_.try_emplace(process.instance_id);
  it->second.process = process;
  it->second.task = task;
  it->second.done.push_back(std::move(done));
  if (!is_new) return;
  unsent_.push_back(process.instance_id);
  if (!established_) return;
  loop_.Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) SendLaunches();
  });
}

bool InitConnection::Withdraw(const std::string& instance_id) {
  const auto it = launches_.find(instance_id);
  if (it == launches_.end() || it->second.sent) return false;
  launches_.erase(it);
  std::erase(unsent_, instance_id);
  return true;
}

void InitConnection::SendLaunches() {
  while (established_ && !channel_->backlogged() && unanswered_ < kLaunchWindow &&
         !unsent_.empty()) {
    const std::string instance_id = unsent_.front();
    PendingLaunch& pending = launches_.at(instance_id);
    const absl::Status sent = SendLaunch(pending);
    if (absl::IsUnavailable(sent) && !pending.task) return;  // asked again on the next connection
    unsent_.pop_front();
    if (sent.ok()) {
      pending.sent = true;
      ++unanswered_;
    } else {
      Answer(instance_id, sent);
    }
  }
}

absl::Status InitConnection::SendLaunch(const PendingLaunch& pending) {
  const core::Process& process = pending.process;
  if (pending.task && !launches_tasks_) {
    return absl::UnavailableError(
        "grpc-os-init is older than grpc-osd and runs no commands beside processes; restart the "
        "system to have a newer one");
  }
  if (process.spec.system && shielded_ && !launches_system_) {
    return absl::FailedPreconditionError(
        "grpc-os-init is older than grpc-osd and would run it as an account of users' processes; "
        "restart the system to have a newer one");
  }
  absl::StatusOr<internal::LaunchSpec> spec = SpecOf(process);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<UniqueFd> memfd = protocol::ToMemfd(*spec);
  if (!memfd.ok()) return memfd.status();
  internal::InitRequest request;
  internal::Launch& launch = *request.mutable_launch();
  launch.set_instance_id(process.instance_id);
  launch.set_process_id(process.id);
  launch.set_process_name(process.name);
  launch.set_account(process.spec.account);
  launch.set_task(pending.task);
  launch.set_system(process.spec.system);
  launch.set_low_ports(process.spec.low_ports);
  for (const core::Dependency& one : process.spec.depends_on) launch.add_depends_on(one.process);
  return channel_->Send(request, *std::move(memfd));
}

void InitConnection::RemoveProcessDirectory(const std::string& process_name) {
  if (!established_) return;
  internal::InitRequest request;
  request.mutable_remove_process_directory()->set_process_name(process_name);
  if (const absl::Status sent = channel_->Send(request); !sent.ok()) Report(sent);
}

absl::StatusOr<internal::LaunchSpec> InitConnection::SpecOf(const core::Process& process) const {
  const bool as_ourselves = !shielded_ && process.spec.account.empty();
  return MakeLaunchSpec(process, data_directory_, as_ourselves ? account_ : std::nullopt);
}

void InitConnection::Answer(const std::string& instance_id, const absl::Status& status) {
  auto node = launches_.extract(instance_id);
  if (node.empty()) return;
  for (Done& done : node.mapped().done) done(status);
}

void InitConnection::Fail(Done done, absl::Status status) {
  loop_.Post([done = std::move(done), status = std::move(status)] { done(status); });
}

void InitConnection::Report(const absl::Status& problem) {
  if (problem == reported_) return;
  reported_ = problem;
  events_.OnError(absl::StrCat("the connection to grpc-os-init: ", problem.message()));
}

}  // namespace grpc_os::runtime
