#include "supervise/control.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "base/limits.h"

namespace grpc_os::supervise {
namespace {

constexpr size_t kOutputBytes = size_t{32} << 10;  // in one message

bool MayAsk(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == geteuid();
}

}  // namespace

Control::Control(EventLoop& loop, Instance& instance, std::string instance_id, UniqueFd listener,
                 const std::string& directory)
    : loop_(loop),
      instance_(instance),
      instance_id_(std::move(instance_id)),
      listener_(loop, std::move(listener),
                {.path = directory + "/ctl.sock",
                 .listen = [directory] { return protocol::ListenAt(directory, "ctl.sock"); },
                 .take = [this](UniqueFd socket) { Take(std::move(socket)); }}) {}

void Control::LookAtFiles() {
  instance_.RestoreFiles();
  listener_.Look();
}

Control::~Control() {
  for (const auto& connection : connections_) loop_.Unwatch(connection->socket.get());
}

void Control::Take(UniqueFd socket) {
  if (!MayAsk(socket.get())) return;
  MakeRoom();
  connections_.push_back(std::make_unique<Connection>());
  Connection& connection = *connections_.back();
  connection.socket = std::move(socket);
  loop_.Watch(connection.socket.get(), EPOLLIN, [this, &connection](uint32_t events) {
    OnReady(connection, events);
    RemoveClosed();
  });
}

void Control::MakeRoom() {
  if (connections_.size() < static_cast<size_t>(limits::kControlConnections)) return;
  const auto rank = [](const auto& connection) {
    return std::pair(connection->wants_reports, connection->greeted);
  };
  const auto first =
      std::min_element(connections_.begin(), connections_.end(),
                       [&](const auto& one, const auto& other) { return rank(one) < rank(other); });
  (*first)->closed = true;
  RemoveClosed();
}

void Control::OnReady(Connection& connection, uint32_t events) {
  if ((events & EPOLLOUT) != 0) connection.full = false;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Receive(connection);
  if (connection.closed) return;
  SendWaiting(connection);
  WatchAsNeeded(connection);
}

void Control::Receive(Connection& connection) {
  absl::StatusOr<protocol::Packet> packet = protocol::ReceivePacket(connection.socket.get());
  internal::SuperviseRequest request;
  if (!packet.ok() || packet->closed) {
    connection.closed = true;
  } else if (!packet->empty) {
    if (request.ParseFromString(packet->bytes)) {
      OnRequest(connection, request, packet->fd.get());
    } else {
      connection.closed = true;
    }
  }
}

void Control::OnRequest(Connection& connection, const internal::SuperviseRequest& request, int fd) {
  if (request.kind_case() == internal::SuperviseRequest::kHello) {
    return OnHello(connection, request.hello());
  }
  if (!connection.greeted) {
    connection.closed = true;
    return;
  }
  absl::Status status;
  pid_t pid = 0;
  int64_t stop_ms = 0;
  switch (request.kind_case()) {
    case internal::SuperviseRequest::kAckSeq:
      instance_.journal().Acknowledge(request.ack_seq());
      break;
    case internal::SuperviseRequest::kSetSpec:
      status = instance_.SetSpec(fd);
      break;
    case internal::SuperviseRequest::kStop:
      if (request.stop().cause() == "shutdown") {
        instance_.ShutDown();
      } else {
        instance_.Stop(request.stop().cause());
      }
      break;
    case internal::SuperviseRequest::kRestart:
      status = instance_.Restart(request.restart().restart_number(),
                                 request.restart().only_if_waiting());
      break;
    case internal::SuperviseRequest::kSignal: {
      const absl::StatusOr<pid_t> signalled = instance_.Signal(request.signal().signal());
      status = signalled.status();
      if (signalled.ok()) pid = *signalled;
      break;
    }
    case internal::SuperviseRequest::kLookAtFiles:
      LookAtFiles();
      break;
    case internal::SuperviseRequest::kRelease:
      status = instance_.Release();
      break;
    case internal::SuperviseRequest::kAskStopTime:
      stop_ms = instance_.StopTimeMs();
      break;
    default:
      status = absl::UnimplementedError(
          "this supervisor is older than the request: restart the process to have a newer one");
  }
  if (request.call_id() == 0) return;
  internal::SuperviseReply reply;
  reply.mutable_result()->set_call_id(request.call_id());
  reply.mutable_result()->set_error(std::string(status.message()));
  reply.mutable_result()->set_pid(pid);
  reply.mutable_result()->set_stop_ms(stop_ms);
  connection.answers.push_back(std::move(reply));
}

void Control::OnHello(Connection& connection, const internal::SuperviseHello& hello) {
  if (hello.instance_id() != instance_id_ || connection.greeted) {
    connection.closed = true;  // this is not the one that is meant
    return;
  }
  connection.greeted = true;
  if (hello.role() != "osd") return;
  if (on_come_) on_come_();
  connection.wants_reports = true;
  connection.sent_seq = hello.after_seq();
  internal::SuperviseReply reply;
  *reply.mutable_hello() = instance_.Status();
  connection.answers.push_back(std::move(reply));
}

bool Control::Send(Connection& connection, const internal::SuperviseReply& reply) {
  const absl::Status sent = protocol::SendPacket(connection.socket.get(), reply);
  if (sent.ok()) return true;
  if (absl::IsResourceExhausted(sent)) {
    connection.full = true;
  } else {
    connection.closed = true;
  }
  return false;
}

// The greeting goes first; then reports before the answers to what caused them.
void Control::SendWaiting(Connection& connection) {
  if (connection.full || connection.closed) return;
  auto& answers = connection.answers;
  if (!answers.empty() && answers.front().has_hello()) {
    if (!Send(connection, answers.front())) return;
    answers.pop_front();
  }
  if (connection.wants_reports && !SendOutputTo(connection)) return;
  if (connection.wants_reports && !SendReportsTo(connection)) return;
  while (!answers.empty()) {
    if (!Send(connection, answers.front())) return;
    answers.pop_front();
  }
}

bool Control::SendOutputTo(Connection& connection) {
  while (!output_.empty()) {
    if (!Send(connection, output_.front())) return false;
    output_.pop_front();
  }
  instance_.PauseOutput(false);
  return true;
}

void Control::WatchCaller(std::function<void()> on_come, std::function<void()> on_leave) {
  on_come_ = std::move(on_come);
  on_leave_ = std::move(on_leave);
}

bool Control::has_caller() const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const auto& connection) { return connection->wants_reports; });
}

