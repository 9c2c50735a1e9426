#include "init/stop_request.h"

#include <poll.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "protocol/messages.pb.h"
#include "protocol/packet.h"

namespace grpc_os::init {
namespace {

// What init takes at most for grpc-osd, and for all supervisors, and some more.
constexpr int64_t kStopMs = 15'000;
constexpr int64_t kStopAllMs = 55'000;

// Until the other side has closed the connection.
bool WaitForEnd(int socket, int64_t timeout_ms) {
  const int64_t deadline_ms = EventLoop::NowMs() + timeout_ms;
  for (;;) {
    const absl::StatusOr<protocol::Packet> packet = protocol::ReceivePacket(socket);
    if (!packet.ok() || packet->closed) return true;
    const int64_t left_ms = deadline_ms - EventLoop::NowMs();
    if (left_ms <= 0) return false;
    pollfd ready{socket, POLLIN, 0};
    poll(&ready, 1, static_cast<int>(left_ms));
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
  const int64_t timeout_ms = all ? kStopAllMs : kStopMs;
  if (WaitForEnd(connection->get(), timeout_ms)) return true;
  return absl::DeadlineExceededError(
      absl::StrCat("grpc-os-init on ", data.path(), " did not end within ", timeout_ms / 1000,
                   " s; see ", data.path(), "/logs/system/init.log"));
}

}  // namespace grpc_os::init
