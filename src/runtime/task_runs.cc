#include "runtime/task_runs.h"

#include <utility>

#include "protocol/packet.h"
#include "runtime/layout.h"

namespace grpc_os::runtime {
namespace {

// Init launches a supervisor that died again; after so long nothing comes of that any more.
constexpr int64_t kAwayMs = 30'000;

absl::Status Lost() {
  return absl::UnavailableError(
      "the supervisor of the command was lost, and the command was ended with it; how it ended is "
      "not known");
}

absl::Status NotExecuted() { return absl::CancelledError("the command was not executed any more"); }

}  // namespace

TaskRuns::TaskRuns(EventLoop& loop, std::string data_directory, InitConnection& init,
                   std::function<void(const std::string&)> on_error)
    : loop_(loop),
      data_directory_(std::move(data_directory)),
      init_(init),
      on_error_(std::move(on_error)) {}

TaskRuns::OneRun* TaskRuns::Find(const std::string& instance_id) {
  const auto it = runs_.find(instance_id);
  return it == runs_.end() ? nullptr : &it->second;
}

void TaskRuns::Run(const core::Process& process, RunEvents events) {
  runs_[process.instance_id].events = std::move(events);
  init_.Launch(
      process, [this, process](const absl::Status& status) { OnLaunched(process, status); },
      /*task=*/true);
}

void TaskRuns::OnLaunched(const core::Process& process, const absl::Status& status) {
  const std::string& id = process.instance_id;
  OneRun* run = Find(id);
  if (run == nullptr) return;
  if (!status.ok()) return End(id, status);
  if (run->stop_wanted) {
    Dismiss(id);
    return End(id, NotExecuted());
  }
  run->connection =
      std::make_unique<InstanceConnection>(loop_, InstanceDirectory(data_directory_, id), id, 0,
                                           static_cast<InstanceConnection::Events&>(*this));
  const absl::StatusOr<internal::LaunchSpec> spec = init_.SpecOf(process);
  if (!spec.ok() || spec->argv().empty()) return;
  run->connection->Describe(spec->generation(), {spec->argv(0), spec->working_directory()});
}

void TaskRuns::Continue(const std::string& instance_id) {
  OneRun* run = Find(instance_id);
  if (run != nullptr && run->connection != nullptr) run->connection->ContinueOutput();
}

void TaskRuns::Stop(const std::string& instance_id) {
  OneRun* run = Find(instance_id);
  if (run == nullptr) return;
  run->stop_wanted = true;
  if (run->connection != nullptr) return SendStop(*run);
  if (init_.Withdraw(instance_id)) End(instance_id, NotExecuted());
}

// Without a caller it executes nothing, and ends by itself, but not soon.
void TaskRuns::Dismiss(const std::string& instance_id) const {
  const absl::StatusOr<UniqueFd> socket =
      protocol::ConnectTo(InstanceDirectory(data_directory_, instance_id), kControlSocket);
  if (!socket.ok()) return;
  internal::SuperviseRequest request;
  request.mutable_hello()->set_instance_id(instance_id);
  request.mutable_hello()->set_protocol_version(kProtocolVersion);
  if (!protocol::SendPacket(socket->get(), request).ok()) return;
  request.mutable_stop()->set_cause("shutdown");
  protocol::SendPacket(socket->get(), request).IgnoreError();
}

void TaskRuns::SendStop(OneRun& run) {
  if (!run.connection->connected()) return;  // when it is
  internal::SuperviseRequest request;
  request.mutable_stop()->set_cause("requested");
  // The report of its end answers.
  run.connection->Call(std::move(request), UniqueFd(), [](const absl::StatusOr<int>&) {});
}

void TaskRuns::OnInstanceConnected(const core::InstanceReport& snapshot) {
  OneRun* run = Find(snapshot.instance_id);
  if (run == nullptr) return;
  run->away_since_ms = 0;
  if (run->stop_wanted) SendStop(*run);
}

void TaskRuns::OnInstanceReport(const core::InstanceReport& report) {
  OneRun* run = Find(report.instance_id);
  if (run == nullptr) return;
  // A task has no use for reports once they were told.
  run->connection->Acknowledge(report.seq);
  TakeStatus(report);
}

void TaskRuns::OnInstancePresent(const core::InstanceReport& snapshot) { TakeStatus(snapshot); }

void TaskRuns::TakeStatus(const core::InstanceReport& report) {
  OneRun* run = Find(report.instance_id);
  if (run == nullptr) return;
  if (report.ever_started && !std::exchange(run->started, true)) {
    run->events.on_started(report.status.pid);
    run = Find(report.instance_id);
  }
  if (run == nullptr || !core::IsAtRest(report.status.state)) return;
  run->connection->Release();
  if (!report.status.last_exit.has_value()) {
    return End(report.instance_id, NotExecuted());
  }
  core::TaskRunEnd end{*report.status.last_exit, std::nullopt};
  if (end.exit.reason == core::ExitReason::kExecFailed) {
    end.exec_failure = report.exec_failure;
    if (!report.status.message.empty()) end.exit.message = report.status.message;
  }
  if (end.exit.reason == core::ExitReason::kSupervisorLost) {
    return End(report.instance_id, Lost());
  }
  End(report.instance_id, std::move(end));
}

void TaskRuns::OnTaskOutput(const std::string& instance_id, const internal::TaskOutput& output) {
  OneRun* run = Find(instance_id);
  if (run == nullptr) return;
  run->events.on_output(output.to_stderr() ? core::TaskStream::kStderr : core::TaskStream::kStdout,
                        output.data());
}

void TaskRuns::OnInstanceAway(const std::string& instance_id) {
  OneRun* run = Find(instance_id);
  if (run == nullptr) return;
  const int64_t now_ms = EventLoop::NowMs();
  if (run->away_since_ms == 0) run->away_since_ms = now_ms;
  if (run->gone || now_ms - run->away_since_ms >= kAwayMs) End(instance_id, Lost());
}

bool TaskRuns::OnGone(const std::string& instance_id, bool relaunching) {
  OneRun* run = Find(instance_id);
  if (run == nullptr) return false;
  if (relaunching || run->connection == nullptr) return true;
  run->gone = true;
  // What it said before it ended is still to be taken, at the pace of the caller.
  if (!run->connection->connected()) End(instance_id, Lost());
  return true;
}

void TaskRuns::End(const std::string& instance_id, absl::StatusOr<core::TaskRunEnd> end) {
  auto node = runs_.extract(instance_id);
  if (node.empty()) return;
  // Later, because the connection itself may be calling.
  loop_.Post([run = std::make_shared<OneRun>(std::move(node.mapped())), end = std::move(end),
              alive = std::weak_ptr<char>(alive_)] {
    run->connection.reset();
    if (!alive.expired()) run->events.on_ended(end);
  });
}

}  // namespace grpc_os::runtime
