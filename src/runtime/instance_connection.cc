#include "runtime/instance_connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/layout.h"

namespace grpc_os::runtime {
namespace {

constexpr int64_t kReconnectMinMs = 10;
constexpr int64_t kReconnectMaxMs = 500;
// Calls that one supervisor has not answered. Callers have deadlines of their own; this bounds what
// a hung one keeps.
constexpr size_t kCallsPending = 256;
constexpr size_t kExecutionsKept = 8;
constexpr size_t kSpecFileBytes = 8 << 20;

// The LaunchSpec that supervise keeps; nullopt if it cannot be read.
std::optional<internal::LaunchSpec> ReadSpecFile(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return std::nullopt;
  std::string bytes;
  std::array<char, 65536> block;
  for (;;) {
    const ssize_t got = read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || bytes.size() > kSpecFileBytes) return std::nullopt;
    if (got == 0) break;
    bytes.append(block.data(), static_cast<size_t>(got));
  }
  internal::LaunchSpec spec;
  if (!spec.ParseFromString(bytes)) return std::nullopt;
  return spec;
}

bool SameExecution(const core::ExitReport& a, const core::ExitReport& b) {
  return a.attempt == b.attempt && a.exit_time_ms == b.exit_time_ms &&
         a.start_time_ms == b.start_time_ms && a.reason == b.reason;
}

}  // namespace

InstanceConnection::InstanceConnection(EventLoop& loop, std::string directory,
                                       std::string instance_id, int64_t after_seq, Events& events)
    : loop_(loop),
      directory_(std::move(directory)),
      instance_id_(std::move(instance_id)),
      events_(events),
      delay_ms_(kReconnectMinMs),
      acked_(after_seq),
      pinged_ms_(EventLoop::NowMs()) {
  timer_ = loop_.After(0, [this] { Connect(); });
}

InstanceConnection::~InstanceConnection() {
  loop_.Cancel(timer_);
  Disconnect();
}

void InstanceConnection::Connect() {
  timer_ = 0;
  absl::StatusOr<UniqueFd> socket = protocol::ConnectTo(directory_, kControlSocket);
  if (!socket.ok()) {
    // A supervisor that is being launched again is no news.
    if (!absl::IsNotFound(socket.status()) && !absl::IsUnavailable(socket.status())) {
      Report(socket.status());
    }
    ConnectLater();
    events_.OnInstanceAway(instance_id_);
    return;
  }
  channel_ = std::make_unique<PacketChannel>(loop_, *std::move(socket),
                                             static_cast<PacketChannel::Owner&>(*this));
  internal::SuperviseRequest request;
  internal::SuperviseHello& hello = *request.mutable_hello();
  hello.set_instance_id(instance_id_);
  hello.set_protocol_version(kProtocolVersion);
  hello.set_role("osd");
  hello.set_after_seq(acked_);
  // A failure shows as the end of the connection.
  channel_->Send(request).IgnoreError();
}

void InstanceConnection::ConnectLater() {
  loop_.Cancel(timer_);
  timer_ = loop_.After(delay_ms_, [this] { Connect(); });
  delay_ms_ = std::min(delay_ms_ * 2, kReconnectMaxMs);
}

void InstanceConnection::OnClosed(const absl::Status& why) {
  if (!absl::IsUnavailable(why)) Report(why);
  Disconnect();
  ConnectLater();
  events_.OnInstanceAway(instance_id_);
}

void InstanceConnection::Disconnect() {
  channel_.reset();
  connected_ = false;
  for (auto& [call_id, done] : std::exchange(calls_, {})) {
    Fail(std::move(done), absl::UnavailableError("the supervisor went away before it answered"));
  }
}

void InstanceConnection::ConnectAnew(int64_t after_seq) {
  acked_ = std::max(acked_, after_seq);
  delay_ms_ = kReconnectMinMs;
  loop_.Cancel(timer_);
  timer_ = loop_.After(0, [this] {
    Disconnect();
    Connect();
  });
}

void InstanceConnection::Relaunching() {
  Receive();
  if (channel_ != nullptr) return;
  delay_ms_ = kReconnectMinMs;
  ConnectLater();
}

void InstanceConnection::Receive() {
  if (channel_ != nullptr) channel_->Receive();
}

void InstanceConnection::ContinueOutput() {
  if (channel_ != nullptr) channel_->Pause(false);
}

void InstanceConnection::OnDrained() { Flush(); }

void InstanceConnection::OnPacket(protocol::Packet packet) {
  internal::SuperviseReply reply;
  if (!reply.ParseFromString(packet.bytes)) {
    OnClosed(absl::DataLossError("sent a message that cannot be parsed"));
    return;
  }
  if (reply.kind_case() == internal::SuperviseReply::kHello) {
    TakeHello(reply.hello());
    return;
  }
  if (!connected_) {
    OnClosed(absl::PermissionDeniedError("spoke before it proved its identity"));
    return;
  }
  if (reply.kind_case() == internal::SuperviseReply::kReport) {
    TakeReport(reply.report());
  } else if (reply.kind_case() == internal::SuperviseReply::kPresent) {
    core::InstanceReport snapshot = Translate(reply.present());
    snapshot.instance_id = instance_id_;
    events_.OnInstancePresent(snapshot);
  } else if (reply.kind_case() == internal::SuperviseReply::kResult) {
    TakeResult(reply.result());
  } else if (reply.kind_case() == internal::SuperviseReply::kOutput) {
    channel_->Pause(true);
    events_.OnTaskOutput(instance_id_, reply.output());
  }
}

