#include "services/task_stream.h"

#include <utility>

#include "services/convert/process_convert.h"

namespace grpc_os::services {
namespace {

constexpr int64_t kRightsMs = 1000;

}  // namespace

bool TaskStream::Start(const core::TaskSpec& spec) {
  const auto stream = shared_from_this();
  const bool heard = call_->SetProducer(
      {.on_ready = [stream] { stream->scheduler_.Post([stream] { stream->OnTaken(); }); },
       .on_gone = [stream] { stream->scheduler_.Post([stream] { stream->OnGone(); }); },
       .heartbeat = [](const v1::RunTaskResponse&) { return v1::RunTaskResponse(); }},
      {});
  if (!heard) return false;
  auto task = tasks_.Start(spec, stream);
  if (!task.ok()) {
    call_->End(task.status());
    return false;
  }
  task_ = *std::move(task);
  WatchRights();
  return true;
}

// The call itself sees that its caller is still logged in and may run something, but not whether it
// may run this.
void TaskStream::WatchRights() {
  if (call_ == nullptr) return;
  if (absl::Status status = call_->CheckNameNow(name_); !status.ok()) return call_->End(status);
  scheduler_.After(kRightsMs, [stream = shared_from_this()] { stream->WatchRights(); });
}

void TaskStream::OnStarted(int pid) {
  v1::RunTaskResponse message;
  message.mutable_started()->set_pid(pid);
  Send(std::move(message));
}

void TaskStream::OnOutput(core::TaskStream stream, std::string bytes) {
  if (call_ == nullptr) return;
  continue_ = true;
  v1::RunTaskResponse message;
  message.mutable_output()->set_stream(stream == core::TaskStream::kStderr
                                           ? v1::LogLine::STREAM_STDERR
                                           : v1::LogLine::STREAM_STDOUT);
  message.mutable_output()->set_data(std::move(bytes));
  Send(std::move(message));
}

void TaskStream::OnEnded(absl::StatusOr<core::TaskEnd> end) {
  if (call_ == nullptr) return;
  if (!end.ok()) return call_->End(end.status());
  v1::RunTaskResponse message;
  v1::RunTaskResponse::Exited& exited = *message.mutable_exited();
  *exited.mutable_exit() = ToProto(end->exit);
  exited.set_status(end->exit.exit_code.value_or(128 + end->exit.signal));
  exited.set_timed_out(end->timed_out);
  ended_ = true;
  Send(std::move(message));
}

void TaskStream::Send(v1::RunTaskResponse message) {
  if (call_ == nullptr) return;
  if (sending_) return waiting_.push_back(std::move(message));
  sending_ = true;
  call_->Send(std::move(message));
}

void TaskStream::OnGone() {
  call_ = nullptr;
  tasks_.Cancel(task_);
}

void TaskStream::OnTaken() {
  if (call_ == nullptr) return;
  sending_ = false;
  if (!waiting_.empty()) {
    v1::RunTaskResponse next = std::move(waiting_.front());
    waiting_.pop_front();
    return Send(std::move(next));
  }
  if (ended_) return call_->End(absl::OkStatus());
  if (std::exchange(continue_, false)) tasks_.Continue(task_);
}

}  // namespace grpc_os::services
