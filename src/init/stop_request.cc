#include "init/stop_request.h"

#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "protocol/messages.pb.h"
#include "protocol/packet.h"

namespace grpc_os::init {
namespace {

// Of an init of before, which does not say how long it takes.
constexpr int64_t kStopMs = 15'000;
constexpr int64_t kStopAllMs = 55'000;
constexpr int64_t kSpareMs = 10'000;  // beyond what it says

enum class End { kDone, kDied, kOverdue };

// Until the other side has closed the connection; prints what it says meanwhile.
End WaitForEnd(int socket, int64_t timeout_ms, std::string& left) {
  int64_t deadline_ms = EventLoop::NowMs() + timeout_ms;
  bool speaks = false;
  bool done = false;
  for (;;) {
    const absl::StatusOr<protocol::Packet> packet = protocol::ReceivePacket(socket);
    if (!packet.ok() || packet->closed) return speaks && !done ? End::kDied : End::kDone;
    internal::InitReply reply;
    if (!packet->empty && reply.ParseFromString(packet->bytes) && reply.has_stopping()) {
      const internal::StopProgress& stopping = reply.stopping();
      speaks = true;
      done = stopping.done();
      left = stopping.left();
      deadline_ms = EventLoop::NowMs() + stopping.within_ms() + kSpareMs;
      if (!stopping.text().empty()) printf("%s\n", stopping.text().c_str());
      fflush(stdout);
    }
    const int64_t left_ms = deadline_ms - EventLoop::NowMs();
    if (left_ms <= 0) return End::kOverdue;
    pollfd ready{socket, POLLIN, 0};
    if (packet->empty) poll(&ready, 1, static_cast<int>(left_ms));
  }
}

}  // namespace

absl::StatusOr<bool> StopRunningInit(const DataDirectory& data, bool all) {
  const absl::StatusOr<UniqueFd> connection = protocol::ConnectTo(data.RunPath(), "init.sock");
  if (absl::IsNotFound(connection.status()) || absl::IsUnavailable(connection.status())) {
    return false;
  }
  if (!connection.ok()) return connection.status();
  internal::InitRequest hello;
  hello.mutable_hello()->set_role("control");
  hello.mutable_hello()->set_protocol_version(1);
  internal::InitRequest request;
  if (all) {
    request.mutable_stop_all();
  } else {
    request.mutable_stop();
  }
  for (const internal::InitRequest* message : {&hello, &request}) {
    absl::Status sent = protocol::SendPacket(connection->get(), *message);
    if (absl::IsUnavailable(sent)) return true;  // it ends by itself
    if (!sent.ok()) return sent;
  }
  std::string left;
  const End end = WaitForEnd(connection->get(), all ? kStopAllMs : kStopMs, left);
  if (end == End::kOverdue) {
    return absl::DeadlineExceededError(absl::StrCat("grpc-os-init on ", data.path(),
                                                    " did not end in time; see ", data.path(),
                                                    "/logs/system/init.log"));
  }
  if (!left.empty()) return NotAllStopped(left);
  return end == End::kDone;
}

absl::Status NotAllStopped(const std::string& left) {
  return absl::InternalError(absl::StrCat("SIGKILL has not ended: ", left));
}

}  // namespace grpc_os::init