void InstanceConnection::TakeHello(const internal::InstanceStatus& status) {
  if (status.instance_id() != instance_id_) {
    OnClosed(absl::PermissionDeniedError(absl::StrCat("is the supervisor of another instance, '",
                                                      status.instance_id().substr(0, 64),
                                                      "'; it is not used")));
    return;
  }
  connected_ = true;
  delay_ms_ = kReconnectMinMs;
  reported_ = absl::OkStatus();
  last_seq_ = 0;
  ack_due_ = acked_ > 0;  // the last one may have been lost with the last connection
  release_due_ = release_wanted_;
  events_.OnInstanceConnected(Translate(status));
  Flush();
}

void InstanceConnection::TakeReport(const internal::Report& report) {
  if (report.seq() <= last_seq_) {
    OnClosed(absl::DataLossError(
        absl::StrCat("sent report ", report.seq(), " after report ", last_seq_)));
    return;
  }
  last_seq_ = report.seq();
  core::InstanceReport translated = Translate(report.status());
  translated.instance_id = instance_id_;
  translated.seq = report.seq();
  translated.time_ms = report.time_ms();
  translated.action = report.action();
  events_.OnInstanceReport(translated);
}

void InstanceConnection::TakeResult(const internal::CallResult& result) {
  auto node = calls_.extract(result.call_id());
  if (node.empty()) return;
  if (result.error().empty()) {
    node.mapped()(result.pid());
  } else {
    node.mapped()(absl::FailedPreconditionError(result.error()));
  }
}

core::InstanceReport InstanceConnection::Translate(const internal::InstanceStatus& status) {
  core::InstanceReport report = ReportFrom(status, ExecutionOf(status), state_);
  state_ = report.status.state;
  pid_ = report.status.pid;
  cgroup_path_ = status.cgroup_path();
  std::optional<core::ExitReport>& exit = report.status.last_exit;
  // The spec may have changed since: what was said of an execution stays said.
  if (exit && last_exit_ && SameExecution(*exit, *last_exit_)) exit = last_exit_;
  last_exit_ = exit;
  if (state_ == core::ProcessState::kFailed && exit && report.status.message.empty()) {
    report.status.message = exit->message;
  }
  return report;
}

Execution InstanceConnection::ExecutionOf(const internal::InstanceStatus& status) const {
  if (status.last_exit().reason() != internal::ExitInfo::EXEC_FAILED) return {};
  const auto it = executions_.find(status.observed_generation());
  if (it != executions_.end()) return it->second;
  const std::optional<internal::LaunchSpec> spec = ReadSpecFile(absl::StrCat(directory_, "/spec"));
  if (!spec || spec->generation() != status.observed_generation() || spec->argv().empty()) {
    return {};
  }
  return {spec->argv(0), spec->working_directory()};
}

void InstanceConnection::Describe(int64_t generation, Execution execution) {
  executions_[generation] = std::move(execution);
  if (executions_.size() > kExecutionsKept) executions_.erase(executions_.begin());
}

void InstanceConnection::Call(internal::SuperviseRequest request, UniqueFd descriptor, Done done) {
  if (!connected_) {
    Fail(std::move(done), absl::UnavailableError("there is no connection to the supervisor"));
    return;
  }
  if (calls_.size() >= kCallsPending) {
    Fail(std::move(done), absl::UnavailableError("the supervisor does not answer"));
    return;
  }
  request.set_call_id(next_call_);
  const absl::Status sent = channel_->Send(request, std::move(descriptor));
  if (absl::IsResourceExhausted(sent)) {
    Fail(std::move(done), absl::UnavailableError(sent.message()));
  } else if (!sent.ok()) {
    Fail(std::move(done), sent);
  } else {
    calls_.emplace(next_call_++, std::move(done));
  }
}

void InstanceConnection::Acknowledge(int64_t seq) {
  if (seq <= acked_) return;
  acked_ = seq;
  ack_due_ = true;
  Flush();
}

void InstanceConnection::Release() {
  release_wanted_ = true;
  release_due_ = true;
  Flush();
}

// An acknowledgement that says nothing new: supervisors of all versions answer it.
void InstanceConnection::Ping(int64_t interval_ms) {
  const int64_t now_ms = EventLoop::NowMs();
  if (SilentMs() > interval_ms)
    Report(absl::UnavailableError("it does not answer: it was stopped (SIGSTOP), or hangs"));
  if (!connected_ || *silent_since_ms_ != 0 || now_ms - pinged_ms_ < interval_ms) return;
  pinged_ms_ = *silent_since_ms_ = now_ms;
  reported_ = absl::OkStatus();  // it answers
  internal::SuperviseRequest request;
  request.set_ack_seq(acked_);
  Call(std::move(request), UniqueFd(),
       [since = silent_since_ms_](const absl::StatusOr<int>&) { *since = 0; });
}

int64_t InstanceConnection::SilentMs() const {
  return *silent_since_ms_ == 0 ? 0 : EventLoop::NowMs() - *silent_since_ms_;
}

void InstanceConnection::Flush() {
  // Acknowledgements are cumulative: while messages wait, one is remembered instead of queued.
  if (!connected_ || channel_->backlogged()) return;
  if (ack_due_) {
    internal::SuperviseRequest request;
    request.set_ack_seq(acked_);
    if (!channel_->Send(request).ok()) return;
    ack_due_ = false;
  }
  if (release_due_) {
    internal::SuperviseRequest request;
    request.mutable_release();
    if (!channel_->Send(request).ok()) return;
    release_due_ = false;
  }
}

void InstanceConnection::Fail(Done done, absl::Status status) {
  loop_.Post([done = std::move(done), status = std::move(status)] { done(status); });
}

void InstanceConnection::Report(const absl::Status& problem) {
  if (problem == reported_) return;
  reported_ = problem;
  events_.OnError(
      absl::StrCat("the supervisor of instance ", instance_id_, ": ", problem.message()));
}

}  // namespace grpc_os::runtime