void Control::Relay(protocol::LogStream stream, std::string_view bytes) {
  if (!has_caller()) return;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kOutputBytes))) {
    internal::TaskOutput& output = *output_.emplace_back().mutable_output();
    output.set_to_stderr(stream == protocol::LogStream::kStderr);
    output.set_data(std::string(bytes.substr(0, kOutputBytes)));
  }
  // A connection that has ended is removed when its socket says so.
  for (const auto& connection : connections_) {
    if (!connection->wants_reports) continue;
    SendWaiting(*connection);
    WatchAsNeeded(*connection);
  }
  if (!output_.empty()) instance_.PauseOutput(true);
}

bool Control::SendReportsTo(Connection& connection) {
  const Journal& journal = instance_.journal();
  for (;;) {
    absl::StatusOr<std::optional<internal::Report>> report = journal.ReadAfter(connection.sent_seq);
    if (!report.ok()) {
      connection.closed = true;
      return false;
    }
    if (!report->has_value()) break;
    internal::SuperviseReply reply;
    *reply.mutable_report() = *std::move(*report);
    if (!Send(connection, reply)) return false;
    connection.sent_seq = reply.report().seq();
  }
  if (!journal.has_queued() || connection.present_seq == journal.last_seq()) return true;
  internal::SuperviseReply reply;
  *reply.mutable_present() = instance_.Status();
  if (!Send(connection, reply)) return false;
  connection.present_seq = journal.last_seq();
  return true;
}

void Control::WatchAsNeeded(Connection& connection) {
  if (connection.closed) return;
  uint32_t events = 0;
  if (connection.answers.size() < kResultsWaiting) events |= EPOLLIN;
  if (connection.full) events |= EPOLLOUT;
  loop_.Rewatch(connection.socket.get(), events);
}

void Control::SendReports() {
  for (const auto& connection : connections_) {
    SendWaiting(*connection);
    WatchAsNeeded(*connection);
  }
  RemoveClosed();
  instance_.journal().CompactIfLarge();
}

void Control::RemoveClosed() {
  bool left = false;
  std::erase_if(connections_, [&](const std::unique_ptr<Connection>& connection) {
    if (connection->closed) loop_.Unwatch(connection->socket.get());
    left = left || (connection->closed && connection->wants_reports);
    return connection->closed;
  });
  if (!left || !on_leave_) return;
  output_.clear();
  instance_.PauseOutput(false);
  loop_.Post(on_leave_);
}

}  // namespace grpc_os::supervise
